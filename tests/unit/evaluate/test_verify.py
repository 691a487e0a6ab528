"""`edgeforge verify` on two files made elsewhere, and its refusals."""

import json
from pathlib import Path

import numpy as np
import pytest
from tflite_models import chain, images, quantized

from edgeforge.errors import ParityError, RecipeError
from edgeforge.evaluate.verify import require, verify, verify_files
from edgeforge.results.rows.parity import LayerRow, ParityRow, RuntimePairRow


def silent(share: float, text: str) -> None:
    pass


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, inputs = tmp_path_factory.mktemp("models"), images()
    (folder / "float.tflite").write_bytes(chain())
    (folder / "int8.tflite").write_bytes(quantized(chain(), inputs))
    low, high = -0.1, 0.1
    (folder / "bad.tflite").write_bytes(quantized(chain(), inputs, conv_2d_2=(low, high)))
    np.savez(folder / "x.npz", x=inputs)
    return folder


def test_two_files_are_compared_on_inputs_of_ones_own(files: Path) -> None:
    row = verify_files(files / "float.tflite", files / "int8.tflite", files / "x.npz", None, silent)
    assert len(row.layers) == 8 and row.images == 32 and row.output_sqnr_db and row.output_sqnr_db > 20
    runtimes = {pair.a for pair in row.runtimes} | {pair.b for pair in row.runtimes}
    assert runtimes | set(row.left_out) == {"litert-xnnpack", "litert-builtin", "litert-reference", "tflm"}
    assert len(runtimes) >= 3 and all(pair.one_file and pair.images == 32 for pair in row.runtimes)


def test_thresholds_name_the_layer(files: Path) -> None:
    row = verify_files(files / "float.tflite", files / "bad.tflite", files / "x.npz", None, silent)
    require(row, None, None)
    with pytest.raises(ParityError, match=r"--min-sqnr 20 dB.*\nCONV_2D 2: \d+\.\d dB alone( Fix|$)") as caught:
        require(row, 20.0, None)
    assert caught.value.exit_code == 5 and caught.value.reason.count("alone") == 1


def test_what_was_not_compared_is_not_proven() -> None:
    layer = LayerRow(name="TANH 3", operator="TANH", place=3, shape=[1], precision="int8", reason="no counterpart")
    with pytest.raises(ParityError, match="TANH 3: not compared: no counterpart"):
        require(ParityRow(layers=[layer]), 1.0, None)
    with pytest.raises(ParityError, match="no full-integer"):
        require(ParityRow(reason="there is no full-integer TFLite model"), 1.0, None)


def test_kernels_too_far_apart_fail_only_where_they_share_a_file() -> None:
    pair = RuntimePairRow(a="litert-builtin", b="tflm", images=9, identical=0.5, within_one=0.9, max_steps=4,
                          max_difference=0.4, same_class=1.0, one_file=True)  # fmt: skip
    row = ParityRow(runtimes=[pair])
    require(row, None, 4)
    with pytest.raises(ParityError, match="litert-builtin and tflm: up to 4 steps"):
        require(row, None, 3)
    require(ParityRow(runtimes=[pair.model_copy(update={"one_file": False})]), None, 3)


def test_the_command_line(files: Path, edgeforge) -> None:  # type: ignore[no-untyped-def]
    models = files / "float.tflite", files / "bad.tflite", "--inputs", files / "x.npz"
    shown = edgeforge("verify", *models, "--layers", "3")
    assert shown.returncode == 0, shown.stderr
    assert "3 of 8, those that cost most" in shown.stdout and "CONV_2D 2" in shown.stdout
    assert "What costs most" in shown.stdout and "clipped" in shown.stdout and "litert-reference" in shown.stdout
    failed = edgeforge("verify", *models, "--min-sqnr", "20", "--json")
    assert failed.returncode == 5 and "CONV_2D 2" in failed.stderr
    assert ParityRow.model_validate(json.loads(failed.stdout)).layers


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((["float.tflite"], None), "a build folder, or two"),
        ((["float.tflite", "int8.tflite"], None), "inputs"),
        ((["float.tflite", "none.tflite"], "x.npz"), "none.tflite: no such file"),
        ((["nowhere"], None), "no report there"),
        ((["float.tflite", "int8.tflite"], "float.tflite"), "--inputs: .*float.tflite cannot be read"),
    ],
)
def test_what_it_cannot_use_is_named(files: Path, arguments: tuple[list[str], str | None], words: str) -> None:
    names, inputs = arguments
    with pytest.raises(RecipeError) as caught:
        verify([files / name for name in names], files / inputs if inputs else None, None, silent)
    import re

    assert re.search(words, str(caught.value))
