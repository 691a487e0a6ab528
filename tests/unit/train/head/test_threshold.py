"""From which output on yes is said: chosen on validation by what the recipe says, and the same in every file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn.metrics import balanced_accuracy_score, f1_score
from torch import nn

from edgeforge.builder.stage import Job
from edgeforge.data.splits import deployed_preprocessing
from edgeforge.recipe.schema import Data, Model, Recipe
from edgeforge.results.head import Head
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.results.rows.calibration import Finding
from edgeforge.train.head.threshold import CRITERIA, best_threshold, ended, outputs_of, settle_head

HEAD = Head("class", ("no", "yes"), kind="yes_no")
ONE = Preprocessing((1, 1, 1), 1.0, (0.0,), (1.0,), HEAD.classes, (HEAD,), "float32")
FOUND = np.array([-3, -2, -1.5, -1, -0.5, 0.5, -0.25, 1, 2, 3], np.float32)
TRUTH = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 1])


def settled(folder: Path, preprocessing: Preprocessing = ONE, found: Any = FOUND, truth: Any = TRUTH,
            train: Any = None, **data: Any) -> tuple[Head, list[Finding]]:  # fmt: skip
    """Return the head of every file after a network that gives its input has been settled."""
    raw = np.asarray(found, np.float32).reshape(-1, 1, 1, 1)
    other = np.zeros((3, 1, 1, 1), np.float32) if train is None else train.reshape(-1, 1, 1, 1)
    np.savez(folder / "data.npz", train_x=other, train_y=np.zeros(len(other)), val_x=raw, val_y=np.asarray(truth))
    (folder / "preprocessing.json").write_text(preprocessing.to_json())
    recipe = Recipe(
        name="x", data=Data(source="csv", root="x", size=(1, 1), task="binary", **data), model=Model(name="x")
    )
    job = Job("train", recipe, {"data": folder, "train": folder}, folder, folder, lambda share, text: None)
    findings = settle_head(job, preprocessing, outputs_of(nn.Flatten(), preprocessing))
    return deployed_preprocessing(job).heads[0], findings


def test_balanced_accuracy_chooses_where_nothing_is_said(tmp_path: Path) -> None:
    head, (finding,) = settled(tmp_path)
    assert head.cut == pytest.approx(-0.375, abs=1e-5)
    assert finding.severity == "warning" and "so few say little" in finding.remedy
    assert (
        "the best of 10 validation inputs: balanced accuracy 91.67 %, 79.17 % at 0.5; 4 of them are 'yes'"
        in finding.what
    )


def test_a_criterion_may_be_named_and_a_number_stays(tmp_path: Path) -> None:
    rare = np.concatenate([FOUND, np.linspace(-0.3, -0.2, 40)])
    truth = np.concatenate([TRUTH, np.zeros(40, int)])
    assert settled(tmp_path, found=rare, truth=truth, threshold="f1")[0].cut == pytest.approx(0.75, abs=1e-5)
    said = replace(ONE, heads=(replace(HEAD, threshold=0.9),))
    (tmp_path / "head.json").unlink()
    head, (finding,) = settled(tmp_path, said, threshold=0.9)
    assert head.threshold == 0.9 and "separates best" in finding.what and finding.remedy == "data.threshold: balanced"
    with pytest.raises(ValidationError, match="is chosen on validation inputs"):
        Data(source="csv", root="x", size=(1, 1), task="binary", threshold="f1", validation=0.0)
    with pytest.raises(ValidationError, match="threshold"):
        Data(source="csv", root="x", size=(1, 1), task="binary", threshold="best")  # type: ignore[arg-type]


def test_without_inputs_of_both_kinds_it_stays_one_half(tmp_path: Path) -> None:
    head, (finding,) = settled(tmp_path, truth=np.zeros(10, int))
    assert head.threshold == 0.5 and "all validation inputs are 'no'" in finding.what
    head, (finding,) = settled(tmp_path, train=FOUND)
    assert head.threshold == 0.5 and "there are no validation inputs to choose that by" in finding.what


def test_a_network_that_ends_in_a_sigmoid_gives_probabilities(tmp_path: Path) -> None:
    preprocessing = ended(ONE, ("sigmoid",))
    head, _ = settled(tmp_path, preprocessing, 1 / (1 + np.exp(-FOUND)))
    assert head.probability and head.cut == head.threshold == pytest.approx((0.437823 + 0.377541) / 2, abs=1e-5)
    assert head.decide(np.array([[0.4], [0.42]], np.float32)).tolist() == [0, 1]


@given(
    st.lists(st.tuples(st.integers(-40, 40), st.booleans()), min_size=2, max_size=30).filter(
        lambda rows: len({yes for _, yes in rows}) == 2
    ),
    st.sampled_from(["balanced", "f1"]),
)
def test_no_other_threshold_is_better(rows: list[tuple[int, bool]], name: str) -> None:
    found, truth = np.array([value / 4 for value, _ in rows], np.float32), np.array([int(yes) for _, yes in rows])
    judge = {"balanced": balanced_accuracy_score, "f1": f1_score}[name]
    head = replace(HEAD, threshold=best_threshold(found, truth, HEAD, CRITERIA[name][0]))
    reached = judge(truth, head.decide(found[:, None]))
    values = np.unique(found)
    others = [judge(truth, found >= cut) for cut in [0.0, *((values[1:] + values[:-1]) / 2)]]
    assert reached == pytest.approx(max(others)), "as sklearn judges it"
    if judge(truth, found >= 0) == pytest.approx(max(others)):
        assert head.threshold == 0.5, "one half where that is as good"


def test_the_ending_is_seen_through_what_only_moves_values() -> None:
    from edgeforge.train.head.ending import last_functions

    class Net(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.sigmoid(x.mean((2, 3))).view(-1, 1).contiguous()

    image = torch.zeros(1, 1, 2, 2)
    traced = torch.jit.trace(Net(), image)  # type: ignore[no-untyped-call]
    exported = torch.export.export(Net(), (image,)).module()
    for network in (Net(), traced, torch.jit.script(Net()), exported):
        assert last_functions(network, image) == ("sigmoid",)
    assert last_functions(nn.Flatten(), image) == ("",)
    assert last_functions(torch.jit.trace(nn.ReLU(), image), image) == ("",)  # type: ignore[no-untyped-call]
