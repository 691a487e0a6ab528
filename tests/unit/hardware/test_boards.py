import re
from pathlib import Path

import pytest

from edgeforge.errors import RecipeError, StageFailed
from edgeforge.hardware.arduino_platforms import pinned
from edgeforge.hardware.board import DSP_CORES
from edgeforge.hardware.boards import board, boards
from edgeforge.hardware.op_resolver import OPERATORS, resolver_method
from edgeforge.recipe.load import load_recipe


def test_every_board_is_complete_and_states_its_source() -> None:
    for key, one in boards().items():
        assert one.source and one.core_source and one.fqbn.count(":") >= 2, key
        assert one.core_flash_bytes < one.flash_bytes and one.core_ram_bytes < one.ram_bytes, key
    assert board("arduino-nano-33-ble").ram_bytes == 256 * 1024 - 512, "the interrupt vectors and crash data come first"


def test_an_unknown_board_suggests_the_nearest() -> None:
    with pytest.raises(RecipeError, match="did you mean 'raspberry-pi-pico'"):
        board("raspbery-pico")


RECIPE = """
name: mine
data: {{source: digits}}
model: {{name: digits_cnn}}
boards:
  {name}: {{title: Mine, core: cortex-m33, clock_mhz: 150, flash_bytes: 524288, ram_bytes: 131072,
            core_flash_bytes: 40000, core_ram_bytes: 12000, source: its datasheet{more}}}
targets: [{target}]
"""


def recipe_with(folder: Path, name: str = "my-board", target: str = "my-board", more: str = "") -> Path:
    path = folder / "recipe.yaml"
    path.write_text(RECIPE.format(name=name, target=target, more=more))
    return path


def test_a_recipe_brings_boards_of_its_own(tmp_path: Path) -> None:
    recipe = load_recipe(recipe_with(tmp_path)).recipe
    assert board("my-board", recipe.boards).core in DSP_CORES
    assert board("raspberry-pi-pico", recipe.boards).core not in DSP_CORES


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": "esp32-s3"}, r"recipe.yaml:6: boards.esp32-s3: EdgeForge knows a board of that name already"),
        ({"target": "my-bord"}, r"targets: 'my-bord' is no board \(did you mean 'my-board'\?\)"),
        ({"more": ", flsh: 1"}, r"recipe.yaml:7: boards.my-board.flsh: unknown key"),
        ({"more": ", kernels: esp"}, r"boards.my-board.kernels: 'esp' is not valid"),
        ({"more": ", fqbn: nano33ble"}, r"boards.my-board.fqbn: 'nano33ble': write packager:architecture:board"),
    ],
)
def test_a_wrong_board_in_a_recipe_is_named_with_its_line(tmp_path: Path, changed: dict[str, str], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        load_recipe(recipe_with(tmp_path, **changed))


@pytest.mark.parametrize(
    ("operator", "method"),
    [
        ("CONV_2D", "AddConv2D"),
        ("DEPTHWISE_CONV_2D", "AddDepthwiseConv2D"),
        ("FULLY_CONNECTED", "AddFullyConnected"),
        ("L2_POOL_2D", "AddL2Pool2D"),
        ("PADV2", "AddPadV2"),
        ("RELU6", "AddRelu6"),
        ("SPLIT_V", "AddSplitV"),
    ],
)
def test_resolver_methods_are_those_of_tflm(operator: str, method: str) -> None:
    assert resolver_method(operator) == method


def test_resolver_methods_differ_and_unknown_operators_are_refused() -> None:
    assert len({resolver_method(operator) for operator in OPERATORS}) == len(OPERATORS)
    with pytest.raises(StageFailed, match="no method for operator FLEX_ERF"):
        resolver_method("FLEX_ERF")


PEOPLES = {
    "stm32-nucleo-f446re", "stm32-nucleo-l4r5zi", "stm32-nucleo-h743zi", "stm32-nucleo-u575zi", "raspberry-pi-pico-2",
    "arduino-nano-esp32", "esp32", "esp32-c3", "teensy-40", "teensy-41", "xiao-nrf52840", "xiao-esp32s3",
    "arduino-uno-r4-wifi", "arduino-nicla-voice",
}  # fmt: skip


def test_the_boards_that_people_own_are_there_and_each_has_a_profile_of_its_own() -> None:
    assert set(boards()) >= PEOPLES
    pins = {key: pinned(one.fqbn) for key, one in boards().items()}
    assert len({pin.profile for pin in pins.values()}) == len(pins)
    assert all(re.fullmatch("[A-Za-z0-9_]+", pin.profile) for pin in pins.values())
    for key, pin in pins.items():
        assert pin.version and (pin.index_url or pin.platform.startswith("arduino:")), key
        assert bool(pin.platformio_board) == (key != "arduino-nicla-voice"), key
    assert pinned("").profile == "" and pinned("a:b:c:d=E").profile == "c_d_E"
