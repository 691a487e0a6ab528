import pytest

from edgeforge.errors import RecipeError, StageFailed
from edgeforge.targets.boards import board, boards
from edgeforge.targets.op_resolver import OPERATORS, resolver_method


def test_every_board_is_complete_and_states_its_source() -> None:
    for key, one in boards().items():
        assert one.source and one.fqbn.count(":") == 2, key
    assert board("arduino-nano-33-ble").ram_bytes == 256 * 1024


def test_an_unknown_board_suggests_the_nearest() -> None:
    with pytest.raises(RecipeError, match="did you mean 'raspberry-pi-pico'"):
        board("raspbery-pico")


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
