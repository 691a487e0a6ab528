"""What `edgeforge inspect` says of small files of every kind, made here."""

import io
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from int8_models import Net, wide
from onnx import TensorProto, helper, numpy_helper, save
from places import DATA
from torch import nn

from edgeforge.errors import RecipeError
from edgeforge.hardware.boards import board
from edgeforge.inspection.difference import difference
from edgeforge.inspection.read import inspect_file
from edgeforge.report.inspected.page import render_difference, render_model
from edgeforge.report.inspected.table import difference_lines
from edgeforge.results.rows.inspected import ModelRow
from edgeforge.tflite.figures.costs import macs
from edgeforge.tflite.flatbuffer import read_model, write_model

DIGITS = DATA / "digits_int8.tflite"
IMAGE = (1, 1, 8, 8)


class Small(nn.Module):
    """A convolution, an activation, a dense layer: 2,970 parameters, 5,472 multiply-accumulates."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU())
        self.head = nn.Linear(288, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(x).flatten(1))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same network as TorchScript, torch.export, state dict, and pickled."""
    folder, network = tmp_path_factory.mktemp("torch"), Small().eval()
    paths = {name: folder / name for name in ("script.pt", "export.pt2", "state.pth", "pickled.pt", "checkpoint.ckpt")}
    example = torch.zeros(IMAGE)
    torch.jit.trace(network, example).save(str(paths["script.pt"]))
    torch.export.save(torch.export.export(network, (example,)), paths["export.pt2"])
    torch.save(network.state_dict(), paths["state.pth"])
    torch.save(network, paths["pickled.pt"])
    torch.save({"epoch": 3, "state_dict": network.state_dict()}, paths["checkpoint.ckpt"])
    return paths


def live(row: ModelRow) -> list[int | None]:
    return [layer.live_bytes for layer in row.layers]


def test_a_tflite_is_shown_operator_by_operator() -> None:
    row = inspect_file(DIGITS).row
    assert [layer.operator for layer in row.layers] == [
        "CONV_2D", "CONV_2D", "MAX_POOL_2D", "RESHAPE", "FULLY_CONNECTED",
    ]  # fmt: skip
    assert row.macs == macs(DIGITS.read_bytes()) == 80_896 and row.parameters == 3_818
    # Of each: what it reads and writes, once. The reshape's shape is a constant, and no parameter.
    assert live(row) == [64 + 512, 512 + 1024, 1024 + 256, 256 + 256, 256 + 10]
    assert (row.peak_bytes, row.peak_layer) == (1536, 1)
    second = row.layers[1]
    assert second.options == {"stride": "1×1", "padding": "SAME", "activation": "RELU"}
    output = row.tensors[second.writes[0]]
    assert (output.dtype, output.shape, output.written_by, output.read_by) == ("int8", [1, 8, 8, 16], 1, [2])
    assert len(row.tensors[second.reads[1]].scales) == 16 and len(output.scales) == len(output.zero_points) == 1
    assert row.arena and row.arena.plan == "greedy" and not row.board and row.time is None


def test_with_a_board_its_arena_and_its_time_are_there() -> None:
    row = inspect_file(DIGITS, board=board("arduino-nano-33-ble")).row
    assert row.arena and row.arena.used_bytes == 3_092, "as `fit` says"
    assert row.time and row.time.milliseconds == pytest.approx(sum(layer.milliseconds or 0 for layer in row.layers))
    with pytest.raises(RecipeError, match="no \\.tflite, which boards run"):
        inspect_file(DATA / "report_mnist.json", board=board("arduino-nano-33-ble"))


def test_a_file_whose_parts_contradict_each_other_is_one_error(tmp_path: Path) -> None:
    net = Net(8, 8, 2)
    flatbuffer = net.build(net.conv(net.input, 3))
    for change in ("inputs", "outputs"):
        model = read_model(flatbuffer)
        setattr(model.subgraphs[0], change, [99])
        (tmp_path / "damaged.tflite").write_bytes(write_model(model))
        with pytest.raises(RecipeError, match="is damaged"):
            inspect_file(tmp_path / "damaged.tflite")


def test_producers_and_consumers_agree(tmp_path: Path) -> None:
    (tmp_path / "wide.tflite").write_bytes(wide())
    row = inspect_file(tmp_path / "wide.tflite").row
    for place, layer in enumerate(row.layers):
        assert all(place in row.tensors[tensor].read_by for tensor in layer.reads)
        assert all(row.tensors[tensor].written_by == place for tensor in layer.writes)
    assert len(row.tensors[row.layers[1].writes[0]].read_by) == 3, "three branches"


def test_a_free_batch_is_one_and_another_free_size_is_said(tmp_path: Path) -> None:
    net = Net(8, 8, 2)
    net.graph.tensors[0].shapeSignature = [-1, 8, 8, 2]
    (tmp_path / "batch.tflite").write_bytes(net.build(net.conv(net.input, 3)))
    assert "shapes that the file leaves free are fixed" in inspect_file(tmp_path / "batch.tflite").row.notes[0]
    net = Net(8, 8, 2)
    net.graph.tensors[0].shapeSignature = [1, -1, -1, 2]
    (tmp_path / "free.tflite").write_bytes(net.build(net.conv(net.input, 3)))
    row = inspect_file(tmp_path / "free.tflite").row
    assert "memory is not known" in row.notes[0] and "--shape" in row.notes[0]
    assert row.layers[0].live_bytes is None and row.tensors[row.inputs[0]].shape == [1, 0, 0, 2]


@pytest.mark.parametrize("name", ["script.pt", "export.pt2"])
def test_a_network_of_pytorch_has_its_modules(name: str, files: dict[str, Path]) -> None:
    row = inspect_file(files[name], {"": IMAGE} if name == "script.pt" else {}).row
    assert (row.macs, row.parameters, row.constant_bytes) == (5_472, 2_970, 4 * 2_970)
    weighted = [layer for layer in row.layers if layer.macs]
    assert [layer.module for layer in weighted] == ["features.0", "head"]
    assert [layer.parameters for layer in weighted] == [80, 2_890]
    assert row.peak_bytes == 4 * 2 * 288 and row.tensors[row.outputs[0]].shape == [1, 10]


@pytest.mark.parametrize("name", ["state.pth", "checkpoint.ckpt"])
def test_weights_are_shown_by_module(name: str, files: dict[str, Path]) -> None:
    row = inspect_file(files[name]).row
    assert row.format == "PyTorch weights" and [layer.module for layer in row.layers] == ["features.0", "head"]
    assert row.parameters == 2_970 and row.peak_bytes is None and "weights alone" in row.notes[0]


def test_no_python_of_a_model_is_run(files: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot be read as weights"):
        inspect_file(files["pickled.pt"])
    (tmp_path / "net.py").write_text("raise SystemExit('run')")
    with pytest.raises(RecipeError, match="Python, which `inspect` never runs"):
        inspect_file(tmp_path / "net.py")
    with pytest.raises(RecipeError, match="does not say what shape its input has") as failure:
        inspect_file(files["script.pt"])
    assert "--shape 1,3,224,224" in failure.value.fix
    with pytest.raises(RecipeError, match="cannot go through it"):
        inspect_file(files["script.pt"], {"": (1, 1, 9, 9)})


class Touch:
    """Pickled, it writes a file where it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (self.path,)  # type: ignore[return-value]


def test_a_part_that_would_run_code_is_refused(files: dict[str, Path], tmp_path: Path) -> None:
    hostile, trace = tmp_path / "hostile.pt2", tmp_path / "run"
    with zipfile.ZipFile(files["export.pt2"]) as given, zipfile.ZipFile(hostile, "w") as made:
        for name in given.namelist():
            data = given.read(name)
            if name.endswith("sample_inputs/model.pt"):
                buffer = io.BytesIO()
                torch.save(Touch(trace), buffer)
                data = buffer.getvalue()
            made.writestr(name, data)
    with pytest.raises(RecipeError, match=r"more than tensors in .*sample_inputs/model\.pt"):
        inspect_file(hostile)
    assert not trace.exists()


def quantized_onnx(path: Path, batch: int | str = "N") -> Path:
    """Write QuantizeLinear, DequantizeLinear, Conv (weights by DequantizeLinear)."""
    weights = np.random.default_rng(0).integers(-127, 128, (4, 2, 3, 3), np.int8)
    stored = {"w": weights, "scales": np.full(4, 0.02, np.float32), "zeros": np.zeros(4, np.int8),
              "s": np.float32(0.05), "z": np.int8(-3)}  # fmt: skip
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["xq"], "quantize"),
        helper.make_node("DequantizeLinear", ["xq", "s", "z"], ["xf"], "dequantize"),
        helper.make_node("DequantizeLinear", ["w", "scales", "zeros"], ["wf"], "weights", axis=0),
        helper.make_node("Conv", ["xf", "wf"], ["y"], "/features/features.0/Conv", kernel_shape=[3, 3]),
    ]
    shape = [batch, 2, 6, 6]
    ends = (
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, 4, 4, 4])],
    )
    constants = [numpy_helper.from_array(np.asarray(value), name) for name, value in stored.items()]
    graph = helper.make_graph(nodes, "graph", *ends, constants)
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    return path


def test_an_onnx_file_has_its_scales_and_a_free_batch_is_one(tmp_path: Path) -> None:
    row = inspect_file(quantized_onnx(tmp_path / "q.onnx")).row
    conv = row.layers[-1]
    assert (
        conv.macs == row.macs == 4 * 4 * 4 * 18
        and conv.module == "features.0"
        and conv.options["kernel_shape"] == "3×3"
    )
    tensors = {tensor.name: tensor for tensor in row.tensors}
    assert tensors["xq"].scales == [pytest.approx(0.05)] and tensors["xq"].zero_points == [-3]
    assert len(tensors["w"].scales) == 4 and tensors["w"].kind == "constant" and tensors["x"].shape == [1, 2, 6, 6]
    # Weights that are dequantized before anything runs are no activations.
    assert conv.live_bytes == 4 * (72 + 64) and "batch of 1: x" in row.notes[0]


def test_the_same_file_twice_differs_in_nothing() -> None:
    found = difference(DIGITS, DIGITS)
    assert found.same_bytes and not found.layers and all(a == b for a, b in found.totals.values())


def test_what_differs_is_named_by_layer(tmp_path: Path) -> None:
    def net(channels: int, seed: int = 0) -> Path:
        made = Net(8, 8, 2)
        made.random = np.random.default_rng(seed)
        path = tmp_path / f"{channels}-{seed}.tflite"
        path.write_bytes(made.build(made.pool(made.conv(made.conv(made.input, 4), channels))))
        return path

    weights = difference(net(6), net(6, seed=1))
    assert weights.matched == 3 and [layer.a for layer in weights.layers] == [0, 1]
    first = weights.layers[0]
    assert first.integers == 4 * 9 * 2 + 4 and 60 < (first.integers_changed or 0) <= first.integers and first.largest
    wider = difference(net(6), net(8))
    changed = {layer.label.split(" (")[0]: layer for layer in wider.layers}
    assert "weights: shape 6×3×3×4 → 8×3×3×4" in changed["CONV_2D 1"].differences
    assert "output: shape 1×8×8×6 → 1×8×8×8" in changed["CONV_2D 1"].differences
    assert any(line.startswith("  CONV_2D 1 ") for line in difference_lines(wider))


def test_files_of_two_kinds_are_compared_by_their_sums(files: dict[str, Path]) -> None:
    found = difference(DIGITS, files["export.pt2"])
    assert "no common names" in found.reason and found.totals["parameters"] == ("3,818", "2,970") and not found.layers


def test_the_page_is_whole_and_links_both_ways() -> None:
    row = inspect_file(DIGITS, board=board("arduino-nano-33-ble")).row
    row.layers[0].name = "<script>alert(1)</script>"
    page = render_model(row)
    assert "<script" not in page and "&lt;script&gt;" in page
    assert not re.search(r"""(src|href)=["']?https?:""", page), "nothing is loaded from elsewhere"
    for place in range(len(row.layers)):
        assert f'href="#layer-{place}" id="box-{place}"' in page and f'<tr id="layer-{place}"' in page
        assert f'href="#box-{place}"' in page
    assert page == render_model(row) and "not measured" in page
    other = render_difference(difference(DIGITS, DATA / "digits_int8_per_channel_dense.tflite"))
    assert "What differs" in other and "scale of 8 of 8 channels" in other
