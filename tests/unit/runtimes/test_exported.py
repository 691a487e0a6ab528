"""A torch.export file is data: whatever in it would be run is refused before it is loaded."""

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from edgeforge.errors import RecipeError
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.runtimes.torch_export.load import INSTEAD, load_program
from edgeforge.train.network.finished import load_finished

SHAPE = (1, 8, 8)
PICTURES = Preprocessing(SHAPE, 255.0, (0.0,), (1.0,), ("a", "b"))
IMAGE = torch.randn(2, *SHAPE, generator=torch.Generator().manual_seed(1))


class Mean(nn.Module):
    """It computes with shapes, so that they stand in the file as text."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.reshape(x.shape[0], x.shape[2] * 8).mean(1, keepdim=True) + x.shape[0] // 2


NETS: dict[str, nn.Module] = {
    "plain": nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(72, 3)).eval(),
    "shapes": Mean(),
}


@pytest.fixture(params=NETS)
def exported(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A .pt2 file, of any batch."""
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(NETS[request.param], (IMAGE,), dynamic_shapes=({0: batch},))
    torch.export.save(program, tmp_path / "net.pt2")
    return tmp_path / "net.pt2"


def rewritten(path: Path, change: Callable[[str, bytes], bytes | None], **more: bytes) -> Path:
    """Write the archive anew, with members changed and added."""
    target = path.with_name("hostile.pt2")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as new:
        names = old.namelist()
        for name in names:
            data = change(name, old.read(name))
            if data is not None:
                new.writestr(name, data)
        for name, data in more.items():
            new.writestr(f"{names[0].split('/')[0]}/{name}", data)
    return target


class Trap:
    """Unpickled, it writes a file."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch '{self.trace}'",)


def pickled(trace: Path) -> bytes:
    buffer = io.BytesIO()
    torch.save(({"x": Trap(trace)}, {}), buffer)
    return buffer.getvalue()


def test_an_honest_file_is_loaded(exported: Path, request: pytest.FixtureRequest) -> None:
    net = NETS["shapes" if "shapes" in request.node.name else "plain"]
    with torch.no_grad():
        assert torch.equal(load_finished(exported, PICTURES)(IMAGE[:1]), net(IMAGE[:1]))
    assert "TORCH_FORCE_WEIGHTS_ONLY_LOAD" not in os.environ


def changed_json(old: str, new: str) -> Callable[[str, bytes], bytes]:
    def change(name: str, data: bytes) -> bytes:
        if not name.endswith("models/model.json"):
            return data
        text = json.dumps(json.loads(data))
        assert old in text, text[:200]
        return text.replace(old, new).encode()

    return change


def same(name: str, data: bytes) -> bytes:
    return data


@pytest.mark.parametrize("member", ["data/sample_inputs/model.pt", "data/weights/weight_0", "data/constants/tensor_0"])
def test_pickled_code_is_never_run(exported: Path, tmp_path: Path, member: str) -> None:
    trace = tmp_path / "RUN"
    hostile = pickled(trace)
    kind = "weights" if "weights" in member else "constants"
    entry = {"path_name": member.rpartition("/")[2], "is_param": False, "use_pickle": True, "tensor_meta": None}

    def change(name: str, data: bytes) -> bytes | None:
        if name.endswith(member):
            return None
        if name.endswith(f"model_{kind}_config.json") and "sample" not in member:
            return json.dumps({"config": {"x": entry}}).encode()
        return data

    path = rewritten(exported, change, **{member: hostile})
    with pytest.raises(RecipeError):
        load_finished(path, PICTURES)
    assert not trace.exists()
    torch.load(io.BytesIO(hostile), weights_only=False)
    assert trace.exists(), "the trap is none"


@pytest.mark.parametrize(
    ("member", "what"),
    [("data/aotinductor/model/model.so", "a compiled library"),
     ("data/constants/opaque_obj_0", "an object of a class of its own"),
     ("data/constants/custom_obj_0", "an object of a class of its own"),
     ("extra.pt", "more than tensors in")],
)  # fmt: skip
def test_a_member_that_is_code_is_named(exported: Path, tmp_path: Path, member: str, what: str) -> None:
    path = rewritten(exported, same, **{member: pickle.dumps(Trap(tmp_path / "RUN"))})
    with pytest.raises(RecipeError, match=what) as caught:
        load_program(path)
    assert caught.value.fix == INSTEAD and not (tmp_path / "RUN").exists()


@pytest.mark.parametrize(
    "target",
    ["torch.os.system", "torch.hub.load", "torch.load", "torch.ops.aten.from_file.default", "torch.ops.load_library",
     "_operator.methodcaller", "math.__loader__.x", "torch.utils"],
)  # fmt: skip
def test_a_function_that_is_no_operator_is_refused(tmp_path: Path, target: str) -> None:
    program = torch.export.export(NETS["plain"], (IMAGE,))
    torch.export.save(program, tmp_path / "net.pt2")
    with pytest.raises(RecipeError, match="no operator of a network"):
        load_program(rewritten(tmp_path / "net.pt2", changed_json("torch.ops.aten.relu.default", target)))


@pytest.mark.parametrize(
    "text",
    ["__import__('os').system('touch x')", "eval(chr(95))", "exit()", "s0.__class__", "open(1)", "lambda", "s0[0]",
     "print(s0)", "Symbol('s0').__class__", "Symbol('a b')"],
)  # fmt: skip
def test_text_that_is_no_shape_is_refused(tmp_path: Path, text: str) -> None:
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(NETS["shapes"], (IMAGE,), dynamic_shapes=({0: batch},))
    torch.export.save(program, tmp_path / "net.pt2")

    def change(name: str, data: bytes) -> bytes:
        if not name.endswith("models/model.json"):
            return data
        waiting = [whole := json.loads(data)]
        while waiting:
            value = waiting.pop()
            waiting.extend(value.values() if isinstance(value, dict) else value if isinstance(value, list) else ())
            if isinstance(value, dict) and "expr_str" in value:
                value["expr_str"] = text
        return json.dumps(whole).encode()

    with pytest.raises(RecipeError, match="in place of a shape"):
        load_program(rewritten(tmp_path / "net.pt2", change))
