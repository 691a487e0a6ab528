"""A finished file of several outputs: each is a head of data.heads, by its name or in their order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from edgeforge.errors import RecipeError
from edgeforge.export.onnx import save_onnx, write_onnx
from edgeforge.recipe.schema import Model
from edgeforge.results.head import Head
from edgeforge.results.preprocessing import Preprocessing, Sampling
from edgeforge.runtimes.onnxruntime import OnnxRunner
from edgeforge.train.head.threshold import ended
from edgeforge.train.network.finished import Seen, check_finished, load_finished, require_normalised
from edgeforge.train.network.onnx_file import check_onnx, open_onnx

HEADS = (
    Head("shape", ("a", "b", "c")), Head("hertz", unit="Hz", mean=3.0, std=2.0),
    Head("loud", ("no", "yes"), kind="yes_no"),
)  # fmt: skip
PICTURES = Preprocessing((2, 4, 6), 1.0, (0.0,) * 2, (1.0,) * 2, ("a", "b", "c"), HEADS)
WINDOWS = replace(PICTURES, shape=(2, 1, 12), raw_type="float32", sampling=Sampling(50.0, 6, ("x", "y")))
FORMS = {"pictures": (PICTURES, (2, 4, 6)), "N,C,L": (WINDOWS, (2, 12)), "N,L,C": (WINDOWS, (12, 2))}
SUFFIXES = (".pt", ".script.pt", ".pt2", ".onnx", ".old.onnx")


class Several(nn.Module):
    """Three outputs of other ranks; `loud` is a probability."""

    def __init__(self, values: int) -> None:
        super().__init__()
        self.shape, self.hertz, self.loud = nn.Linear(values, 3), nn.Linear(values, 1), nn.Linear(values, 1)

    def named(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        x = x.flatten(1)
        loud, shape = torch.sigmoid(self.loud(x)), self.shape(x).unsqueeze(2).unsqueeze(3)
        return {"loud": loud, "shape": shape, "hertz": self.hertz(x).squeeze(1)}

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return self.named(x)


class InOrder(Several):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:  # type: ignore[override]
        found = self.named(x)
        return found["shape"], found["hertz"], found["loud"]


def saved(path: Path, network: nn.Module, shape: tuple[int, ...], names: tuple[str, ...]) -> Path:
    image = torch.zeros(1, *shape)
    network.eval()
    if path.name.endswith(".script.pt"):
        torch.jit.script(network).save(path)
    elif path.suffix == ".pt":
        torch.jit.trace(network, image, strict=False).save(path)  # type: ignore[no-untyped-call]
    elif path.suffix == ".pt2":
        torch.export.save(torch.export.export(network, (image,)), path)
    else:
        old = {"dynamo": False, "opset_version": 13} if ".old" in path.name else {"dynamo": True}
        torch.onnx.export(network, (image,), path, output_names=list(names), verbose=False, **old)  # type: ignore[arg-type]
    return path


def seen_of(
    path: Path, preprocessing: Preprocessing, images: np.ndarray, form: str | None = None
) -> tuple[Seen, np.ndarray]:
    """Return what is seen of a file, and the outputs of the ONNX file that is made of it."""
    made = path.with_name("made.onnx")
    if path.suffix == ".onnx":
        settings = Model(name=str(path))
        save_onnx(open_onnx(path, preprocessing, settings).network, preprocessing, made)
        seen = check_onnx(path, preprocessing, settings, images, images)
    else:
        write_onnx(load_finished(path, preprocessing, form), preprocessing, made)
        seen = check_finished(path, preprocessing, images, form)
    return seen, OnnxRunner(made).run(images)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_each_output_is_its_head(tmp_path: Path, suffix: str, form: str) -> None:
    preprocessing, shape = FORMS[form]
    named = suffix in (".pt2", ".script.pt") or form == "N,C,L"  # a dict, or outputs of those names in another order
    network = (Several if named else InOrder)(int(np.prod(shape)))
    names = ("loud", "shape", "hertz") if named else ("x.1", "logits", "input")
    path = saved(tmp_path / f"n{suffix}", network, shape, names)
    images = np.random.default_rng(0).standard_normal((4, *preprocessing.shape)).astype(np.float32)
    given = torch.from_numpy(images)
    if form != "pictures":
        given = given.squeeze(2) if form == "N,C,L" else given.squeeze(2).transpose(1, 2)
    with torch.no_grad():
        parts = network.named(given)
    wanted = torch.cat([parts[head.name].reshape(4, -1) for head in HEADS], 1).numpy()
    said = {"N,C,L": "ncl", "N,L,C": "nlc"}.get(form)
    if said and path.suffix == ".pt":  # both go through it; the others say which it is
        with pytest.raises(RecipeError, match="as N,C,L and as N,L,C"):
            seen_of(path, preprocessing, images)
    seen, exported = seen_of(path, preprocessing, images, said)
    assert seen.outputs is not None and abs(seen.outputs - wanted).max() < 1e-5
    assert abs(exported - wanted).max() < 1e-5
    assert [head.probability for head in ended(preprocessing, seen.lasts).heads] == [False, False, True]


@pytest.mark.parametrize("suffix", [".pt", ".pt2", ".onnx"])
def test_outputs_that_are_no_heads_are_named(tmp_path: Path, suffix: str) -> None:
    path = saved(tmp_path / f"n{suffix}", InOrder(48), (2, 4, 6), ("shape", "p", "q"))
    images = np.zeros((1, 2, 4, 6), np.float32)
    two = replace(PICTURES, heads=HEADS[:2])
    with pytest.raises(RecipeError, match=r"3 outputs.*(2 heads|heads are) ?") as caught:
        seen_of(path, two, images)
    assert "data.heads" in caught.value.fix
    with pytest.raises(RecipeError, match=r"(3 outputs|tuple of 3)"):
        seen_of(path, replace(PICTURES, heads=()), images)
    turned = replace(PICTURES, heads=(HEADS[1], HEADS[0], HEADS[2]))
    if suffix == ".onnx":
        with pytest.raises(RecipeError, match="has an output 'shape' as data\\.heads, and none 'hertz'") as caught:
            seen_of(path, turned, images)
        assert "or none" in caught.value.fix
        path = saved(tmp_path / "m.onnx", InOrder(48), (2, 4, 6), ("p", "q", "r"))
    with pytest.raises(RecipeError, match=r"its output 'hertz' for one input is \(1, 3, 1, 1\).*takes \(1, 1\)"):
        seen_of(path, turned, images)


def test_a_value_in_its_unit_is_told_from_a_normalised_one() -> None:
    rng = np.random.default_rng(0)
    truth = np.stack([rng.integers(0, 3, 50), rng.normal(3.0, 2.0, 50), rng.integers(0, 2, 50)], 1)
    outputs = np.zeros((50, 5), np.float32)
    outputs[:, 3] = truth[:, 1] + rng.normal(0, 0.1, 50)
    with pytest.raises(RecipeError, match=r"'hertz' is the value itself \(RMSE 0\.\d+ Hz on validation") as caught:
        require_normalised(Path("n.onnx"), PICTURES, outputs, truth)
    assert "(value - 3) / 2" in caught.value.fix
    outputs[:, 3] = (outputs[:, 3] - 3) / 2
    require_normalised(Path("n.onnx"), PICTURES, outputs, truth)
