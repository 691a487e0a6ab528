"""One output for yes or no: its loss and its figures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from edgeforge.evaluate.metrics import head_errors, metrics
from edgeforge.recipe.sections.training import Train
from edgeforge.results.head import Head
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.train.heads_loss import HeadsLoss, targets

HEAD = Head("class", ("no", "yes"), kind="yes_no", threshold=0.5)
ONE = Preprocessing((1, 1, 4), 1.0, (0.0,), (1.0,), HEAD.classes, (HEAD,), "float32")
LABELS = np.array([0, 0, 0, 1])


def test_the_loss_is_that_of_one_logit_and_a_rare_yes_may_count_more() -> None:
    outputs = torch.tensor([[-1.0], [2.0], [0.5], [3.0]])
    truth = torch.from_numpy(targets(LABELS, ONE.heads))
    plain = HeadsLoss(ONE, Train(), LABELS)(outputs, truth)
    assert plain == nn.functional.binary_cross_entropy_with_logits(outputs[:, 0], truth.float())
    balanced = HeadsLoss(ONE, Train(class_weights="balanced"), LABELS)(outputs, truth)
    weight = torch.tensor(3.0)
    assert balanced == nn.functional.binary_cross_entropy_with_logits(outputs[:, 0], truth.float(), pos_weight=weight)


def test_figures_of_both_classes_and_of_all_thresholds() -> None:
    outputs = np.array([[-2.0], [-1.0], [1.0], [0.5]], np.float32)
    found, _ = metrics(outputs, outputs, LABELS, ONE, {})
    assert found.top1 == 0.75 and found.confusion == [[2, 1], [0, 1]]
    assert found.auroc == pytest.approx(2 / 3) and found.auprc == pytest.approx(0.5)
    assert head_errors(outputs, LABELS, HEAD).tolist() == [False, False, True, False]
    assert ONE.classified is not None and ONE.classified(outputs).tolist() == [0, 0, 1, 1]


def test_the_loss_of_probabilities_is_that_of_their_logits() -> None:
    """A network that itself ends in a sigmoid is trained on what that gives."""
    outputs = torch.tensor([[-1.0], [2.0], [0.5], [3.0]])
    itself = replace(ONE, heads=(replace(HEAD, probability=True),))
    truth = torch.from_numpy(targets(LABELS, ONE.heads))
    for train in (Train(), Train(class_weights="balanced")):
        wanted = HeadsLoss(ONE, train, LABELS)(outputs, truth)
        assert torch.isclose(HeadsLoss(itself, train, LABELS)(outputs.sigmoid(), truth), wanted)


def test_figures_of_a_yes_are_at_the_threshold() -> None:
    outputs = np.array([[-2.0], [-1.0], [1.0], [0.5]], np.float32)
    for threshold, precision, recall in ((0.5, 0.5, 1.0), (0.7, 0.0, 0.0), (0.9, None, 0.0)):
        head = replace(HEAD, threshold=threshold)
        found, _ = metrics(outputs, outputs, LABELS, replace(ONE, heads=(head,)), {})
        assert (found.threshold, found.precision, found.recall) == (threshold, precision, recall)
        assert found.auroc == pytest.approx(2 / 3), "over all thresholds"
