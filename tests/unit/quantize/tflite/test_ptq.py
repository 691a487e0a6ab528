import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_nets import build, conv, dense, images, mobile_net

from edgeforge.builder.stage import Job
from edgeforge.errors import RecipeError, StageFailed
from edgeforge.evaluate.statistics import sqnr_db
from edgeforge.quantize.tflite.passes.equalize import pairs_of
from edgeforge.quantize.tflite.ptq import Source, quantize_ptq
from edgeforge.recipe.load import load_recipe
from edgeforge.recipe.schema import Recipe
from edgeforge.recipe.sections.quantize import PTQ
from edgeforge.results.files import CALIBRATION_FILE, ORIGINS_FILE
from edgeforge.results.preprocessing import Preprocessing, read_preprocessing_of, with_preprocessing
from edgeforge.results.variant import Variant, read_variants, write_variants
from edgeforge.runtimes.litert import LiteRTRunner
from edgeforge.tflite.associated_files import pure_flatbuffer
from edgeforge.tflite.flatbuffer import int8_checks, read_model, write_model

PREPROCESSING = Preprocessing((3, 8, 8), 255.0, (0.5,) * 3, (0.25,) * 3, tuple("abcde"))
RECIPE = "name: x\ndata: {source: digits}\nmodel: {name: digits_cnn}\nquantize:\n  ptq:\n"


def run(model: bytes, x: np.ndarray, folder: Path) -> np.ndarray:
    path = folder / "m.tflite"
    path.write_bytes(model)
    return LiteRTRunner(path).run(x)


def quality(source: Source, entry: PTQ, x: np.ndarray, expected: np.ndarray, folder: Path) -> float:
    """SQNR in dB of a variant's outputs on images it was not calibrated with."""
    return sqnr_db(expected, run(source.make(entry).model, x, folder)) or np.inf


def test_what_bad_scales_lose_is_won_back(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    plain, x, test = mobile_net(random), images(random, 32), images(random, 64)
    model = read_model(plain)
    for pair in pairs_of(model, plain, x).pairs:
        if pair.first.kind == "DEPTHWISE_CONV_2D":
            pair.scale((10 ** random.uniform(-1.5, 1.5, pair.channels)).astype(np.float32))
            pair.write(model)
    spoilt = Source(write_model(model), x)
    expected = run(plain, test, tmp_path)
    assert (sqnr_db(expected, run(spoilt.model, test, tmp_path)) or np.inf) > 90  # the float function is the same
    whole = quality(Source(plain, x), PTQ(weights="per-tensor"), test, expected, tmp_path)
    found = {
        name: quality(spoilt, PTQ.model_validate({"weights": "per-tensor"} | asked), test, expected, tmp_path)
        for name, asked in {
            "naive": {},
            "corrected": {"bias_correction": True},
            "equalized": {"equalize": True},
        }.items()
    }
    assert found["naive"] < whole - 12  # the drop is real
    assert found["corrected"] > found["naive"] + 3
    assert found["equalized"] > whole - 1.5  # and all of it won back
    per_channel = quality(spoilt, PTQ(), test, expected, tmp_path)
    assert found["naive"] < per_channel < found["equalized"]  # activations have one scale in any case


def test_learned_rounding_wins_back_what_int8_weights_lose(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    model = mobile_net(random)
    # Within limits, so that no unseen image leaves the calibrated ranges.
    x, test = (np.tanh(images(random, 64) + images(random, 64, 1)) for _ in range(2))
    expected = run(model, test, tmp_path)
    nearest, learned = (
        quality(Source(model, x), PTQ.model_validate(asked), test, expected, tmp_path)
        for asked in ({"scheme": "int16x8"}, {"scheme": "int16x8", "adaround": {"iterations": 150, "samples": 64}})
    )
    assert learned > nearest + 1.5


@pytest.mark.parametrize(
    ("entry", "ends", "least_db"),
    [
        (PTQ(), "int8", 25),
        (PTQ(io="uint8"), "uint8", 25),
        (PTQ(io="float32"), "float32", 25),
        (PTQ(weights="per-tensor"), "int8", 25),
        (PTQ(observer="mse"), "int8", 25),
        (PTQ(scheme="int16x8"), "int16", 35),
        (PTQ(scheme="int16x8", io="float32"), "float32", 35),
        (PTQ(scheme="int16x8", bias_correction=True), "int16", 35),
        (PTQ(scheme="dynamic"), "float32", 30),
        (PTQ(scheme="dynamic", weights="per-tensor"), "float32", 25),
        (PTQ(scheme="weight-only"), "float32", 35),
        (PTQ(scheme="weight-only", weights="per-tensor", equalize=True), "float32", 35),
    ],
    ids=lambda value: value.variant if isinstance(value, PTQ) else None,
)
def test_every_scheme_runs(entry: PTQ, ends: str, least_db: float, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    test = images(random, 32)
    source = Source(mobile_net(random), test)
    expected = run(source.model, test, tmp_path)
    path = tmp_path / "v.tflite"
    path.write_bytes(source.make(entry).model)
    runner = LiteRTRunner(path)
    assert (runner.input.dtype, runner.output.dtype) == (ends, ends)
    assert (sqnr_db(expected, runner.run(test)) or np.inf) > least_db
    if entry.scheme in ("int8", "int16x8"):
        io = ends if ends in ("uint8", "float32") else "int8"
        assert [check for check in int8_checks(path.read_bytes(), io) if not check["passed"]] == []


def test_dense_weights_follow_the_recipe() -> None:
    random = np.random.default_rng(2)
    model, x = build((2, 2, 3), [conv(random, 3, 6), dense(random, 24, 5)]), images(random, 8, size=2)
    for per_channel_dense, entry, counts in (
        (False, PTQ(), [6, 1]),
        (True, PTQ(), [6, 5]),
        (True, PTQ(weights="per-tensor"), [1, 1]),
        (False, PTQ(scheme="weight-only"), [6, 1]),
        (True, PTQ(scheme="dynamic"), [6, 5]),
    ):
        graph = read_model(Source(model, x, per_channel_dense=per_channel_dense).make(entry).model).subgraphs[0]
        weights = [t for t in graph.tensors if t.type == 9 and list(t.shape) in ([6, 1, 1, 3], [5, 24])]
        assert [len(tensor.quantization.scale) for tensor in weights] == counts


def job(folder: Path, entries: list[dict[str, Any]], model: bytes | None) -> Job:
    for name in ("data", "tflite", "calibration", "output"):
        (folder / name).mkdir()
    (folder / "data" / "preprocessing.json").write_text(PREPROCESSING.to_json())
    np.savez(folder / "calibration" / CALIBRATION_FILE, x=images(np.random.default_rng(0), 16))
    if model:
        (folder / "tflite" / "x_float32.tflite").write_bytes(with_preprocessing(model, PREPROCESSING))
        (folder / "tflite" / ORIGINS_FILE).write_text("{}")
    write_variants(
        folder / "tflite", [Variant("tflite-float32", "litert", "fp32", "x_float32.tflite" if model else None)]
    )
    recipe = Recipe.model_validate(
        {"name": "x", "data": {"source": "digits"}, "model": {"name": "m"}, "quantize": {"ptq": entries}}
    )
    inputs = {name: folder / name for name in ("data", "tflite", "calibration")}
    return Job("ptq", recipe, inputs, folder / "output", folder, lambda share, what: None)


def test_the_stage_writes_its_variants_and_a_reason_for_one_that_fails(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    first = conv(random, 3, 4, activation="RELU")
    first.bias[...] = -1e6  # an activation always zero has no range
    entries = [{"scheme": "weight-only"}, {"scheme": "int8"}]
    dead = job(tmp_path, entries, build((8, 8, 3), [first, conv(random, 4, 5)]))
    quantize_ptq(dead)
    good, bad = read_variants(dead.output)
    assert (good.name, good.precision, good.reason) == ("tflite-weight-only", "weight-int8", "")
    data = (dead.output / str(good.file)).read_bytes()
    assert read_preprocessing_of(data) == PREPROCESSING and len(pure_flatbuffer(data)) < len(data)
    assert bad.file is None and bad.name == "tflite-int8-minmax"
    assert "CONV_2D, is 0 for all calibration images: its range has no width" in bad.reason


def test_details_say_what_was_done(tmp_path: Path) -> None:
    entry = {"observer": "percentile", "equalize": True, "bias_correction": True, "adaround": {"iterations": 5}}
    work = job(tmp_path, [entry], mobile_net(np.random.default_rng(4)))
    quantize_ptq(work)
    (variant,) = read_variants(work.output)
    assert variant.name == "tflite-int8-percentile-equalized-corrected-adaround"
    for part in (
        "percentile 99.99 ranges",
        "5 pairs of layers equalized",
        "AdaRound: ",
        "biases of 8 layers corrected",
    ):
        assert part in variant.detail
    assert "ADD reads it" in variant.detail and variant.detail.endswith("ai-edge-quantizer")
    assert all(check["passed"] for check in variant.checks) and len(variant.checks) == 4
    json.dumps(variant.extra)


def test_without_a_float_model_there_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(StageFailed, match="there is no float32 TFLite model to quantize"):
        quantize_ptq(job(tmp_path, [{}], None))


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        ("{}", "tflite-int8-minmax"),
        ("{observer: percentile}", "tflite-int8-percentile"),
        ("{observer: percentile, percentile: 99.9}", "tflite-int8-percentile99.9"),
        ("{scheme: int16x8}", "tflite-int16x8"),
        ("{scheme: int16x8, observer: percentile, io: float32}", "tflite-int16x8-percentile-float32"),
        ("{scheme: dynamic}", "tflite-dynamic-per-channel"),
        ("{scheme: weight-only, weights: per-tensor}", "tflite-weight-only-per-tensor"),
        ("{observer: mse, equalize: true, bias_correction: true}", "tflite-int8-mse-equalized-corrected"),
        ("{weights: per-tensor, io: uint8, adaround: true}", "tflite-int8-minmax-per-tensor-uint8-adaround"),
        ("{adaround: {iterations: 9}, name: best}", "tflite-best"),
        ("{adaround: false}", "tflite-int8-minmax"),
    ],
)
def test_a_variant_is_called_after_what_it_is(entry: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(f"{RECIPE}    - {entry}\n")
    recipe = load_recipe(path).recipe
    assert [entry.variant for entry in recipe.quantize.ptq] == [name]
    path.write_text(json.dumps(recipe.model_dump(mode="json")))
    assert load_recipe(path).recipe == recipe


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        (["{observr: mse}"], "r.yaml:6: quantize.ptq.0.observr: unknown key (did you mean 'observer'?)"),
        (["{}", "{scheme: int4}"], "r.yaml:7: quantize.ptq.1.scheme: 'int4' is not valid"),
        (["{}", "{scheme: weight-only, observer: mse}"], "r.yaml:7: quantize.ptq.1: observer makes no sense"),
        (["{scheme: dynamic, adaround: true}"], "quantize.ptq.0: adaround makes no sense for scheme dynamic"),
        (["{scheme: weight-only, io: int8}"], "quantize.ptq.0: io makes no sense for scheme weight-only"),
        (["{percentile: 99}"], "quantize.ptq.0: percentile needs observer: percentile"),
        (["{observer: percentile, percentile: 20}"], "quantize.ptq.0.percentile: 20: give more than 50"),
        (["{scheme: int16x8, observer: entropy}"], "observer entropy chooses ranges for 8 bits"),
        (["{scheme: int16x8, io: uint8}"], "io uint8 makes no sense for scheme int16x8"),
        (["{io: int16}"], "io int16 makes no sense for scheme int8"),
        (["{adaround: {iterations: 0}}"], "r.yaml:6: quantize.ptq.0.adaround.iterations: 0:"),
        (["{adaround: {steps: 3}}"], "quantize.ptq.0.adaround.steps: unknown key"),
        (["{}", "{observer: minmax}"], "ptq: two variants would be called 'tflite-int8-minmax'"),
        (["{name: int8}"], "ptq: two variants would be called 'tflite-int8'"),
        (["{name: ../x}"], "quantize.ptq.0.name: '../x'"),
        (["3"], "quantize.ptq.0: 3 is no mapping of the keys scheme"),
    ],
)
def test_mistakes_are_one_line(entries: list[str], expected: str, tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(RECIPE + "".join(f"    - {entry}\n" for entry in entries))
    with pytest.raises(RecipeError) as caught:
        load_recipe(path)
    assert expected in caught.value.reason and "\n" not in caught.value.reason


def test_the_float32_variant_must_be_there(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(RECIPE.replace("  ptq", "  tflite: {variants: [int8]}\n  ptq") + "    - {}\n")
    with pytest.raises(RecipeError, match=r"ptq needs float32 among tflite\.variants"):
        load_recipe(path)
