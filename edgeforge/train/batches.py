"""Batches of images that are already in memory, in an order that the seed and the epoch fix."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset, Sampler

from edgeforge.recipe.sections.training import Augment
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.train.augment.images import Augmentation
from edgeforge.train.augment.windows import WindowAugmentation
from edgeforge.train.heads_loss import targets


class RawImages(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Raw images (N,C,H,W of raw_type) and labels; asked for a whole batch at a time, it normalises the batch."""

    def __init__(
        self, images: NDArray[Any], labels: NDArray[Any], preprocessing: Preprocessing,
        augmentation: Augmentation | None = None,
    ) -> None:  # fmt: skip
        self.images, self.preprocessing, self.augmentation = images, preprocessing, augmentation
        self.epoch = 0
        self.targets = torch.from_numpy(targets(labels, preprocessing.heads))

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, indices: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
        raw = self.images[indices]
        if self.augmentation is None:
            images = self.preprocessing.apply(raw)
        else:
            images = self.preprocessing.apply(self.augmentation.raw(raw, indices, self.epoch))
            images = self.augmentation.normalised(images, indices, self.epoch)
        return torch.from_numpy(images), self._targets(indices)

    def _targets(self, indices: list[int]) -> torch.Tensor:
        head = self.preprocessing.heads[0]
        if not isinstance(self.augmentation, Augmentation) or head.kind != "map":
            return self.targets[indices]
        masks = self.targets[indices].numpy().reshape(-1, *head.shape[:2])
        return torch.from_numpy(self.augmentation.masks(masks, indices, self.epoch)).flatten(1)


class BatchOrder(Sampler[list[int]]):
    """Yields the indices of each batch; shuffled by (seed, epoch), so that a resumed epoch is the same.

    Lightning calls `set_epoch` before each epoch. Several training processes share each batch between them.
    """

    def __init__(self, images: int, batch_size: int, *, seed: int | None, told: RawImages | None = None) -> None:
        self.images, self.batch_size, self.seed, self.epoch = images, batch_size, seed, 0
        self.told = told  # of the epoch too

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order comes next."""
        self.epoch = epoch
        if self.told:
            self.told.epoch = epoch

    def __len__(self) -> int:
        whole, rest = divmod(self.images, self.batch_size)
        return whole + (rest >= _place()[1])

    def __iter__(self) -> Iterator[list[int]]:
        order = np.arange(self.images)
        if self.seed is not None:
            np.random.default_rng((self.seed, self.epoch)).shuffle(order)
        rank, processes = _place()
        for start in range(0, self.images, self.batch_size):
            batch = order[start : start + self.batch_size]
            if len(batch) >= processes:  # each must have a share of every batch, or the others wait for it
                yield batch[rank::processes].tolist()


def _place() -> tuple[int, int]:
    """Return this process's rank and how many train together."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return 0, 1


def loader(
    images: NDArray[Any],
    labels: NDArray[Any],
    preprocessing: Preprocessing,
    batch_size: int,
    seed: int | None = None,
    augment: Augment | None = None,
) -> DataLoader[tuple[torch.Tensor, torch.Tensor]]:
    """Return a DataLoader of normalised batches; in the stored order unless a seed is given."""
    kind = WindowAugmentation if preprocessing.sampling else Augmentation
    augmentation = None if augment is None else kind(augment, seed or 0, preprocessing.raw_max)
    data = RawImages(images, labels, preprocessing, augmentation)
    order = BatchOrder(len(images), batch_size, seed=seed, told=data)
    return DataLoader(data, sampler=order, batch_size=None)
