"""Instructions for bytes: for RAM while it is worth it, for a limit as many as it takes, and how many."""

from pathlib import Path

import numpy as np
import pytest
from engine_network import Int8
from engine_program import random_inputs, tflm_outputs

from edgeforge.errors import BudgetExceeded
from edgeforge.targets.engine.compile import compile_model
from edgeforge.targets.engine.emulate.machine import INSTALL, missing
from edgeforge.targets.engine.emulate.run import build
from edgeforge.targets.engine.emulate.trade import trade_of
from edgeforge.targets.engine.options import Optimize, Options, core_named
from edgeforge.targets.engine.passes.save_memory import DEAREST


def net() -> bytes:
    """Return a model of one convolution that dominates: its scratch memory can be spared by a slower kernel."""
    made = Int8(8, 8, 16)
    x = made.on(4.0, 0).conv(made.input, made.any(16, 5, 5, 16))
    return made.build(made.on(300.0, 0).dense(x, made.any(3, 8 * 8 * 16)))


def test_a_limit_takes_slower_kernels_where_it_must_and_says_what_it_cost(tmp_path: Path) -> None:
    if reason := missing():
        pytest.skip(f"{reason}: {INSTALL}")
    model, core = net(), core_named("m4")
    fast, for_ram = (compile_model(model, "net", Options(core, wish)) for wish in ("speed", "ram"))
    assert fast.shared_bytes == for_ram.shared_bytes, "three times the instructions are not worth it"
    small = compile_model(model, "net", Options(core, max_ram=fast.shared_bytes - 1))
    assert small.lessened and not compile_model(model, "net", Options(core, max_ram=fast.shared_bytes)).lessened
    assert "is computed by" in small.folded[-1] and small.shared_bytes < fast.shared_bytes
    trade = trade_of(small, model)
    assert trade is not None and trade.emulated and trade.instructions > trade.instructions_for_speed
    assert (trade.bytes, trade.bytes_for_speed) == (small.shared_bytes, fast.shared_bytes)
    assert "counted by the emulator" in trade.sentence
    assert trade_of(fast, model) is None
    inputs = random_inputs(model, 3)
    np.testing.assert_array_equal(build(small, tmp_path).run(inputs).outputs[0], tflm_outputs(model, inputs)[0])
    with pytest.raises(BudgetExceeded, match="all is done to save it"):
        compile_model(model, "net", Options(core, max_ram=1_000))


@pytest.mark.parametrize("wish", ["size", "speed", "ram"])
def test_without_a_core_it_is_an_estimate(wish: Optimize) -> None:
    model = net()
    least = compile_model(model, "net", Options(optimize="size")).shared_bytes
    network = compile_model(model, "net", Options(optimize=wish, max_ram=least))
    trade = trade_of(network, model)
    assert (trade is None) == (wish == "size")
    if trade is not None:
        assert not trade.emulated and "an estimate" in trade.sentence


def bound_by_its_input() -> bytes:
    """Return a model that begins as MobileNetV1 does: its input is nearly all that any plan of it takes."""
    made = Int8(96, 96, 3)
    x = made.on(0.5, -128).conv(made.input, made.any(8, 3, 3, 3), stride=2)
    for wide, stride in ((16, 1), (32, 2), (32, 1), (64, 2)):
        x = made.on(2.0, -128).depthwise(x, made.any(1, 3, 3, made.shape(x)[3]), stride=stride)
        x = made.on(8.0, -128).conv(x, made.any(wide, 1, 1, made.shape(x)[3]))
    x = made.on(2.0, -128).depthwise(x, made.any(1, 3, 3, 64), stride=2)
    return made.build(made.on(300.0, 0).dense(x, made.any(3, 6 * 6 * 64)))


@pytest.mark.parametrize("core", ["m4", "m0plus", "m55"])
def test_for_ram_nothing_is_paid_for_bytes_that_are_not_saved(core: str) -> None:
    model = bound_by_its_input()
    fast, for_ram = (compile_model(model, "net", Options(core_named(core), wish)) for wish in ("speed", "ram"))
    assert (for_ram.shared_bytes, for_ram.instructions) <= (fast.shared_bytes, fast.instructions)


@pytest.mark.parametrize("core", ["m4", "m0plus"])
def test_for_speed_little_is_paid_for_bytes(core: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, options = bound_by_its_input(), Options(core_named(core))
    few = compile_model(model, "net", options)
    monkeypatch.setitem(DEAREST, "speed", 0.0)
    none = compile_model(model, "net", options)
    assert few.instructions <= none.instructions * 1.05 and few.shared_bytes < none.shared_bytes
