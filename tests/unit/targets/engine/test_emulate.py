"""A model as plain C on emulated cores: proven beside the desk, judged for boards."""

from pathlib import Path

import numpy as np
import pytest
from places import DATA

from edgeforge.errors import MissingDependency, ParityError, RecipeError
from edgeforge.hardware.boards import boards
from edgeforge.results.rows.engine import EmulatedRow
from edgeforge.targets.engine.emulate.boards import judge
from edgeforge.targets.engine.emulate.machine import INSTALL, machine_of, missing
from edgeforge.targets.engine.emulate.prove import desk_outputs, emulated, require_same_bytes
from edgeforge.targets.engine.emulate.verify import emulate
from edgeforge.targets.engine.options import Options, core_named

MODEL = DATA / "digits_int8.tflite"
needs_emulator = pytest.mark.skipif(bool(missing()), reason=f"{missing()}: {INSTALL}")


def nothing(share: float, text: str) -> None:
    """What a bar is told."""


@needs_emulator
def test_a_file_gives_the_same_bytes_on_every_core() -> None:
    rows = emulate([MODEL], None, ["m0plus", "m4"], 4, nothing)
    assert [row.core for row in rows] == ["cortex-m0plus", "cortex-m4"]
    for row in rows:
        require_same_bytes(row, "TFLM")
        assert (row.images, row.of, row.outputs) == (4, 16, 40) and row.litert_steps in (0, 1)
        assert sum(layer.instructions for layer in row.layers) <= row.instructions
    scalar, dsp = rows
    assert dsp.instructions < scalar.instructions / 5, "SMLAD is used"
    assert 0 < dsp.stack_bytes < 1_000 and dsp.flash_bytes < 20_000


@needs_emulator
def test_a_wrong_byte_is_found() -> None:
    options = Options(core_named("m4"))
    tensors = np.zeros((2, 8, 8, 1), np.int8)
    expected, litert = desk_outputs(MODEL, tensors, options)
    wrong = expected.copy()
    wrong.reshape(-1)[3] += 1
    row, _ = emulated(MODEL.read_bytes(), "digits", options, tensors, wrong, litert, 2)
    assert row.differing == 1
    with pytest.raises(ParityError, match="differs from TFLM in 1 of 20 output bytes"):
        require_same_bytes(row, "TFLM")


@needs_emulator
def test_inputs_of_ones_own_are_taken(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=np.random.default_rng(0).normal(size=(3, 1, 8, 8)).astype(np.float32))
    assert emulate([MODEL], tmp_path / "x.npz", ["m4"], 100, nothing)[0].images == 3


def test_what_cannot_be_emulated_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RecipeError, match="nothing emulates portable"):
        emulate([MODEL], None, ["portable"], 4, nothing)
    with pytest.raises(RecipeError, match=r"one build or one \.tflite"):
        emulate([MODEL, MODEL], None, [], 4, nothing)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingDependency, match="arm-none-eabi-gcc, qemu-system-arm is not installed"):
        machine_of(core_named("m4"), 0, 0)


@needs_emulator
def test_an_m0_of_16_kilobytes_stands_for_the_m0plus_where_it_has_the_room() -> None:
    core = core_named("m0plus")
    assert machine_of(core, 200_000, 16_000).name == "microbit"
    assert machine_of(core, 200_000, 17_000).name == machine_of(core, 300_000, 100).name == "mps2-an385"
    assert emulate([MODEL], None, ["m0plus"], 2, nothing)[0].machine == "microbit"


def run(flash: int, ram: int) -> EmulatedRow:
    return EmulatedRow(core="cortex-m4", machine="mps2-an386", images=1, of=1, outputs=10, differing=0,
                       instructions=64_000, layers=[], stack_bytes=0, text_bytes=flash, weights_bytes=0,
                       arena_bytes=0, ends_bytes=0, shared_bytes=ram)  # fmt: skip


def test_boards_are_judged_by_what_was_built_for_their_core() -> None:
    nano = boards()["arduino-nano-33-ble"]
    spare = nano.ram_bytes - nano.core_ram_bytes
    fits = judge("nano", nano, {"cortex-m4": run(1_000, spare)}, "")
    assert fits.fits and fits.ram_bytes == nano.ram_bytes and fits.milliseconds == pytest.approx(1.45)
    assert judge("nano", nano, {"cortex-m4": run(1_000, spare + 1)}, "").fits is False
    esp = judge("esp", boards()["esp32-s3"], {"cortex-m4": run(1, 1)}, "")
    assert esp.fits is None and "nothing here emulates its core, xtensa-lx7" in esp.reason
    assert judge("nano", nano, {}, "no compiler").reason == "no compiler"
