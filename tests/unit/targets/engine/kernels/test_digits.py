"""digits on an emulated Cortex-M4: TFLM's bytes, and what it takes. Counts of instructions are the same on any desk."""

from pathlib import Path

import numpy as np
from engine_program import random_inputs, tflm_outputs
from places import DATA

from edgeforge.targets.engine.compile import compile_model
from edgeforge.targets.engine.emulate.run import build
from edgeforge.targets.engine.options import Options, core_named


def test_digits_is_fast_and_small(tmp_path: Path) -> None:
    model = (DATA / "digits_int8.tflite").read_bytes()
    inputs = random_inputs(model, 16)
    program = build(compile_model(model, "digits", Options(core=core_named("m4"))), tmp_path)
    run, sizes = program.run(inputs), program.sizes()
    np.testing.assert_array_equal(run.outputs[0], tflm_outputs(model, inputs)[0])
    assert sum(run.instructions) <= run.total <= 140_000  # half of what TFLM takes with CMSIS-NN
    assert len(run.instructions) == len(program.network.operators)
    assert sizes.flash <= 20_000 and sizes.weights > 3_866  # parameters
    assert 0 < run.stack < 1_000
