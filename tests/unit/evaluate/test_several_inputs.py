"""Models of several inputs and outputs on every engine of the desk."""

from pathlib import Path

import numpy as np
import pytest
from several_ends import PICTURE, SENSOR, picture_and_sensor, raw_values, saved, words_and_sensor

from edgeforge.data.several_inputs import read_inputs
from edgeforge.errors import RecipeError
from edgeforge.evaluate.bench import bench_models
from edgeforge.evaluate.verify import require, verify
from edgeforge.runtimes.litert import LiteRTRunner
from edgeforge.runtimes.load import load_runner
from edgeforge.runtimes.tflm import TFLMRunner
from edgeforge.targets.arduino.own.wishes import wishes_of
from edgeforge.targets.arduino.own_tflite import load_own
from edgeforge.targets.arduino.requantize import requantized
from edgeforge.tflite.tensors import as_records, each_output, from_output, to_inputs

SHAPES = {"picture": (3, 5, 5), "sensor": (7, 1, 1)}


def normalised(path: Path, **changed: np.ndarray) -> Path:
    raw = raw_values()
    given = {"picture": raw["picture"].astype(np.float32) / 255, "sensor": raw["sensor"]} | changed
    np.savez(path, **given)
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """float.tflite, its int8 model, and inputs for both."""
    folder = tmp_path_factory.mktemp("several")
    floating = saved(folder, "float.tflite", picture_and_sensor("FLOAT32"))
    model = load_own(saved(folder, "given.tflite", picture_and_sensor()))
    from edgeforge.targets.arduino.own.meaning import preprocessing_of

    says = wishes_of(inputs=["picture=0..1"], outputs=["size=value:mm"])
    preprocessing, _ = preprocessing_of(model, says)
    made, said = requantized(model, preprocessing, floating, normalised(folder / "x.npz"), lambda text: None)
    saved(folder, "int8.tflite", made)
    assert len(said) == 2 and said[0].startswith("kind: requantized") and said[1].startswith("size: requantized")
    return folder


def test_a_calibration_of_several_inputs_keeps_order_names_and_types(files: Path) -> None:
    from edgeforge.tflite.graph import Graph
    from edgeforge.tflite.input_shapes import input_names, output_names

    graph = Graph((files / "int8.tflite").read_bytes())
    assert input_names(graph) == ("picture", "sensor") and output_names(graph) == ("kind", "size")
    assert [graph.spec(place).dtype for place in (*graph.inputs, *graph.outputs)] == ["int8"] * 4
    assert len({graph.spec(place).scale for place in graph.inputs}) == 2, "each its own"


def test_float_and_int8_are_compared_layer_by_layer_and_output_by_output(files: Path) -> None:
    row = verify([files / "float.tflite", files / "int8.tflite"], files / "x.npz", None, lambda share, text: None)
    assert not row.reason and all(layer.own or layer.reason for layer in row.layers)
    assert [layer.name for layer in row.layers[:2]] == ["input picture", "input sensor"]
    assert [one.name for one in row.outputs] == ["kind", "size"]
    assert all(one.sqnr_db is None or one.sqnr_db > 15 for one in row.outputs)
    assert len(row.runtimes) == 6, "XNNPACK, LiteRT's own, its reference kernels and TFLM"
    assert all(pair.max_steps is not None and pair.max_steps <= 2 for pair in row.runtimes)
    require(row, None, 2)


@pytest.mark.parametrize("real_value", [False, True])
def test_litert_and_tflm_give_all_outputs_in_a_row(tmp_path: Path, real_value: bool) -> None:
    path = saved(tmp_path, "m.tflite", picture_and_sensor(real_value=real_value))
    litert, tflm = LiteRTRunner(path, kernels="reference"), TFLMRunner(path)
    assert litert.names == tflm.names == ("picture", "sensor")
    x, _ = read_inputs(normalised(tmp_path / "x.npz"), SHAPES, "--inputs")
    tensors = to_inputs(x, tflm.inputs)
    answers = litert.run_raw(tensors), tflm.run_raw(tensors)
    assert (answers[0].dtype.names is not None) == real_value, "of two types: records"
    kind, size = each_output(answers[1], tflm.outputs)
    assert kind.shape == (12, 4) and size.shape == (12, 1)
    assert tflm.run(x).shape == (12, 5)
    assert np.allclose(tflm.run(x)[:, 4:], from_output(size, tflm.outputs[1]))
    assert abs(litert.run(x) - tflm.run(x)).max() <= 0.2, "steps of 1/256 and of 0.05"


def test_words_are_looked_up_by_their_numbers(tmp_path: Path) -> None:
    path = saved(tmp_path, "m.tflite", words_and_sensor())
    words = np.random.default_rng(2).integers(0, 12, (6, 4))
    np.savez(tmp_path / "x.npz", words=words, sensor=raw_values(6)["sensor"])
    x, _ = read_inputs(tmp_path / "x.npz", {"words": (4, 1, 1), "sensor": (7, 1, 1)}, "--inputs")
    litert, tflm = LiteRTRunner(path, kernels="reference"), TFLMRunner(path)
    assert [spec.dtype for spec in tflm.inputs] == ["int32", "int8"]
    assert (litert.run_raw(to_inputs(x, litert.inputs)) == tflm.run_raw(to_inputs(x, tflm.inputs))).all()


@pytest.mark.parametrize(
    "changed, fault, remedy",
    [
        ({"sensor": None}, r"no array 'sensor'; it holds picture; the inputs are picture \(N,3,5,5\), sensor \(N,7\)",
         "numpy.savez(path, picture=…, sensor=…)"),
        ({"sensr": np.zeros((12, 7))}, r"'sensr' is no input .did you mean 'sensor'", "leave it out"),
        ({"sensor": np.zeros((12, 8))}, r"sensor has the shape \(12, 8\), the model takes \(N,7,1,1\)", "that shape"),
        ({"picture": np.zeros((12, 5, 5, 3))}, r"picture has the shape \(12, 5, 5, 3\)", "transpose(0, 3, 1, 2)"),
        ({"sensor": np.zeros((11, 7))}, "picture has 12 inputs, sensor has 11 inputs", "as many"),
        ({"sensor": np.full((12, 7), np.nan)}, "sensor holds NaN", "leave those inputs out"),
        ({"y": np.zeros(5)}, "12 inputs and 5 labels", "one label an input"),
        ({"sensor": np.array(["a"] * 12)}, "sensor holds texts", "numbers"),
    ],
)  # fmt: skip
def test_arrays_that_are_no_inputs(tmp_path: Path, changed: dict, fault: str, remedy: str) -> None:  # type: ignore[type-arg]
    path = normalised(tmp_path / "x.npz", **{name: array for name, array in changed.items() if array is not None})
    gone = [name for name, array in changed.items() if array is None]
    if gone:
        with np.load(path) as arrays:
            kept = {name: arrays[name] for name in arrays if name not in gone}
        np.savez(path, **kept)
    with pytest.raises(RecipeError, match=fault) as caught:
        read_inputs(path, SHAPES, "--inputs")
    assert remedy in caught.value.fix


def test_every_form_of_a_network_with_two_inputs_is_timed(tmp_path: Path) -> None:
    import torch
    from torch import nn

    class Two(nn.Module):
        def __init__(self, named: bool = False) -> None:
            super().__init__()
            self.named = named
            self.seen, self.felt, self.kind = nn.Conv2d(3, 2, 3), nn.Linear(7, 4), nn.Linear(22, 4)
            self.words = nn.Embedding(4, 1)

        def forward(self, picture: torch.Tensor, sensor: torch.Tensor) -> object:
            both = self.kind(torch.cat([self.seen(picture).flatten(1), self.felt(sensor)], 1))
            return {"kind": both, "size": both.sum(1)} if self.named else (both, both.sum(1))

    class Words(Two):
        def forward(self, words: torch.Tensor, sensor: torch.Tensor) -> object:
            return self.words(words).flatten(1) + self.felt(sensor)

    example = torch.rand(1, *np.array(PICTURE)[[3, 1, 2]]), torch.rand(*SENSOR)
    network = Two().eval()
    torch.jit.trace(network, example).save(tmp_path / "tuple.pt")
    named = Two(named=True).eval()
    named.load_state_dict(network.state_dict())
    torch.jit.trace(named, example, strict=False).save(tmp_path / "dict.pt")
    torch.jit.trace(Words().eval(), (torch.zeros(1, 4, dtype=torch.long), example[1])).save(tmp_path / "words.pt")
    torch.export.save(torch.export.export(network, example), tmp_path / "m.pt2")
    torch.onnx.export(
        network, example, tmp_path / "m.onnx", input_names=["picture", "sensor"], output_names=["kind", "size"],
        dynamo=False,
    )  # fmt: skip
    both = saved(tmp_path, "m.tflite", picture_and_sensor())
    shapes = {"picture": (1, 3, 5, 5), "sensor": (1, 7)}
    names = ("tuple.pt", "dict.pt", "m.pt2", "m.onnx")
    settings: dict[str, int] = {"threads": 1, "runs": 20, "warmup": 1}
    assert len(bench_models([tmp_path / name for name in names], shapes=shapes, **settings)) == 4
    words = {"words": (1, 4), "sensor": (1, 7)}
    assert len(bench_models([both, tmp_path / "m.onnx"], **settings)) == 2
    assert len(bench_models([tmp_path / "words.pt"], shapes=words, **settings)) == 1
    raw = raw_values(3)
    x = as_records({"picture": raw["picture"].astype(np.float32), "sensor": raw["sensor"]})
    answers = [load_runner(tmp_path / name).run(x) for name in names]
    assert all(answer.shape == (3, 5) and np.allclose(answer, answers[0], atol=1e-3) for answer in answers)
    traced = [tmp_path / "tuple.pt"]
    with pytest.raises(RecipeError, match="does not say the shape of its inputs") as caught:
        bench_models(traced, **settings)
    assert "--shape picture=1,C,H,W --shape sensor=1,C,H,W" in caught.value.fix
    with pytest.raises(RecipeError, match=r"'sensr' is no input .did you mean 'sensor'"):
        bench_models(traced, shapes={"sensr": (1, 7)}, **settings)
    with pytest.raises(RecipeError, match=r"not run on inputs of shape \(1, 3, 5, 5\) \(picture\), \(1, 8\) .sensor"):
        bench_models(traced, shapes={**shapes, "sensor": (1, 8)}, **settings)
