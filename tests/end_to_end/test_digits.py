"""One real build of recipes/digits.yaml, looked at from every side."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from builds import DIGITS, EPOCHS, artifact

from edgeforge.data.splits import read_preprocessing, read_split
from edgeforge.errors import StageFailed
from edgeforge.evaluate.predict import read_predictions
from edgeforge.results.preprocessing import read_preprocessing_of
from edgeforge.results.report_file import read_report
from edgeforge.results.rows.parity import ParityRow
from edgeforge.results.rows.report import Report
from edgeforge.results.variant import read_variants
from edgeforge.runtimes.tflm import TFLMRunner
from edgeforge.targets.fit.stage import read_fit
from edgeforge.tflite.associated_files import pure_flatbuffer
from edgeforge.tflite.figures.costs import macs
from edgeforge.tflite.flatbuffer import int8_checks, operators, read_model, write_model

pytestmark = pytest.mark.build

VARIANTS = [
    "torch-fp32", "torch-dynamic-int8", "torch-eager-int8", "torch-fx-int8", "torch-fx-int8-x86", "onnx-fp32",
    "onnx-static-int8", "tflite-float32", "tflite-float16", "tflite-dynamic", "tflite-int8", "tflm-int8",
]  # fmt: skip


@pytest.fixture(scope="module")
def report(digits_build: Path) -> Report:
    return read_report(digits_build)


def test_every_variant_is_made_and_about_as_accurate(report: Report) -> None:
    assert [row.name for row in report.variants] == VARIANTS
    reference = report.variants[0].metrics
    assert reference and reference.top1 > 0.93 and reference.images == 450
    for row in report.variants:
        assert row.status == "ok" and row.metrics and row.drop and row.agreement, row.reason
        assert row.metrics.top1_low < row.metrics.top1 < row.metrics.top1_high
        assert sum(map(sum, row.metrics.confusion)) == row.metrics.images == 450
        if row.name != "torch-fx-int8-x86":  # that engine may saturate
            assert row.drop.verdict in ("tie", "reference") and row.agreement.top1 > 0.98, row.name
        if row.runtime != "tflm":
            assert row.latency_ms and 0 < row.latency_ms.p50 <= row.latency_ms.p99


def test_the_untrained_network_was_told_to_take_what_the_trained_one_takes(digits_build: Path) -> None:
    before, after = (read_fit(artifact(digits_build.parent, stage)) for stage in ("trial-fit", "fit"))
    assert before.keys() == after.keys() == {"arduino-nano-33-ble"}
    for key, row in after.items():
        assert before[key].arena == row.arena and before[key].operators == row.operators
        assert abs(before[key].flash.total - row.flash.total) <= 0.01 * row.flash.total


def test_int8_engines_follow_their_fake_quant_models(report: Report) -> None:
    rows = {row.name: row for row in report.variants}
    for name in ("torch-fx-int8", "onnx-static-int8"):
        agreement = rows[name].agreement
        assert agreement and agreement.max_steps is not None and agreement.max_steps <= 1.01, name


def test_an_engine_that_saturates_is_reported(report: Report) -> None:
    row = next(row for row in report.variants if row.name == "torch-fx-int8-x86")
    assert row.agreement and row.agreement.max_steps is not None
    warned = any("leaves the fake-quant model" in warning for warning in row.warnings)
    assert warned == (row.agreement.max_steps > 1.01)
    assert warned == any(row.name in finding.what for finding in report.findings)


def test_the_int8_model_is_int8(digits_build: Path) -> None:
    data = (digits_build / "tflite" / "digits_int8.tflite").read_bytes()
    assert operators(data) == {"CONV_2D": 2, "MAX_POOL_2D": 1, "RESHAPE": 1, "FULLY_CONNECTED": 1}
    assert all(check["passed"] for check in int8_checks(data, "int8"))
    assert macs(data) == 8 * 8 * 8 * 9 + 8 * 8 * 16 * 9 * 8 + 256 * 10
    floats = int8_checks((digits_build / "tflite" / "digits_float32.tflite").read_bytes(), "int8")
    assert [check["name"] for check in floats if not check["passed"]] == ["no float tensor", "no float operator"]


def test_the_preprocessing_travels_with_every_artifact(digits_build: Path, digits_out: Path) -> None:
    import onnx

    expected = read_preprocessing(artifact(digits_out, "data"))
    assert expected.mean == (0.3053,) and expected.raw_max == 16
    for path in (digits_build / "tflite").glob("*.tflite"):
        assert read_preprocessing_of(path.read_bytes()) == expected
    for path in (digits_build / "onnx").glob("*.onnx"):
        properties = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
        assert properties["preprocessing.json"] == expected.to_json()
    for path in (digits_build / "torch").glob("*.pt"):
        assert expected.to_json().encode() in path.read_bytes()


def test_splits_are_disjoint_and_calibration_comes_from_training(digits_out: Path) -> None:
    data = artifact(digits_out, "data")
    splits = {name: read_split(data, name) for name in ("train", "val", "test")}
    assert [len(y) for _, y in splits.values()] == [1212, 135, 450]
    # Some of the 1,797 images occur twice in the source, so indices are compared through the total only.
    inputs = read_preprocessing(data).apply(splits["train"][0])
    with np.load(artifact(digits_out, "calibration") / "calibration.npz") as arrays:
        x, y = arrays["x"], arrays["y"]
    training = {image.tobytes() for image in inputs}
    assert len(x) == 200 and all(image.tobytes() in training for image in x)
    assert np.bincount(y).tolist() == [20] * 10


@pytest.mark.parametrize("name", ["fp32", "dynamic_int8", "eager_int8", "fx_int8", "fx_int8_x86"])
def test_torch_variants_load_in_a_fresh_process(digits_build: Path, digits_out: Path, name: str) -> None:
    code = (
        "import sys, json, pathlib, numpy\n"
        "from edgeforge.runtimes.torch_script import TorchRunner\n"
        "from edgeforge.data.splits import read_preprocessing, read_split\n"
        "data = pathlib.Path(sys.argv[2])\n"
        "x = read_preprocessing(data).apply(read_split(data, 'test')[0][:50])\n"
        "print(json.dumps(TorchRunner(pathlib.Path(sys.argv[1])).run(x).tolist()))"
    )
    path, data = digits_build / "torch" / f"digits_{name}.pt", artifact(digits_out, "data")
    done = subprocess.run([sys.executable, "-c", code, str(path), str(data)], capture_output=True, text=True)
    variant = {"fx_int8_x86": "torch-fx-int8-x86"}.get(name, f"torch-{name.replace('_', '-')}")
    expected = read_predictions(artifact(digits_out, "predict-torch"))[variant][:50]
    assert np.allclose(json.loads(done.stdout), expected, atol=1e-5), done.stderr


def test_tflm_agrees_with_litert_within_one_step(digits_out: Path, report: Report) -> None:
    litert = read_predictions(artifact(digits_out, "predict-tflite"))["tflite-int8"]
    tflm = read_predictions(artifact(digits_out, "tflm"))["tflm-int8"]
    steps = np.unique(np.abs(litert - tflm))
    smallest = np.min(np.diff(np.unique(litert)))
    assert steps.max() <= smallest * 1.001
    row = next(row for row in report.variants if row.name == "tflm-int8")
    assert row.arena_bytes and 2000 < row.arena_bytes < 8000


def test_the_sketch_has_the_model_the_operators_and_the_arena(digits_build: Path) -> None:
    folder = digits_build / "arduino" / "digits"
    classifier, settings = (folder / "classifier.cc").read_text(), (folder / "settings.h").read_text()
    methods = ["AddConv2D", "AddFullyConnected", "AddMaxPool2D", "AddReshape"]
    assert re.findall(r"resolver\.(Add\w+)\(\)", classifier) == methods
    assert "MicroMutableOpResolver<4>" in classifier
    target = json.loads((digits_build / "report.json").read_text())["targets"][0]
    reserved = target["fit"]["arena_reserved_bytes"]
    assert f"kArenaBytes = {reserved};" in settings and target["fits"] is True
    assert reserved >= target["arena_bytes"] + 64 and target["ram_bytes"] > reserved


SELF_TEST = """
#include "model.h"
#include "preprocess.h"
#include "test_vectors.h"
#include <cstdio>
int main() {
  using namespace digits_model;
  int wrong = 0;
  for (const TestVector& vector : kTestVector) {
    InputType input[kInputValues];
    prepare(vector.raw, 0, kInputValues, input);
    for (size_t i = 0; i < kInputValues; ++i) wrong += input[i] != vector.input[i];
  }
  std::fwrite(kModel, 1, kModelBytes, stdout);
  return wrong > 255 ? 255 : wrong;
}
"""


@pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed: apt-get install g++")
def test_the_generated_sources_compile_and_quantize_as_the_desk_does(digits_build: Path, tmp_path: Path) -> None:
    folder = digits_build / "arduino" / "digits"
    (tmp_path / "main.cc").write_text(SELF_TEST)
    sources = [str(folder / file) for file in ("model.cc", "preprocess.cc", "test_vectors.cc")]
    command = ["g++", "-std=c++17", "-Wall", "-Wextra", "-Werror", f"-I{folder}", *sources, "main.cc"]
    subprocess.run([*command, "-o", "selftest"], check=True, cwd=tmp_path)
    done = subprocess.run([tmp_path / "selftest"], capture_output=True)
    assert done.returncode == 0, f"{done.returncode} input values differ from the desk's"
    assert done.stdout == pure_flatbuffer((digits_build / "tflite" / "digits_int8.tflite").read_bytes())


def test_an_operator_that_tflm_lacks_is_named(digits_build: Path, tmp_path: Path) -> None:
    from ai_edge_litert import schema_py_generated as schema

    model = read_model(pure_flatbuffer((digits_build / "tflite" / "digits_int8.tflite").read_bytes()))
    code = next(c for c in model.operatorCodes if c.builtinCode == schema.BuiltinOperator.MAX_POOL_2D)
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.LOCAL_RESPONSE_NORMALIZATION
    (tmp_path / "lrn.tflite").write_bytes(write_model(model))
    with pytest.raises(StageFailed, match=r"TFLM refuses the model: .*LOCAL_RESPONSE_NORMALIZATION"):
        TFLMRunner(tmp_path / "lrn.tflite")


def test_the_report_is_one_file_that_needs_no_network(digits_build: Path) -> None:
    page = (digits_build / "report.html").read_text()
    assert not re.search(
        r"<link|@import|\bsrc=(?!\"data:image/png;base64,)", page
    )  # its styles and its script are inside
    for name in VARIANTS:
        assert name in page
    assert json.loads((digits_build / "report.json").read_text())["schema"] == 1


def test_layers_and_runtimes_are_compared(report: Report) -> None:
    parity = report.parity
    assert parity and not parity.reason and not parity.left_out and parity.images == 64
    names = ["input", "features.0 (CONV_2D 0)", "features.3 (CONV_2D 1)", "features.6 (MAX_POOL_2D 2)",
             "classifier.0 (RESHAPE 3)", "classifier.1 (FULLY_CONNECTED 4)"]  # fmt: skip
    assert [row.name for row in parity.layers] == names
    assert all(row.own and row.accumulated and row.accumulated.cosine > 0.99 for row in parity.layers)
    assert [row.own and row.own.sqnr_db is None for row in parity.layers] == [False, False, False, True, True, False]
    assert sum(row.cost or 0.0 for row in parity.layers) == pytest.approx(1.0)
    int8 = next(row for row in report.variants if row.name == "tflite-int8")
    assert int8.agreement and parity.output_sqnr_db == pytest.approx(int8.agreement.sqnr_db, abs=3.0)
    pairs = {(pair.a, pair.b): pair for pair in parity.runtimes}
    assert len(pairs) == 7 * 6 / 2 and all(pair.images == 450 for pair in pairs.values())
    one_file = [pair for pair in pairs.values() if pair.one_file]
    assert len(one_file) == 6 and all(pair.max_steps <= 1 for pair in one_file if pair.max_steps is not None)
    assert pairs["litert-reference", "tflm"].identical > 0.98
    assert pairs["torch-fx-int8", "onnx-static-int8"].identical > 0.3


def test_verify_computes_it_again_from_the_published_files(digits_out: Path, tmp_path: Path, edgeforge) -> None:  # type: ignore[no-untyped-def]
    build = digits_out / "digits"
    done = edgeforge("verify", build, "--json", "--min-sqnr", "25")
    assert done.returncode == 0, done.stderr
    kept = read_report(build).parity
    assert kept and ParityRow.model_validate_json(done.stdout) == kept
    shown = edgeforge("verify", build, "--min-sqnr", "60")
    assert shown.returncode == 5 and "classifier.1 (FULLY_CONNECTED 4)" in shown.stderr and "tflm" in shown.stdout
    alone = shutil.copytree(build, tmp_path / "digits")  # a build folder without its store
    gone = edgeforge("verify", alone)
    assert gone.returncode == 2 and "no longer in the store" in gone.stderr and "build it again" in gone.stderr


def test_the_lock_file_names_every_version_and_value(digits_build: Path) -> None:
    lock = yaml.safe_load((digits_build / "recipe.lock.yaml").read_text())
    assert lock["recipe"]["train"]["epochs"] == 6 and lock["recipe"]["quantize"]["calibration"]["samples"] == 200
    assert lock["versions"]["torch"].startswith("2.13.0") and "onnx2tf" in lock["versions"]
    assert len(lock["stages"]) == 21


def test_report_compare_and_bench_read_the_build(digits_build: Path, edgeforge) -> None:  # type: ignore[no-untyped-def]
    shown = edgeforge("report", digits_build)
    assert shown.returncode == 0 and "tflm-int8" in shown.stdout and "fits" in shown.stdout
    assert Report.model_validate_json(edgeforge("report", digits_build, "--json").stdout).recipe == "digits"
    compared = edgeforge("compare", digits_build, digits_build)
    assert compared.returncode == 0 and "the same recipe, by the same toolchain" in compared.stdout
    files = [digits_build / "torch/digits_fx_int8.pt", digits_build / "onnx/digits_int8.onnx"]
    done = edgeforge("bench", *files, digits_build / "tflite/digits_int8.tflite", "--runs", "20", "--json")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [Path(row["file"]).suffix for row in rows] == [".pt", ".onnx", ".tflite"], done.stderr
    assert all(0 < row["p50"] <= row["p99"] for row in rows)


@pytest.mark.parametrize("io", ["uint8", "float32"])
def test_other_input_types_reach_the_board(out: Path, edgeforge, io: str) -> None:  # type: ignore[no-untyped-def]
    options = (*EPOCHS, "--set", f"quantize.tflite.io={io}", "--until", "arduino")
    done = edgeforge("build", DIGITS, "--out", out, *options)
    assert done.returncode == 0, done.stderr
    made = read_variants(artifact(out, "tflite"))
    variants = [variant for variant in made if variant.detail.startswith(f"{io} in and out")]
    assert len(variants) == 1 and all(check["passed"] for check in variants[0].checks), variants
    settings = (out / "digits" / "arduino" / "digits" / "settings.h").read_text()
    assert f"using InputType = {'float' if io == 'float32' else 'uint8_t'};" in settings
    prepared = (out / "digits" / "arduino" / "digits" / "preprocess.cc").read_text()
    assert "kPrepared[kChannels][256]" in prepared
