"""Random changes of training images: the same for the same seed, epoch and image, also after a resume."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from edgeforge.recipe.sections.training import Augment
from edgeforge.torchvision_import import import_torchvision


class Augmentation:
    """Changes raw images (N,C,H,W), and adds noise to normalised ones, by torchvision's transforms.v2."""

    def __init__(self, settings: Augment, seed: int, raw_max: float) -> None:
        self.settings, self.seed, self.raw_max = settings, seed, raw_max

    def raw(self, images: NDArray[Any], indices: list[int], epoch: int) -> NDArray[np.float32]:
        """Return raw images as float32, each changed in its own way. indices: of the images in the training split."""
        changed = torch.from_numpy(images.astype(np.float32) / np.float32(self.raw_max))
        for place, index in enumerate(indices):
            changed[place] = self._one(changed[place], np.random.default_rng((self.seed, epoch, index)))
        return (changed * self.raw_max).numpy()

    def masks(self, masks: NDArray[np.uint8], indices: list[int], epoch: int) -> NDArray[np.uint8]:
        """Return masks (N,H,W) turned as `raw` turns their pictures."""
        changed = torch.from_numpy(masks)
        for place, index in enumerate(indices):
            changed[place] = self._turned(changed[place][None], np.random.default_rng((self.seed, epoch, index)))[0]
        return changed.numpy()

    def normalised(self, images: NDArray[np.float32], indices: list[int], epoch: int) -> NDArray[np.float32]:
        """Return model inputs with noise, where the recipe asks for it."""
        if self.settings.mask_frames or self.settings.mask_bands:
            seeds = [(self.seed, epoch, index, 2) for index in indices]
            images = np.stack([self._masked(image, seed) for image, seed in zip(images, seeds, strict=True)])
        if not self.settings.noise:
            return images
        shape = images.shape[1:]
        noise = [np.random.default_rng((self.seed, epoch, index, 1)).standard_normal(shape) for index in indices]
        return images + np.float32(self.settings.noise) * np.stack(noise).astype(np.float32)

    def _masked(self, image: NDArray[np.float32], seed: tuple[int, ...]) -> NDArray[np.float32]:
        """Return a normalised picture (C,frames,bands) of sound, some frames and bands of it 0: the mean."""
        random, changed = np.random.default_rng(seed), image
        for axis, most in ((1, self.settings.mask_frames), (2, self.settings.mask_bands)):
            if most:
                width = int(random.integers(min(most, image.shape[axis]) + 1))
                first = int(random.integers(image.shape[axis] - width + 1))
                place = [slice(None)] * 3
                place[axis] = slice(first, first + width)
                changed = changed.copy()
                changed[tuple(place)] = 0
        return changed

    def _one(self, image: torch.Tensor, random: np.random.Generator) -> torch.Tensor:
        import_torchvision()
        from torchvision.transforms.v2 import functional

        wanted = self.settings
        image = self._turned(image, random)
        angle = 0.0 if isinstance(wanted.rotate, bool) else random.uniform(-wanted.rotate, wanted.rotate)
        if angle or wanted.shift or wanted.scale:
            _, height, width = image.shape
            dx, dy = (round(random.uniform(-wanted.shift, wanted.shift) * side) for side in (width, height))
            factor = 1 + random.uniform(-wanted.scale, wanted.scale)
            image = functional.affine(
                image, angle, [dx, dy], factor, [0.0, 0.0],
                interpolation=functional.InterpolationMode.BILINEAR, fill=image.mean((1, 2)).tolist(),
            )  # fmt: skip
        if wanted.colour:
            image = functional.adjust_brightness(image, 1 + random.uniform(-wanted.colour, wanted.colour))
            image = functional.adjust_contrast(image, 1 + random.uniform(-wanted.colour, wanted.colour))
            if len(image) == 3:
                image = functional.adjust_saturation(image, 1 + random.uniform(-wanted.colour, wanted.colour))
        return image

    def _turned(self, image: torch.Tensor, random: np.random.Generator) -> torch.Tensor:
        """Return an image (C,H,W) flipped and turned by multiples of 90 degrees: the first that `random` decides."""
        if self.settings.flip:
            image = image.flip(2) if random.random() < 0.5 else image
            image = image.flip(1) if random.random() < 0.5 else image
        if self.settings.rotate is True:
            turns = int(random.integers(4 if image.shape[1] == image.shape[2] else 2))
            image = torch.rot90(image, turns if image.shape[1] == image.shape[2] else 2 * turns, (1, 2))
        return image
