"""Random changes of windows of a sensor: their height, when they begin, and how the sensor is mounted."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from edgeforge.train.augment.images import Augmentation

SPACE = 3  # axes x, y, z


class WindowAugmentation(Augmentation):
    """Changes raw windows (N,axes,1,samples); noise is added to normalised ones."""

    def _one(self, image: torch.Tensor, random: np.random.Generator) -> torch.Tensor:
        wanted, values = self.settings, image[:, 0].numpy()
        if wanted.rotate:
            turn = rotation(random, np.radians(float(wanted.rotate)))
            for first in range(0, len(values) - SPACE + 1, SPACE):
                values[first : first + SPACE] = turn @ values[first : first + SPACE]
        if wanted.scale:
            values = values * np.float32(1 + random.uniform(-wanted.scale, wanted.scale))
        if wanted.shift:
            length = values.shape[1]
            moved = round(random.uniform(-wanted.shift, wanted.shift) * length)
            values = values[:, np.clip(np.arange(length) + moved, 0, length - 1)]
        return torch.from_numpy(np.ascontiguousarray(values, np.float32))[:, None]


def rotation(random: np.random.Generator, most: float) -> NDArray[np.float32]:
    """Return a rotation (3,3) by up to `most` radians about a random direction: Rodrigues' formula."""
    axis = random.standard_normal(SPACE)
    x, y, z = axis / np.linalg.norm(axis)
    angle = random.uniform(-most, most)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turn = np.eye(SPACE) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return turn.astype(np.float32)
