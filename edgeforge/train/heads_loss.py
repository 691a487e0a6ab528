"""What each head is trained on: cross-entropy of classes, Huber or squared error of a normalised value.

Yes or no is one logit: binary cross-entropy. A map: either of them, pixel by pixel. The input again: squared error.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edgeforge.data.labels import head_labels
from edgeforge.errors import RecipeError
from edgeforge.recipe.sections.training import Train
from edgeforge.results.head import IGNORED, Head
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.suggest import nearest


def targets(labels: NDArray[Any], heads: tuple[Head, ...]) -> NDArray[Any]:
    """Return what outputs are compared with: (N) int64 of one head of classes, else (N,heads) float32, normalised.

    Of a map (N,H*W) uint8.
    """
    if heads[0].kind == "map":
        return labels
    if labels.ndim == 1 and heads[0].classes:
        return labels
    columns = [head_labels(labels, heads, place) for place in range(len(heads))]
    return np.stack(
        [column if head.classes else head.normalised(column) for head, column in zip(heads, columns, strict=True)],
        axis=1,
    ).astype(np.float32)


def of_head(batch: torch.Tensor, place: int, head: Head) -> torch.Tensor:
    """Return one head's column (N) of `targets`: int64 of classes, float32 of a value, 0 and 1 of yes or no.

    Of a map its pixels (N*H*W), as of classes or of yes or no. Of the input again that (N,size).
    """
    if head.kind == "reconstruction":
        return batch
    if head.kind == "map":
        pixels = batch.reshape(-1)
        return pixels.float() if head.shape[-1] == 1 else pixels.long()
    column = batch if batch.ndim == 1 else batch[:, place]
    return column.long() if head.kind == "classes" else column.float()


def by_answer(outputs: torch.Tensor, head: Head) -> torch.Tensor:
    """Return one head's outputs (N,size) as `of_head` has what they should be: a row of classes, or a number, each."""
    if head.kind == "reconstruction":
        return outputs
    if head.kind == "map":
        outputs = outputs.reshape(-1, head.shape[-1])
    return outputs[:, 0] if head.decides or not head.classes else outputs


def counted(found: torch.Tensor, truth: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the pixels of a map that are of a class; where none is, one whose loss counts nothing."""
    there = truth != IGNORED
    if bool(there.any()):
        return found[there], truth[there]
    return found[:1] * 0, torch.zeros_like(truth[:1])


class OfProbability(nn.Module):
    """Binary cross-entropy of a network that itself ends in a sigmoid. rarer: how much a yes counts; None: as a no."""

    def __init__(self, rarer: torch.Tensor | None) -> None:
        super().__init__()
        self.rarer = rarer

    def forward(self, found: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        """Return the mean loss of probabilities against 0 and 1."""
        weight = None if self.rarer is None else 1 + truth * (self.rarer.to(truth.device) - 1)
        return nn.functional.binary_cross_entropy(found, truth, weight=weight)


class HeadsLoss(nn.Module):
    """The weighted sum of the heads' losses.

    `train.class_weights: balanced` weighs each class by N / (classes * its count), so that a rare class counts as
    much as a frequent one. `train.head_weights` are 1 where not given.
    Raises RecipeError for a weight of a head that is not there.
    """

    def __init__(self, preprocessing: Preprocessing, train: Train, labels: NDArray[Any]) -> None:
        super().__init__()
        self.heads, self.places = preprocessing.heads, list(preprocessing.slices().values())
        names = [head.name for head in self.heads]
        for name in train.head_weights:
            if name not in names:
                raise RecipeError(
                    f"train.head_weights: there is no head '{name}'{nearest(name, names)}",
                    fix=f"the heads are: {', '.join(names)}",
                )
        self.weights = [train.head_weights.get(name, 1.0) for name in names]
        self.losses = nn.ModuleList(self._loss(head, place, train, labels) for place, head in enumerate(self.heads))

    def _loss(self, head: Head, place: int, train: Train, labels: NDArray[Any]) -> nn.Module:
        if head.kind == "reconstruction":
            return nn.MSELoss()
        if not head.classes:
            return nn.HuberLoss() if train.value_loss == "huber" else nn.MSELoss()
        known = labels.reshape(-1) if head.kind == "map" else head_labels(labels, self.heads, place)
        counts = np.bincount(known[known != IGNORED] if head.kind == "map" else known, minlength=len(head.classes))
        if head.decides:
            rarer = None if train.class_weights is None else torch.tensor(counts[0] / max(counts[1], 1)).float()
            return OfProbability(rarer) if head.probability else nn.BCEWithLogitsLoss(pos_weight=rarer)
        if train.class_weights is None:
            return nn.CrossEntropyLoss()
        weights = counts.sum() / (len(counts) * np.maximum(counts, 1))
        return nn.CrossEntropyLoss(torch.from_numpy(weights.astype(np.float32)))

    def forward(self, outputs: torch.Tensor, expected: torch.Tensor) -> torch.Tensor:
        """Return the loss of output vectors (N,outputs) against `targets`."""
        parts = []
        for place, (head, loss) in enumerate(zip(self.heads, self.losses, strict=True)):
            found = outputs[:, self.places[place]] if len(self.heads) > 1 else outputs
            found = by_answer(found, head)
            wanted = of_head(expected, place, head)
            part: torch.Tensor = loss(*counted(found, wanted)) if head.kind == "map" else loss(found, wanted)
            parts.append(part if self.weights[place] == 1.0 else self.weights[place] * part)
        return parts[0] if len(parts) == 1 else torch.stack(parts).sum()
