import math
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from places import ROOT
from torch import nn

from edgeforge.builder.stage import Job
from edgeforge.errors import RecipeError
from edgeforge.recipe.load import load_recipe
from edgeforge.recipe.schema import Data, Distill, Model, Recipe
from edgeforge.recipe.sections.training import Train
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.train.distill import DistilledClassifier, load_teacher, soft_loss

MODELS = ROOT / "models"
DIGITS = Preprocessing((1, 8, 8), 16.0, (0.3,), (0.4,), tuple("0123456789"))
logits = st.lists(st.floats(-8, 8), min_size=3, max_size=3)


@settings(max_examples=50)
@given(student=logits, teacher=logits, temperature=st.floats(0.5, 10))
def test_the_soft_loss_is_the_formula(student: list[float], teacher: list[float], temperature: float) -> None:
    def softened(values: list[float]) -> list[float]:
        powers = [math.exp(value / temperature) for value in values]
        return [power / sum(powers) for power in powers]

    pairs = zip(softened(teacher), softened(student), strict=True)
    expected = temperature**2 * sum(p * (math.log(p) - math.log(q)) for p, q in pairs)
    found = soft_loss(torch.tensor([student]).double(), torch.tensor([teacher]).double(), temperature)
    assert float(found) == pytest.approx(expected, rel=1e-6, abs=1e-6) and float(found) >= -1e-9


def test_weight_0_is_the_labels_loss_and_weight_1_the_teacher_s() -> None:
    import numpy as np

    torch.manual_seed(0)
    student, teacher = (nn.Sequential(nn.Flatten(), nn.Linear(64, 10)) for _ in range(2))
    images, labels = torch.randn(6, 1, 8, 8), torch.arange(6)
    losses = {}
    for weight in (0.0, 1.0, 0.25):
        distill = Distill(teacher=Model(name="t.pt"), temperature=3.0, weight=weight)
        module = DistilledClassifier(teacher, distill, student, Train(), DIGITS, np.arange(6))
        losses[weight] = float(module.training_loss(images, labels))
        assert not any("teacher" in name for name in module.state_dict()), "the teacher is in no checkpoint"
    assert losses[0.0] == pytest.approx(float(nn.functional.cross_entropy(student(images), labels)))
    assert losses[1.0] == pytest.approx(float(soft_loss(student(images), teacher(images), 3.0)))
    assert losses[0.25] == pytest.approx(0.25 * losses[1.0] + 0.75 * losses[0.0], rel=1e-5)


def test_a_teacher_is_loaded_and_checked(tmp_path: Path) -> None:
    from edgeforge.train.network.load import make_network

    model = Model(name="digits_cnn", args={"width": 6}, weights="w.ckpt")
    teacher = make_network(model, MODELS / "digits_cnn.py")
    torch.save({"state_dict": {f"network.{k}": v for k, v in teacher.state_dict().items()}}, tmp_path / "w.ckpt")

    def load(model: Model, preprocessing: Preprocessing = DIGITS) -> nn.Module:
        recipe = Recipe(name="x", data=Data(source="digits"), model=Model(name="digits_cnn"),
                        distill=Distill(teacher=model))  # fmt: skip
        files = {"teacher/model": MODELS / "digits_cnn.py", "teacher/weights": tmp_path / "w.ckpt"}
        return load_teacher(Job("train", recipe, {}, tmp_path, tmp_path, lambda *_: None, files=files), preprocessing)

    found = load(model)
    assert not found.training
    assert all(torch.equal(value, teacher.state_dict()[name]) for name, value in found.state_dict().items())
    with pytest.raises(RecipeError, match=r"distill.teacher.weights: .*w.ckpt does not fit DigitsCNN"):
        load(Model(name="digits_cnn", args={"width": 7}, weights="w.ckpt"))
    with pytest.raises(RecipeError, match=r"expected \(1, 3\)"):
        load(model, Preprocessing((1, 8, 8), 16.0, (0.3,), (0.4,), tuple("abc")))


@pytest.mark.parametrize(
    ("teacher", "expected"),
    [
        ("{name: digits_cnn}", "teacher: weights are missing"),
        ("{name: a.onnx}", "teacher: an ONNX file cannot teach"),
        ("{name: digits_cnn, weights: w.pt, args: 3}", "distill.teacher.args"),
    ],
)
def test_a_wrong_teacher_is_an_error_at_its_line(tmp_path: Path, teacher: str, expected: str) -> None:
    recipe = tmp_path / "r.yaml"
    text = f"name: x\ndata: {{source: digits}}\nmodel: {{name: digits_cnn}}\ndistill: {{teacher: {teacher}}}\n"
    recipe.write_text(text)
    with pytest.raises(RecipeError) as caught:
        load_recipe(recipe)
    assert "r.yaml:4" in caught.value.reason and expected in caught.value.reason
