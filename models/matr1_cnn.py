"""A small CNN for the voltage-capacity matrix of a battery (100 voltages x 99 cycles)."""

import torch
from torch import nn


class Matr1CNN(nn.Module):
    """Averages neighbouring voltages and cycles, where noise goes and life's trace stays; one convolution; one dense
    layer. Returns the output vector: the normalised logarithm of life, then the logits of short- and long-lived.

    The slope makes it nearly linear, and no larger: by cross-validation on the 41 training cells, deeper nets and
    plain ReLU err more, above all on cells that outlive those they have seen.

    limit: outputs stay in [-limit, limit]. Of the 41 training lives the one farthest from their mean, 2,160 cycles, is
    3.345 standard deviations away (of the logarithm): nothing was learned of longer ones. Without the bound a float
    model extrapolates, where an int8 one ends at the largest output that calibration saw, and the two differ.
    """

    def __init__(self, classes: int = 3, width: int = 8, slope: float = 0.6, limit: float = 3.345) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.AvgPool2d((10, 11)),
            nn.Conv2d(1, width, kernel_size=3, padding=1),
            nn.LeakyReLU(slope),
        )
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(width * 10 * 9, classes))
        self.bound = nn.Hardtanh(-limit, limit)

    def forward(self, changes: torch.Tensor) -> torch.Tensor:
        """Return the output vector (N,classes) of inputs (N,1,100,99)."""
        outputs = self.head(self.features(changes))
        # Not in training: beyond the bound there is no gradient, and one early step too far would be the last.
        return outputs if self.training else self.bound(outputs)
