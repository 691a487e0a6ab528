"""AdaRound: each weight learns whether to round up or down (Nagel et al. 2020, arXiv:2004.10568, section 3.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeforge.quantize.tflite.passes.float_layer import activated, linear
from edgeforge.tflite.layers import Layer

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

GAMMA, ZETA = -0.1, 1.1  # how far the rectified sigmoid is stretched, so that it reaches 0 and 1 (eq. 23)
BETA = (20.0, 2.0)  # the regulariser's exponent, from the first step to the last (eq. 24)
WARM_UP = 0.2  # share of the steps without the regulariser
REGULARISER = 3.0  # its weight, in units of nearest rounding's error
BATCH = 32
# The paper's 0.01 is for 10,000 steps. V goes from -2.4 to 2.4 at most: a few hundred steps must be larger.
LEARNING_RATE = 0.1
LARGEST = 127  # TFLite's int8 weights are symmetric, [-127, 127]


def learned_rounding(
    layer: Layer,
    real_weights: NDArray[np.float32],
    scales: NDArray[np.float32],
    inputs: NDArray[np.float32],
    targets: NDArray[np.float32],
    *,
    iterations: int,
    seed: int,
) -> tuple[NDArray[np.int8], float, float]:
    """Return a layer's int8 weights, and its mean squared output error with nearest rounding and with them.

    layer: of the quantized model, its bias included. real_weights: before quantization, of the layer's shape; scales:
    broadcast over them. inputs: of the quantized model so far (N,…), targets: the float model's outputs after the
    activation (eq. 25). Output channels for which learning gains nothing on these inputs keep nearest rounding.
    """
    import numpy as np
    import torch

    torch.manual_seed(seed)
    x, y = torch.from_numpy(inputs), torch.from_numpy(targets)
    scale = torch.from_numpy(np.broadcast_to(scales, real_weights.shape).copy())
    real = torch.from_numpy(real_weights) / scale
    floor = real.floor()
    # h(V) begins at each weight's own fraction, so that nothing is rounded at first.
    fraction = (real - floor).clamp(1e-4, 1 - 1e-4)
    v = torch.logit((fraction - GAMMA) / (ZETA - GAMMA)).requires_grad_()
    nearest = real.round().clamp(-LARGEST, LARGEST)
    before = _errors(layer, x, y, nearest * scale)
    error = float(before.mean())
    if error == 0.0:
        return nearest.numpy().astype(np.int8), error, error
    unit = before.clamp(min=error * 1e-6)
    optimizer = torch.optim.Adam([v], lr=LEARNING_RATE)
    for step in range(iterations):
        batch = torch.randint(len(x), (min(BATCH, len(x)),))
        up = rectified_sigmoid(v)
        weights = (floor + up).clamp(-LARGEST, LARGEST) * scale
        off = activated(layer, linear(layer, x[batch], weights)) - y[batch]
        # In units of nearest rounding's error, channel by channel: the regulariser's weight serves every scale.
        loss = (off.square() / unit).mean()
        done = (step / iterations - WARM_UP) / (1 - WARM_UP)
        if done >= 0:
            beta = BETA[0] + (BETA[1] - BETA[0]) * done
            loss = loss + REGULARISER * (1 - (2 * up - 1).abs() ** beta).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    learned = (floor + (rectified_sigmoid(v.detach()) >= 0.5)).clamp(-LARGEST, LARGEST)
    after = _errors(layer, x, y, learned * scale)
    shape = [1] * learned.ndim
    shape[layer.output_axis] = -1
    chosen = torch.where((after < before).reshape(shape), learned, nearest)
    return chosen.numpy().astype(np.int8), error, float(torch.minimum(after, before).mean())


def rectified_sigmoid(v: torch.Tensor) -> torch.Tensor:
    """Return h(V) in [0, 1] (eq. 23)."""
    return (v.sigmoid() * (ZETA - GAMMA) + GAMMA).clamp(0, 1)


def _errors(layer: Layer, inputs: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Return the mean squared error of each output channel."""
    import torch

    with torch.no_grad():
        parts = [
            (activated(layer, linear(layer, x, weights)) - y).square().flatten(0, -2).sum(0)
            for x, y in zip(inputs.split(BATCH), targets.split(BATCH), strict=True)
        ]
    return torch.stack(parts).sum(0) / (targets.numel() / targets.shape[-1])
