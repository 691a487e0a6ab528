"""One real digits build that prunes channels: smaller in every file, and compared with what it was."""

import json
from pathlib import Path

import pytest
from builds import DIGITS, EPOCHS, open_folder

from edgeforge.results.report_file import read_report
from edgeforge.tflite.figures.costs import macs

pytestmark = pytest.mark.build
FEW = (*EPOCHS, "--set", "measure.runs=20", "--set", "measure.warmup=1")
PRUNE = ("--set", "prune={method: channels, ratio: 0.5, epochs: 1}")
LITTLE = ("--set", "quantize.torch.variants=[dynamic]", "--set", "raspberry_pi=null")  # of what is not pruning's


@pytest.fixture(scope="module")
def out(builds: Path, edgeforge) -> Path:  # type: ignore[no-untyped-def]
    out = open_folder(builds / "pruned", builds / "store")
    done = edgeforge("build", DIGITS, "--out", out, *FEW, *PRUNE, *LITTLE)
    assert done.returncode == 0, done.stderr
    assert "features.0 8 → 4" in done.stdout and "5 of 5 operators would map to an Edge TPU" in done.stdout
    return out


def test_the_verb_judges_a_file(out: Path, edgeforge) -> None:  # type: ignore[no-untyped-def]
    folder = out / "digits" / "tflite"
    done = edgeforge("edgetpu", folder / "digits_int8.tflite", "--json", "--strict")
    assert done.returncode == 0 and json.loads(done.stdout)["mapped"] == 5, done.stderr
    refused = edgeforge("edgetpu", folder / "digits_float32.tflite")
    assert refused.returncode == 2 and "computes in floating point" in refused.stderr


def test_everything_after_training_is_of_the_pruned_network(out: Path) -> None:
    report = read_report(out / "digits")
    row = report.pruning
    assert row and report.edge_tpu and report.edge_tpu.mapped == 5
    assert [variant.name for variant in report.variants[:2]] == ["torch-fp32", "torch-pruned-fp32"]
    sizes = {variant.name: variant.size_bytes for variant in report.variants}
    assert sizes["torch-pruned-fp32"] < 0.7 * sizes["torch-fp32"]  # type: ignore[operator]
    assert [(layer.channels_before, layer.channels_after) for layer in row.layers] == [(8, 4), (16, 8), (10, 10)]
    data = (out / "digits" / "tflite" / "digits_int8.tflite").read_bytes()
    assert macs(data) == row.macs_after < 0.3 * row.macs_before
    assert row.parameters_after < 0.5 * row.parameters_before == 0.5 * report.training.parameters
    for file in row.files:
        assert file.dense_bytes and file.dense_gzip_bytes
        assert file.bytes < 0.7 * file.dense_bytes and file.gzip_bytes < 0.7 * file.dense_gzip_bytes
    assert {file.name for file in row.files} == {"tflite-float32", "tflite-int8"}
    assert row.arena_bytes and row.dense_arena_bytes and row.arena_bytes < row.dense_arena_bytes
    assert row.top1_before and row.top1_after and row.top1_after > row.top1_before - 0.1
    page = (out / "digits" / "report.html").read_text()
    assert ">Pruning</h2>" in page and ">Edge TPU</h2>" in page and "Fine-tuning" in page


def test_without_pruning_nothing_of_it_is_left(out: Path, edgeforge) -> None:  # type: ignore[no-untyped-def]
    assert (out / "digits" / "prune" / "pruning.json").exists()
    done = edgeforge("build", DIGITS, "--out", out, *FEW, "--until", "onnx")
    assert done.returncode == 0, done.stderr
    assert not (out / "digits" / "prune" / "pruning.json").exists()
    assert "train" not in [line.split()[1] for line in done.stderr.splitlines() if line.startswith("✓")]
    refused = edgeforge("build", DIGITS, "--out", out, *FEW, "--until", "prune")
    assert refused.returncode == 2 and "set prune in the recipe" in refused.stderr


def test_a_wrong_module_to_skip_ends_the_build_with_2(out: Path, edgeforge) -> None:  # type: ignore[no-untyped-def]
    done = edgeforge("build", DIGITS, "--out", out, *FEW, "--set", "prune={skip: [classifer]}", "--until", "prune")
    assert done.returncode == 2 and "no module 'classifer' (did you mean 'classifier'?)" in done.stderr, done.stderr
