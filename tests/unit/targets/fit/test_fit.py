"""Whether models fit: verdicts, advice, and what a person reads when they do not."""

from io import StringIO
from pathlib import Path

import pytest
from int8_models import Net, mnist_cnn, mobilenet_v2, person_detection
from rich.console import Console

from edgeforge.builder.stage import Job, restricted
from edgeforge.errors import BudgetExceeded, RecipeError
from edgeforge.hardware.boards import board, boards
from edgeforge.hardware.libraries import libraries, library
from edgeforge.recipe.schema import Recipe
from edgeforge.report.fit.plot import arena_plot
from edgeforge.report.fit.table import parts_table
from edgeforge.results.preprocessing import with_preprocessing
from edgeforge.results.rows.fit import Refusal
from edgeforge.targets.fit.judge import fit_file, fit_model, rank_boards, require_fit
from edgeforge.targets.fit.stage import judge_fit, read_fit

NANO = board("arduino-nano-33-ble")


def test_flash_and_ram_are_the_sum_of_their_parts() -> None:
    model = person_detection()
    row = fit_model(model, NANO)
    flash = row.flash
    assert flash.model_bytes == len(model)
    assert row.memory.flash_bytes == flash.total == sum(size for _, size in flash.parts)
    assert row.memory.ram_bytes > row.arena_reserved_bytes + NANO.core_ram_bytes
    assert row.arena_reserved_bytes >= row.arena.needed_bytes + 64 and row.arena_reserved_bytes % 16 == 0
    assert row.deployable and row.verdict.startswith("fits: ") and not row.advice


def test_ram_that_only_some_models_need_is_named(tmp_path: Path) -> None:
    from hearing_sketch import HEARD, MODEL

    path = tmp_path / "heard.tflite"
    path.write_bytes(with_preprocessing(MODEL.read_bytes(), HEARD))
    heard, without = fit_file(path, "arduino-nano-33-ble")[0], fit_file(MODEL, "arduino-nano-33-ble")[0]
    assert heard.variables == {
        "features of sound, their state": 2 * 480 + 4 * 512 + 8 * 8,
        "features of sound, the newest frames": 64,
        "ring of the microphone's samples": 2 * 6400,
    }
    assert not without.variables
    assert heard.memory.ram_bytes - without.memory.ram_bytes == sum(heard.variables.values())
    out = StringIO()
    Console(file=out, width=120).print(parts_table(heard))
    assert "RAM, ring of the microphone's samples" in out.getvalue()


def test_a_model_too_large_for_flash_says_how_much_smaller_and_where_it_would_fit() -> None:
    row = fit_model(mnist_cnn(), NANO)
    assert not row.memory.fits and "bytes of flash are missing" in row.memory.verdict and row.library.takes_it
    assert row.memory.flash_left_bytes < 0 < row.memory.ram_left_bytes
    assert "a width multiplier of about 0." in row.advice[0] and "it fits" in row.advice[-1]
    assert "more: `edgeforge fit" in row.advice[-1] and "Nano 33" not in row.advice[-1]


def test_an_arena_too_large_names_the_layer_that_sets_the_peak() -> None:
    small = NANO.model_copy(update={"ram_bytes": 160_000})
    row = fit_model(mobilenet_v2(), small, key="small")
    assert not row.memory.fits and "bytes of RAM are missing" in row.verdict
    assert row.advice[0].startswith("DEPTHWISE_CONV_2D 4 ") and "sets the peak of 139,104 bytes" in row.advice[0]
    assert "instead of 96×96" in row.advice[1]
    with pytest.raises(BudgetExceeded, match="RAM are missing") as failure:
        require_fit([row])
    assert "sets the peak" in failure.value.fix and failure.value.exit_code == 6


def test_the_advised_input_fits_when_taken() -> None:
    """A network whose activations all shrink with its input's area, on a board that is too small for it."""

    def network(side: int) -> bytes:
        net = Net(side, side, 1)
        x = net.conv(net.pool(net.conv(net.input, 16)), 16, stride=2)
        return net.build(net.dense(net.mean(x), 4))

    small = NANO.model_copy(update={"ram_bytes": 120_000})
    row = fit_model(network(64), small, key="small")
    assert not row.memory.fits
    advised = int(next(text for text in row.advice if "smaller input" in text).split("about ")[1].split("×")[0])
    assert 32 < advised < 64 and fit_model(network(advised), small, key="small").memory.fits


def test_boards_are_ranked_those_that_fit_first() -> None:
    rows = rank_boards(mobilenet_v2())
    assert len(rows) == len(boards())
    fits = [row.memory.fits for row in rows]
    assert fits == sorted(fits, reverse=True) and fits[0] and not fits[-1]
    assert rows[-1].board.startswith("arduino-uno-r4")


def test_a_float_model_is_one_error_that_says_how_to_quantize(tmp_path: Path) -> None:
    net = Net(8, 8, 1, kind="FLOAT32")
    path = tmp_path / "float.tflite"
    path.write_bytes(net.build(net.unary("TANH", net.input)))
    with pytest.raises(RecipeError, match="computes in float: TANH 0") as failure:
        fit_file(path, "all")
    assert "representative_dataset" in failure.value.fix and "edgeforge build" in failure.value.fix


def test_an_operator_that_tflm_lacks_is_named_with_its_layer() -> None:
    net = Net(8, 8, 2)
    row = fit_model(net.build(net.unary("SIGN", net.conv(net.input, 2))), NANO)
    assert row.memory.fits and not row.library.takes_it and not row.deployable
    (refusal,) = row.library.refusals
    assert (refusal.operator, refusal.kind) == ("SIGN", "refused") and refusal.layer.startswith("SIGN 1 ")
    assert "of 2 layers Chirale_TensorFLowLite 2.0.0 refuses 1: SIGN 1 " in row.library.verdict


def test_a_refusal_from_elsewhere_is_the_library_s_and_never_a_matter_of_memory() -> None:
    layer = "FULLY_CONNECTED 5 (x)"
    refusal = Refusal(layer=layer, operator="FULLY_CONNECTED", kind="wrong", reason="wrong numbers", fix="requantize")
    row = fit_model(person_detection(), NANO, refusals=[refusal])
    assert row.memory.fits and "does not fit" not in row.verdict and row.verdict.startswith("fits: ")
    assert not row.deployable and "would compute 1 wrongly: FULLY_CONNECTED 5 (x): wrong numbers" in row.verdict
    assert row.advice == ["requantize"]


@pytest.mark.parametrize(("name", "said"), [("absent.tflite", "no such file"), ("text.tflite", "no TFLite flatbuffer")])
def test_what_is_no_model_is_said(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "text.tflite").write_text("not a model at all")
    with pytest.raises(RecipeError, match=said):
        fit_file(tmp_path / name, "all")


def test_an_unknown_board_suggests_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "m.tflite").write_bytes(person_detection())
    with pytest.raises(RecipeError, match="did you mean 'esp32-s3'"):
        fit_file(tmp_path / "m.tflite", "esp32s3")


def test_the_plot_marks_the_peak_and_is_the_same_each_time() -> None:
    arena = fit_model(mnist_cnn(), NANO).arena
    svg = arena_plot(arena, "Arena")
    assert svg == arena_plot(arena, "Arena")
    assert "peak: CONV_2D 1, 59,648 bytes" in svg and "MAX_POOL_2D 2" in svg and "scratch" in svg


def judged(folder: Path, on_misfit: str) -> Path:
    """Run the stage `fit` on the MNIST network for a board that it fits and one that it does not."""
    from edgeforge.results.variant import Variant, write_variants

    (folder / "tflite").mkdir()
    (folder / "out").mkdir()
    (folder / "tflite" / "m.tflite").write_bytes(mnist_cnn())
    write_variants(folder / "tflite", [Variant("tflite-int8", "litert", "int8", "m.tflite")])
    targets = ("arduino-nano-33-ble", "arduino-giga-r1")
    values = {"name": "m", "data": {"source": "digits"}, "model": {"name": "m"}, "targets": targets}
    recipe = restricted(
        Recipe.model_validate(values | {"on_misfit": on_misfit}),
        ("targets", "boards", "on_misfit", "library", "runtime", "quantize.ship"),
    )
    inputs = {"tflite": folder / "tflite"}
    judge_fit(Job("fit", recipe, inputs, folder / "out", folder, lambda share, text: None))
    return folder / "out"


def test_a_misfit_stops_the_build_and_every_board_is_told(tmp_path: Path) -> None:
    with pytest.raises(BudgetExceeded) as failure:
        judged(tmp_path, "stop")
    lines = failure.value.reason.splitlines()
    assert "does not fit" in lines[0] and "GIGA R1 WiFi (M7 core): fits" in lines[1]


def test_on_misfit_report_goes_on(tmp_path: Path) -> None:
    rows = read_fit(judged(tmp_path, "report"))
    assert [row.memory.fits for row in rows.values()] == [False, True]


def test_vectors_are_chosen_by_their_bytes_and_never_decide_whether_a_model_fits() -> None:
    """An image of 64 × 64: 8 KB a vector. All that are wanted, then one, then none, then a model that does not fit."""
    net = Net(64, 64, 1)
    model = net.build(net.dense(net.mean(net.conv(net.input, 8, stride=2)), 4))
    whole = fit_model(model, NANO)
    each, flash = whole.flash.vectors_bytes // whole.flash.vectors, whole.flash.total - whole.flash.vectors_bytes
    assert each > 8192 and whole.flash.vectors == 2 and not whole.flash.vectors_left_out
    for room, vectors, fits in ((each, 1, True), (each - 1, 0, True), (0, 0, True), (-1, 0, False)):
        row = fit_model(model, NANO.model_copy(update={"flash_bytes": flash + room}), key="small")
        assert (row.flash.vectors, row.memory.fits) == (vectors, fits) == (vectors, row.memory.flash_left_bytes >= 0)
        assert row.flash.vectors_left_out == 2 - vectors
    assert "flash has no room for a test vector" not in whole.verdict


def test_the_structures_kernels_and_code_are_those_of_the_library_asked_for() -> None:
    model = mobilenet_v2()
    rows = {key: fit_model(model, NANO, sketch=library(key)) for key in libraries()}
    assert {row.library.kernels for row in rows.values()} == {"cmsis-nn", "reference", "esp-nn"}
    assert rows["chirale-2.0.0"].arena.used_bytes == rows["tflm-cortexm-1.0.0"].arena.used_bytes == 206_260
    assert rows["tflite-micro-2026-08"].arena.used_bytes == 204_612
    assert rows["tflite-micro-2026-08"].flash.kernels_bytes < rows["chirale-2.0.0"].flash.kernels_bytes
