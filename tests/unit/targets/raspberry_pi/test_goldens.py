"""Which outputs a bundle's self-test compares with, where this desk computes rightly and where it does not."""

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from broken_runtime import Answer, break_runtime, other_in_this_process, other_the_second_time
from places import ROOT
from raspberry_pi_bundle import make_bundle

from edgeforge.builder.stage import Job
from edgeforge.errors import StageFailed
from edgeforge.recipe.schema import Recipe
from edgeforge.report.sentences.raspberry_pi import raspberry_pi_findings
from edgeforge.results.devices import raspberry_pi_row
from edgeforge.runtimes.litert import LiteRTRunner
from edgeforge.runtimes.onnxruntime import OnnxRunner
from edgeforge.runtimes.self_agreement import on_this_desk
from edgeforge.targets.raspberry_pi.bench import bench_on_desk, script
from edgeforge.targets.raspberry_pi.goldens import golden_outputs, litert_goldens, reference_outputs
from edgeforge.targets.raspberry_pi.tarball import tar_gz

FLOAT, INT8 = "onnx-fp32", "onnx-static-int8"
ONNX = {FLOAT: "fp32", INT8: "int8"}  # variants → their files


def made_row(folder: Path) -> dict:  # type: ignore[type-arg]
    return dict(json.loads((folder / "out" / "bundle-row.json").read_text()))


def goldens_of(bundle: Path) -> dict[str, np.ndarray]:
    with np.load(bundle / "selftest.npz") as arrays:
        return {name: arrays[name] for name in arrays}


def test_goldens_are_this_desks_where_it_can_be_trusted(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "a")
    row, arrays = made_row(tmp_path / "a"), goldens_of(bundle)
    assert row["findings"] == [] and row["goldens"] == {
        **dict.fromkeys(ONNX, on_this_desk("onnxruntime")), "tflite-int8": on_this_desk("litert")}  # fmt: skip
    images = (arrays["images"].astype(np.float32) / 16 - np.float32(0.3053)) / np.float32(0.3760)
    for variant, file in ONNX.items():
        assert (arrays[variant] == OnnxRunner(bundle / "models" / f"digits_{file}.onnx").run(images)).all()
    lite = LiteRTRunner(bundle / "models" / "digits_int8.tflite", threads=1).run(images)
    assert (arrays["tflite-int8"] == lite).all() and abs(lite - arrays["onnx-fp32"]).max() < 0.5


@pytest.mark.parametrize(
    ("answer", "when"),
    [(other_the_second_time, "run again in the same session"), (other_in_this_process, "run in a second process")],
)
def test_a_runtime_that_disagrees_with_itself_is_named_and_gives_no_goldens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Answer, when: str
) -> None:
    right = goldens_of(make_bundle(tmp_path / "right"))
    break_runtime(monkeypatch, answer)
    found = goldens_of(make_bundle(tmp_path / "broken"))
    row = made_row(tmp_path / "broken")
    for finding, (variant, file) in zip(row["findings"], ONNX.items(), strict=True):
        assert finding["severity"] == "error" and "doctor" in finding["remedy"]
        start = f"digits_{file}.onnx: {on_this_desk('onnxruntime')} disagrees with itself: {when}, 160 of 160"
        assert finding["what"].startswith(start) and "by up to 0.5" in finding["what"]
        assert row["goldens"][variant].startswith("its graph unoptimised")
    steps = json.loads((tmp_path / "broken" / "onnx-int8" / "variants.json").read_text())[0]["extra"]["output_scale"]
    assert abs(found[FLOAT] - right[FLOAT]).max() < 1e-5 and abs(found[INT8] - right[INT8]).max() < 1.01 * steps


def test_where_the_unoptimised_graph_disagrees_too_the_reference_evaluator_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = goldens_of(make_bundle(tmp_path / "right"))
    break_runtime(monkeypatch, other_the_second_time, unoptimized_too=True)
    found = goldens_of(make_bundle(tmp_path / "broken"))
    origins = made_row(tmp_path / "broken")["goldens"]
    assert all(origins[variant].startswith("onnx's reference evaluator") for variant in ONNX)
    assert abs(found[FLOAT] - right[FLOAT]).max() < 1e-4 and abs(found[INT8] - right[INT8]).mean() < 0.01


@pytest.mark.parametrize("step", [0.1, None])
def test_int8_that_is_the_same_every_time_but_wrong_is_named(
    tmp_path: Path, packed_bundle: Path, step: float | None
) -> None:
    source = packed_bundle.parents[1] / "onnx-int8" / "int8.onnx"
    model = onnx.load(packed_bundle / "models" / "digits_int8.onnx")
    bias = next(one for one in model.graph.initializer if one.data_type == onnx.TensorProto.INT32)
    bias.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(bias) + 4000, bias.name))
    onnx.save(model, tmp_path / "wrong.onnx")
    images = np.random.default_rng(0).normal(size=(4, 1, 8, 8)).astype(np.float32)
    made = golden_outputs(tmp_path / "wrong.onnx", source, images, int8=True, step=step)
    assert made.finding and made.finding.severity == "warning"
    assert ("steps of its output" if step else "over 0.02 of its range") in made.finding.what
    assert (made.outputs == OnnxRunner(source, optimized=False).run(images)).all()


@pytest.mark.parametrize("scale", [0.01, None])
def test_a_litert_that_is_far_from_its_reference_kernels_gives_no_goldens(
    packed_bundle: Path, scale: float | None
) -> None:
    model = packed_bundle / "models" / "digits_int8.tflite"
    images = np.random.default_rng(0).normal(size=(4, 1, 8, 8)).astype(np.float32)
    made = litert_goldens(model, images, 0, scale, -1.0)  # nothing is near enough
    plain = LiteRTRunner(model, threads=1, kernels="reference").run(images)
    if made.finding:  # with a scale they may be the same to the byte
        assert made.finding.severity == "warning" and "differs from LiteRT's reference kernels by" in made.finding.what
        assert made.origin == "LiteRT's reference kernels"
    assert (made.outputs == plain).all() and (scale or made.finding)


def test_a_self_test_that_fails_on_this_desk_is_a_finding_and_the_build_goes_on(
    tmp_path: Path, packed_bundle: Path
) -> None:
    files = {str(path.relative_to(packed_bundle)): path.read_bytes() for path in packed_bundle.rglob("*.*")}
    arrays, buffer = goldens_of(packed_bundle), io.BytesIO()
    np.savez_compressed(buffer, **(arrays | {INT8: arrays[INT8] + 1}))  # what a desk that computes rightly says
    for folder in ("desk", "scratch", "packed"):
        (tmp_path / folder).mkdir()
    (tmp_path / "packed" / "digits.tar.gz").write_bytes(tar_gz("digits", files | {"selftest.npz": buffer.getvalue()}))
    row = made_row(packed_bundle.parents[1])
    (tmp_path / "packed" / "bundle-row.json").write_text(json.dumps(row))
    inputs = {"raspberry-pi": tmp_path / "packed", "raspberry-pi-bench": tmp_path / "desk"}
    recipe = Recipe.model_validate({"name": "digits", "data": {"source": "digits"}, "model": {"name": "m"},
                                    "measure": {"runs": 20, "warmup": 2}, "raspberry_pi": {}})  # fmt: skip
    bench_on_desk(Job("s", recipe, inputs, tmp_path / "desk", tmp_path / "scratch", lambda share, text: None))
    made = raspberry_pi_row(inputs, {})
    assert made and {test.variant: test.passed for test in made.devices[0].selftest} == {
        FLOAT: True, INT8: False, "tflite-int8": True}  # fmt: skip
    (failed,) = raspberry_pi_findings(made)
    assert (
        failed.severity == "error"
        and "desk: onnx-static-int8 fails the bundle's self-test: it differs by 1" in failed.what
    )
    assert raspberry_pi_findings(None) == []


def test_a_self_test_that_cannot_run_stops_the_build(tmp_path: Path, packed_bundle: Path) -> None:
    copy = shutil.copytree(packed_bundle, tmp_path / "copy")
    (copy / "selftest.npz").unlink()
    with pytest.raises(StageFailed, match=r"selftest\.py fails on this desk: error: selftest\.npz is missing"):
        script(copy, "selftest.py", "--json", passes=(0, 1))


def test_an_operator_that_the_evaluator_lacks_leaves_one_run(
    tmp_path: Path, packed_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_runtime(monkeypatch, other_the_second_time, unoptimized_too=True)
    images = np.zeros((1, 1, 8, 8), np.float32)
    outputs, origin = reference_outputs(packed_bundle / "models" / "digits_fp32.onnx", images)  # FusedConv
    assert outputs.shape == (1, 10) and origin.startswith("one run of its graph unoptimised, which disagrees")


def test_goldens_made_again_in_fresh_processes_are_equal() -> None:
    command = [sys.executable, ROOT / "scripts" / "prove_goldens.py", "--builds", "3"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(on_this_desk("onnxruntime")) and done.stdout.count("3 of 3 goldens equal") == 2
