"""Overlap of maps: torchmetrics' figures, and a bootstrap over images that tells a difference from chance."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import multiclass_f1_score, multiclass_jaccard_index

from edgeforge.data.labels import counted_pixels
from edgeforge.evaluate.maps.overlap import error_drop, image_errors
from edgeforge.evaluate.maps.pictures import map_pictures
from edgeforge.evaluate.measure import same_class
from edgeforge.evaluate.metrics import head_errors, judged_by, metrics
from edgeforge.evaluate.parity.runtime_pairs import Outputs, runtime_pairs
from edgeforge.results.head import IGNORED, Head
from edgeforge.results.preprocessing import Preprocessing

HEAD = Head("class", ("a", "b", "c"), kind="map", shape=(4, 5, 3))
MAPS = Preprocessing((1, 4, 5), 255.0, (0.5,), (0.2,), HEAD.classes, (HEAD,))
RANDOM = np.random.default_rng(0)
TRUTH = RANDOM.integers(0, 3, (30, 20)).astype(np.uint8)


def outputs_of(classes: np.ndarray) -> np.ndarray:
    return np.eye(3, dtype=np.float32)[classes].reshape(len(classes), -1)


def seen(outputs: np.ndarray, truth: np.ndarray = TRUTH, head: Head = HEAD) -> np.ndarray:
    return judged_by(outputs, truth.astype(np.int64), head)


def with_errors(share: float) -> np.ndarray:
    wrong = RANDOM.random(TRUTH.shape) < share
    return outputs_of(np.where(wrong, (TRUTH + 1) % 3, TRUTH))


def test_figures_are_those_of_torchmetrics() -> None:
    outputs = with_errors(0.3)
    found, drop = metrics(seen(outputs), None, TRUTH, MAPS, {})
    pair = torch.from_numpy(HEAD.decide(outputs)), torch.from_numpy(TRUTH).long()
    assert found.ious == pytest.approx(multiclass_jaccard_index(*pair, 3, average="none").tolist())
    assert found.iou == pytest.approx(float(multiclass_jaccard_index(*pair, 3)))
    assert found.dice == pytest.approx(float(multiclass_f1_score(*pair, 3, average="macro")))
    assert found.pixels == pytest.approx((pair[0] == pair[1]).float().mean())
    assert found.iou_low and found.iou_high and found.iou_low < (found.iou or 0) < found.iou_high
    assert drop.verdict == "reference" and found.top1 is None and found.images == 30
    perfect, _ = metrics(seen(outputs_of(TRUTH)), None, TRUTH, MAPS, {})
    assert (perfect.iou, perfect.dice, perfect.pixels) == (1.0, 1.0, 1.0)


def test_a_class_that_is_nowhere_is_left_out() -> None:
    truth = np.minimum(TRUTH, 1)
    found, _ = metrics(seen(outputs_of(truth), truth), None, truth, MAPS, {})
    assert found.ious == [1.0, 1.0, None] and found.iou == 1.0 and found.dice == 1.0


def test_a_drop_is_judged_image_by_image() -> None:
    good, same, bad = (seen(with_errors(share)) for share in (0.1, 0.1, 0.3))
    _, worse = metrics(bad, good, TRUTH, MAPS, {})
    _, tie = metrics(same, good, TRUTH, MAPS, {})
    assert (worse.verdict, tie.verdict) == ("worse", "tie")
    assert worse.points > 10 and worse.iou_high is not None and worse.iou_high < 0
    errors = [head_errors(one, TRUTH.astype(np.int64), HEAD) for one in (good, bad)]
    assert errors[0].shape == (30,) and error_drop(*errors).verdict == "worse"
    assert error_drop(*errors[::-1]).verdict == "better" and error_drop(errors[0], errors[0]).verdict == "tie"
    assert image_errors(seen(outputs_of(TRUTH))).max() == 0


def test_one_output_a_pixel_says_yes_or_no() -> None:
    head = Head("class", ("no", "yes"), kind="map", shape=(4, 5, 1), threshold=0.5)
    one = Preprocessing((1, 4, 5), 255.0, (0.5,), (0.2,), head.classes, (head,))
    truth = np.minimum(TRUTH, 1)
    found, _ = metrics(seen(np.where(truth == 1, 2.0, -2.0).astype(np.float32), truth, head), None, truth, one, {})
    assert found.iou == 1.0 and len(found.ious) == 2


def test_pixels_of_no_class_are_not_judged() -> None:
    outputs, painted = with_errors(0.3), TRUTH.copy()
    painted[:, :7] = IGNORED
    found, _ = metrics(seen(outputs, painted), None, painted, MAPS, {})
    pair = torch.from_numpy(HEAD.decide(outputs)[:, 7:]), torch.from_numpy(TRUTH[:, 7:]).long()
    assert found.iou == pytest.approx(float(multiclass_jaccard_index(*pair, 3)))
    assert found.dice == pytest.approx(float(multiclass_f1_score(*pair, 3, average="macro")))
    assert sum(map(sum, found.confusion)) == 30 * 13
    counted = counted_pixels(painted, MAPS)
    assert counted is not None and counted_pixels(TRUTH, MAPS) is None
    right = (HEAD.decide(outputs) == TRUTH)[:, 7:].mean()
    assert same_class(outputs, outputs_of(TRUTH), MAPS.classified, counted) == pytest.approx(right)
    index = np.arange(10, 30)
    sides = [Outputs(name, one[10:], index) for name, one in (("a", outputs), ("b", outputs_of(TRUTH)))]
    (row,) = runtime_pairs(sides, None, MAPS.classified, counted)
    assert row.same_class == pytest.approx((HEAD.decide(outputs) == TRUTH)[10:, 7:].mean())


def test_pictures_go_from_the_worst_to_the_best() -> None:
    images = RANDOM.integers(0, 255, (30, 1, 4, 5)).astype(np.uint8)
    good, bad = outputs_of(TRUTH), with_errors(0.3)
    row = map_pictures(images, TRUTH, {"torch-fp32": good[5:], "tflm-int8": bad[5:]}, np.arange(5, 30), MAPS)
    assert row is not None and len(row.pictures) == 6 and row.images == 25
    shown = [one.iou for one in row.pictures]
    assert shown == sorted(shown) and all(one.truth == one.said_float != one.said_int8 for one in row.pictures[:2])
    assert all(one.index >= 5 for one in row.pictures)
