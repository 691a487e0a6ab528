"""The network of PyTorch's MNIST example: 1,199,882 parameters."""

import torch
from torch import nn


class MnistCNN(nn.Module):
    """Two convolutions, one max-pool, two dense layers, dropout; returns logits (the example's log-softmax
    is part of the loss here, so that every runtime compares logits)."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 32, kernel_size=3),
            nn.ReLU(),
            nn.Conv2d(32, 64, kernel_size=3),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Dropout(0.25),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(9216, 128),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(128, classes),
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits (N,classes) of images (N,1,28,28)."""
        return self.classifier(self.features(images))
