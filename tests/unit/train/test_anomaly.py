"""The input again: learned of the normal class alone, judged by its error against a threshold of validation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import nn

from edgeforge.builder.stage import Job
from edgeforge.data.splits import deployed_preprocessing, prepare, read_findings, read_preprocessing, read_split
from edgeforge.errors import RecipeError
from edgeforge.evaluate.metrics import metrics
from edgeforge.recipe.schema import Data, Model, Recipe
from edgeforge.recipe.sections.training import Train
from edgeforge.results.files import HEAD_FILE
from edgeforge.results.head import USUAL_UNUSUAL, Head
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.tflite.tensor_spec import TensorSpec
from edgeforge.tflite.tensors import as_seen
from edgeforge.train.classifier import Classifier
from edgeforge.train.head.threshold import outputs_of, percentile_of
from edgeforge.train.network.forms import give_again
from edgeforge.train.network.load import check_output

HEAD = Head("error", USUAL_UNUSUAL, kind="reconstruction", shape=(1, 4, 2), threshold=1.0)
AGAIN = Preprocessing((2, 1, 4), 1.0, (0.0, 0.0), (1.0, 1.0), USUAL_UNUSUAL, (HEAD,), "float32")


def recipe(**keys: object) -> Recipe:
    settings = {"source": "digits", "task": "reconstruction", "normal": "3"} | keys
    return Recipe(name="x", data=Data(**settings), model=Model(name="autoencoder"))  # type: ignore[arg-type]


def prepared(out: Path, **keys: object) -> Path:
    prepare(Job("data", recipe(**keys), {}, out, out, lambda share, text: None))
    return out


def test_the_normal_class_alone_is_learned_and_all_others_are_tested(tmp_path: Path) -> None:
    made = prepared(tmp_path)
    splits = {name: read_split(made, name) for name in ("train", "val", "test")}
    assert (
        sum(len(x) for x, _ in splits.values()) == 1797 and not splits["train"][1].any() and not splits["val"][1].any()
    )
    assert (splits["test"][1] == 1).sum() == 1797 - 183
    head = read_preprocessing(made).heads[0]
    assert (head.kind, head.shape, head.threshold, head.classes) == ("reconstruction", (8, 8, 1), None, USUAL_UNUSUAL)
    assert "trained on '3' alone" in read_findings(made)[-1].what
    (made / HEAD_FILE).write_text('{"threshold": 0.25}')
    job = Job("tflite", recipe(), {"data": made, "train": made}, made, made, lambda share, text: None)
    assert deployed_preprocessing(job).heads[0].threshold == 0.25


def test_a_class_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="there is no class '33'"):
        prepared(tmp_path, normal="33")


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"normal": None}, "task reconstruction and normal belong together"),
        ({"task": None}, "task reconstruction and normal belong together"),
        ({"task": "binary", "normal": None}, "source digits has classes"),
        ({"validation": 0.0}, "chooses its threshold on validation inputs"),
        ({"task": None, "normal": None, "percentile": 90}, "percentile belongs to task reconstruction"),
    ],
)
def test_what_makes_no_sense(keys: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        recipe(**keys)


class Rows(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, :, 0] + 1  # N,C,L


class Planes(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + 1


class Steps(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, :, 0].transpose(1, 2) + 1  # N,L,C


@pytest.mark.parametrize("network", [Rows(), Planes(), Steps()])
def test_every_form_is_one_vector_in_the_order_of_the_input_tensor(network: nn.Module) -> None:
    raw = np.random.default_rng(0).normal(size=(5, 2, 1, 4)).astype(np.float32)
    give_again(network, AGAIN.shape)
    check_output(network, AGAIN)
    assert np.allclose(network(torch.from_numpy(raw)).numpy(), AGAIN.as_outputs(raw) + 1)
    errors = HEAD.errors(outputs_of(network, AGAIN)(raw), AGAIN.as_outputs(raw))
    assert errors == pytest.approx([1.0] * 5)
    classifier = Classifier(network, Train(), AGAIN, np.zeros(5, np.int64))
    batch = classifier._with_targets((torch.from_numpy(raw), torch.zeros(5)))
    assert float(classifier.loss(classifier(batch[0]), batch[1])) == pytest.approx(1.0)


def test_another_output_is_refused() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(8, 3))
    give_again(network, AGAIN.shape)
    with pytest.raises(RecipeError) as caught:
        check_output(network, AGAIN)
    assert "is (1, 3); of data.task: reconstruction it is the input again: (1,2,1,4), or a vector (1, 8)" in (
        caught.value.reason
    )
    assert caught.value.fix == "make the last layer give 8 outputs, or that shape"


def test_errors_are_judged_by_the_threshold_and_over_all_of_them() -> None:
    given = np.zeros((6, 8), np.float32)
    outputs = np.sqrt(np.array([0.1, 0.2, 1.5, 0.9, 2.0, 3000.0], np.float32))[:, None] * np.ones((6, 8), np.float32)
    truth = np.array([0, 0, 0, 1, 1, 1])
    found, drop = metrics(outputs, outputs, truth, AGAIN, {}, (given, given))
    assert found.top1 == pytest.approx(4 / 6) and found.confusion == [[2, 1], [1, 2]] and drop.verdict == "tie"
    assert found.auroc == pytest.approx(8 / 9)
    assert AGAIN.classified is None


def test_the_threshold_is_above_the_share_that_was_asked_for() -> None:
    errors = np.linspace(0.1, 10, 100)
    assert (errors < percentile_of(errors, 95)).sum() == 95 and (errors < percentile_of(errors, 100)).all()


def test_a_board_compares_with_the_input_as_it_sees_it() -> None:
    images = np.array([[[[0.2, 9.0, -9.0, 0.0]], [[1.0, 0.0, 0.0, 0.0]]]], np.float32)
    seen = as_seen(images, TensorSpec((1, 1, 4, 2), "int8", 0.5, 0))
    assert seen.tolist() == [[0.0, 1.0, 9.0, 0.0, -9.0, 0.0, 0.0, 0.0]]
    assert as_seen(100 * images, TensorSpec((1, 1, 4, 2), "int8", 0.5, 0)).max() == 63.5, "clipped"
    assert np.array_equal(as_seen(images, TensorSpec((1, 1, 4, 2), "float32")), AGAIN.as_outputs(images))
