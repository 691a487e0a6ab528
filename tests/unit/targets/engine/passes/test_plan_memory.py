"""The arena: nothing that lives at one time overlaps."""

import numpy as np
from engine_network import Int8
from engine_program import require_the_bytes_of_tflm
from hypothesis import given
from hypothesis import strategies as st

from edgeforge.targets.engine.compile import compile_model
from edgeforge.targets.engine.memory.blocks import Block, least
from edgeforge.targets.engine.memory.plans import beside, greedy, top
from edgeforge.targets.engine.memory.search import search
from edgeforge.targets.engine.options import Options

SMALL = Options(optimize="size")  # kernels that take no scratch memory


@st.composite
def blocks(draw: st.DrawFn) -> list[Block]:
    """Return blocks of up to 20 steps."""
    found = []
    for number in range(draw(st.integers(1, 12))):
        first = draw(st.integers(0, 20))
        found.append(Block(f"tensor {number}", 4 * draw(st.integers(1, 50)), first, draw(st.integers(first, 20))))
    return found


@given(blocks())
def test_blocks_that_meet_do_not_overlap(planned: list[Block]) -> None:
    known = greedy(planned)
    require_a_plan(planned, known)
    found = search(known, 200)
    require_a_plan(planned, found)
    assert least(planned) <= top(found) <= top(known) <= sum(block.bytes for block in planned)


def test_search_finds_what_no_greedy_order_does() -> None:
    spans = [(20, 2, 4), (16, 5, 7), (20, 2, 5), (28, 0, 1), (32, 5, 6), (24, 1, 4)]  # bytes, first, last
    planned = [Block(f"tensor {number}", *span) for number, span in enumerate(spans)]
    assert top(greedy(planned)) == 72
    assert top(search(greedy(planned))) == least(planned) == 68
    assert top(search(greedy(planned), nodes=1)) == 72


def test_inputs_that_share_the_arena_count_before_those_that_do_not() -> None:
    inside, end = [Block("tensor 0", 40, 1, 2), Block("tensor 1", 40, 2, 3)], Block("end", 60, 0, 1)
    assert top([*greedy(inside, [end]), *beside(greedy(inside, [end]), [end])]) == 100


def require_a_plan(planned: list[Block], placed: list[tuple[Block, int]]) -> None:
    offsets, total = {block.name: offset for block, offset in placed}, top(placed)
    for block in planned:
        assert offsets[block.name] % 4 == 0 and offsets[block.name] + block.bytes <= total
        for other in planned:
            if other is not block and block.meets(other):
                first, second = sorted((block, other), key=lambda one: offsets[one.name])
                assert offsets[first.name] + first.bytes <= offsets[second.name]
    assert least(planned) <= total <= sum(block.bytes for block in planned)


def test_what_is_read_while_an_output_is_written_lies_as_far_ahead_as_it_must() -> None:
    read = Block("read", 40, 0, 1, home=1)
    written = Block("written", 100, 1, 2, home=2, leads=((1, 72),))
    placed = greedy([read, written])
    offsets, total = {block.name: offset for block, offset in placed}, top(placed)
    assert offsets == {"written": 0, "read": 72} and total == least([read, written]) == 112
    later = Block("later", 100, 2, 3, home=3, leads=((1, 72),))  # not at that time
    assert top(greedy([read, later])) == 100
    longer = Block("read", 40, 0, 2, home=1)  # somebody reads it afterwards
    assert top(greedy([longer, written])) == least([longer, written]) == 140
    before = Block("written", 20, 1, 2, home=2, leads=((1, -8),))
    assert top(greedy([read, before])) == 40


def test_what_shrinks_in_place_leaves_its_end_to_others() -> None:
    shrinks = Block("shrinks", 100, 0, 3, later=((2, 60),))
    assert top(greedy([shrinks, Block("beside", 40, 1, 1)])) == 140
    assert top(greedy([shrinks, Block("beside", 40, 2, 2)])) == least([shrinks, Block("beside", 40, 2, 2)]) == 100


def test_what_is_computed_in_place_takes_no_memory_of_its_own() -> None:
    net = Int8(8, 8, 4)
    x = net.on(0.5, 0).conv(net.input, net.any(4, 1, 1, 4))
    x = net.on(1 / 256, -128).unary("LOGISTIC", x)  # over what it reads
    x = net.on(0.1, 3).conv(x, net.any(4, 1, 1, 4))
    network = compile_model(net.build(net.on(0.4, 3).dense(x, net.any(2, 256))), "net", SMALL)
    assert network.arena_bytes == 256 + 4  # a convolution reads a pixel for all of its channels


def test_what_is_still_read_is_not_written_over() -> None:
    net = Int8(8, 8, 4)
    x = net.on(0.5, 0).conv(net.input, net.any(4, 1, 1, 4))
    y = net.on(0.5, 0).unary("LEAKY_RELU", x)
    model = net.build(net.on(1.0, 0).add(net.add(x, y), x))
    require_the_bytes_of_tflm(model)
    network = compile_model(model, "net")
    assert network.home(network.operators[0].output) != network.home(network.operators[1].output)


def test_several_inputs_and_outputs_are_the_callers() -> None:
    net = Int8(4, 4, 2)
    second = net.activation("second", (1, 4, 4, 2))
    x = net.on(0.1, 0).add(net.input, second)
    net.build(net.on(0.2, 0).conv(x, net.any(3, 1, 1, 2), np.zeros(3)))
    net.graph.inputs, net.graph.outputs = [net.input, second], [x, net.graph.outputs[0]]
    from edgeforge.tflite.flatbuffer import write_model

    model = write_model(net.model)
    require_the_bytes_of_tflm(model)
    assert compile_model(model, "net", SMALL).arena_bytes == 0
