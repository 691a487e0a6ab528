"""One digits build with all that quantization can do: QAT, PyTorch's ranges, further schemes, mixed precision."""

import json
from pathlib import Path

import pytest
from builds import DIGITS, EPOCHS, open_folder

from edgeforge.results.preprocessing import read_preprocessing_of
from edgeforge.results.rows.report import Report, VariantRow
from edgeforge.tflite.associated_files import pure_flatbuffer

pytestmark = pytest.mark.build
ENTRIES = (
    "[{ranges: torch}, {observer: mse, io: uint8, equalize: true, bias_correction: true}, {scheme: int16x8}, "
    "{scheme: weight-only}, {weights: per-tensor, adaround: {iterations: 50, samples: 64}, name: rounded}]"
)
PTQ = {
    "tflite-int8-torch-ranges": "int8",
    "tflite-int8-mse-uint8-equalized-corrected": "int8",
    "tflite-int16x8": "int16x8",
    "tflite-weight-only": "weight-int8",
    "tflite-rounded": "int8",
}
SETTINGS = {
    "quantize.ptq": ENTRIES,
    "quantize.qat": "{epochs: 2, lr: 0.001}",
    "quantize.max_drop": 0.0,
    "quantize.torch.variants": "[static-fx]",
    "quantize.torch.also_fx_on": "[]",
    "quantize.tflite.variants": "[float32]",
    "measure.runs": 20,
}


@pytest.fixture(scope="module")
def build(builds: Path, edgeforge) -> Path:  # type: ignore[no-untyped-def]
    out = open_folder(builds / "quantization", builds / "store")
    options = [part for key, value in SETTINGS.items() for part in ("--set", f"{key}={value}")]
    done = edgeforge("build", DIGITS, "--out", out, *EPOCHS, *options)
    assert done.returncode == 0, done.stderr
    return out / "digits"


@pytest.mark.parametrize(("name", "precision"), PTQ.items())
def test_variants_of_the_recipe_s_ptq_are_measured_like_the_others(
    build: Path, rows: dict[str, VariantRow], name: str, precision: str
) -> None:
    row, reference = rows[name], rows["torch-fp32"].metrics
    assert row.status == "ok" and row.precision == precision and row.latency_ms and row.drop, row.reason
    assert row.metrics and reference and abs(row.metrics.top1 - reference.top1) < 0.02
    assert row.agreement and row.agreement.top1 > 0.98
    assert row.file == f"tflite/digits_{name.removeprefix('tflite-')}.tflite"
    data = (build / row.file).read_bytes()
    assert len(data) == row.size_bytes and read_preprocessing_of(data)
    assert all(check.passed for check in row.checks), row.checks


@pytest.mark.parametrize(
    ("name", "source"), [("tflite-qat-int8", "torch-qat-int8"), ("tflite-int8-torch-ranges", "torch-fx-int8")]
)
def test_pytorch_s_ranges_and_weights_give_pytorch_s_outputs(
    rows: dict[str, VariantRow], name: str, source: str
) -> None:
    checks = {check.name: check for check in rows[name].checks}
    for proof in ("PyTorch's activation ranges", "PyTorch's weight scales", "bias scale is input × weight scale"):
        assert checks[proof].passed, checks[proof].detail
    assert "3,784 of 3,784 int8 weights identical" in checks["PyTorch's weight scales"].detail
    # qnnpack and XNNPACK requantize alike but where a value lies between two steps, and this net has no sums or
    # averages, which they round apart.
    said = checks[f"gives the outputs of {source}"].detail
    assert float(said.split(" %")[0]) >= 99.9 and said.endswith("same class on 100.00 %"), said
    assert rows[name].metrics == rows[source].metrics


def test_the_fine_tuned_model_ships(build: Path, report: Report, rows: dict[str, VariantRow]) -> None:
    assert report.shipped == "tflite-qat-int8" and rows["tflm-int8"].file == "tflite/digits_qat_int8.tflite"
    assert report.parity and report.parity.model == report.shipped
    assert {pair.a for pair in report.parity.runtimes} >= {"torch-qat-int8"}
    sketch = (build / "arduino" / "digits" / "model.cc").read_text()
    model = pure_flatbuffer((build / rows["tflm-int8"].file).read_bytes())
    assert ", ".join(f"0x{byte:02x}" for byte in model[:12]) in sketch


def test_the_search_for_wide_layers_is_reported(build: Path, report: Report, rows: dict[str, VariantRow]) -> None:
    mixed = report.mixed
    assert mixed and mixed.chosen and mixed.chosen.drop <= 0.0 and not mixed.excluded
    assert {layer.module for layer in mixed.layers} == {"features.0", "features.3", "classifier.1"}
    assert len({tuple(mix.wide) for mix in mixed.tried}) >= 4
    wide = max(mixed.tried, key=lambda mix: len(mix.wide))
    assert wide.bytes > min(mix.bytes for mix in mixed.tried)
    assert rows["tflite-mixed"].status == "ok"
    page = (build / "report.html").read_text()
    assert ">Mixed precision</h2>" in page and ">Layer by layer</h2>" in page


def test_verify_compares_the_model_that_ships(build: Path, edgeforge) -> None:  # type: ignore[no-untyped-def]
    done = edgeforge("verify", build, "--json", "--min-sqnr", "20")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["model"] == "tflite-qat-int8" and found["layers"]


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("quantize.qat={epochs: 1, skip: [clasifier]}", "no module 'clasifier' (did you mean 'classifier'?)"),
        ("quantize.qat={mode: eager}", "eager needs a model with torch.ao.quantization.QuantStub"),
        ("quantize.ship=tflite-dynamic", "TFLite Micro on arduino-nano-33-ble cannot run 'tflite-dynamic'"),
        ("quantize.ship=tflite-int9", "this recipe makes no 'tflite-int9'; it makes tflite-float32"),
        ("quantize.ptq=[{ranges: torch, observer: mse}]", "observer makes no sense with ranges: torch"),
        ("quantize.max_drop=-1", "give 0.0 or more"),
    ],
)
def test_wrong_settings_end_with_2_and_say_why(build: Path, edgeforge, setting: str, said: str) -> None:  # type: ignore[no-untyped-def]
    until = "qat" if "qat" in setting else "data"
    done = edgeforge("build", DIGITS, "--out", build.parent, *EPOCHS, "--set", setting, "--until", until)
    assert done.returncode == 2 and said in " ".join(done.stderr.split()), done.stderr
