"""One output for yes or no: its loss, its figures, and the threshold that validation would choose."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from edgeforge.evaluate.metrics import head_errors, metrics
from edgeforge.recipe.schema import Train
from edgeforge.results.head import Head
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.train.heads_loss import HeadsLoss, targets
from edgeforge.train.threshold import best_threshold, threshold_finding

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


def test_the_threshold_of_validation_is_told_where_it_is_better() -> None:
    found = np.array([0.1, 0.2, 0.3, 0.4, 0.45])
    truth = np.array([0, 0, 0, 1, 1])
    assert best_threshold(found, truth) == (0.35, 1.0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 1))
    with torch.no_grad():
        network[1].weight.zero_()  # type: ignore[union-attr]
        network[1].weight[0, 0] = 1.0  # type: ignore[index]
        network[1].bias.zero_()  # type: ignore[union-attr]
    raw = np.zeros((5, 1, 1, 4), np.float32)
    raw[:, 0, 0, 0] = np.log(found / (1 - found))
    weights = {name: value.clone() for name, value in network.state_dict().items()}
    (note,) = threshold_finding(network, weights, ONE, raw, truth)
    assert "0.350 separates best: balanced accuracy 100.00 %, 50.00 % at 0.5" in note.what
    assert note.remedy == "data.threshold: 0.350" and note.severity == "note"
    raw[:, 0, 0, 0] += 2 * (truth - 0.5) * 3
    assert threshold_finding(network, weights, ONE, raw, truth) == []
