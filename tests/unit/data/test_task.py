"""What labels are: told by them where only one reading is possible, else asked for."""

from __future__ import annotations

import numpy as np
import pytest

from edgeforge.data.task import read_labels
from edgeforge.errors import RecipeError
from edgeforge.recipe.load import load_recipe
from edgeforge.recipe.schema import Data


def data(**values: object) -> Data:
    return Data.model_validate({"source": "csv", "root": "a.csv", "size": [8, 8], **values})


def test_names_and_few_whole_numbers_are_classes() -> None:
    told = read_labels(["cat", "dog", "cat"], data(), "here")
    assert told.classes == ("cat", "dog") and told.values.tolist() == [0, 1, 0] and told.head.kind == "classes"
    assert read_labels(["10", "9", "10"], data(), "here").classes == ("9", "10")


@pytest.mark.parametrize("labels", [["0.5", "1.5", "2"], [str(place) for place in range(30)], ["-1.0", "2e3"]])
def test_numbers_that_may_be_a_value_are_asked_for(labels: list[str]) -> None:
    with pytest.raises(RecipeError, match="classes, or a value") as caught:
        read_labels(labels, data(), "here")
    assert "data.task: value" in caught.value.fix
    told = read_labels(labels, data(task="value", unit="mm"), "here")
    assert told.values.dtype == np.float64 and told.head.unit == "mm" and told.head.name == "label" and not told.classes
    assert read_labels(labels, data(task="classes"), "here").head.kind == "classes"


def test_a_value_that_is_none() -> None:
    with pytest.raises(RecipeError, match="'tall' is no number"):
        read_labels(["1", "tall"], data(task="value"), "here")
    with pytest.raises(RecipeError, match="'nan' is no number"):
        read_labels(["1", "nan"], data(task="value"), "here")


def test_yes_or_no_is_of_two_classes_in_their_order() -> None:
    told = read_labels(["bad", "good", "bad"], data(task="binary", threshold=0.7), "here")
    assert told.head.kind == "yes_no" and told.head.size == 1 and told.head.threshold == 0.7
    assert told.values.tolist() == [0, 1, 0] and told.head.classes == ("bad", "good")
    turned = read_labels(["bad", "good"], data(task="binary", classes=["good", "bad"]), "here")
    assert turned.head.classes == ("good", "bad")
    with pytest.raises(RecipeError, match="there are 3 classes"):
        read_labels(["a", "b", "c"], data(task="binary"), "here")


def test_what_belongs_to_another_task(tmp_path) -> None:  # type: ignore[no-untyped-def]
    recipe = tmp_path / "r.yaml"
    recipe.write_text("name: r\ndata: {source: csv, root: a.csv, size: [8, 8], unit: mm}\nmodel: {name: mnist_small}\n")
    with pytest.raises(RecipeError, match="unit belongs to task value"):
        load_recipe(recipe)
