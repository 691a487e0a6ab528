"""A thousand random graphs over all of the engine's operators: the bytes of TFLM. Runs for a quarter of an hour."""

import pytest
from engine_program import require_the_bytes_of_tflm
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import sampled_from
from random_graphs import graphs

from edgeforge.targets.engine.options import Optimize, Options


@pytest.mark.proof
@settings(
    max_examples=1000,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate, Phase.shrink),
)
@seed(2026)
@given(graphs(), sampled_from(("speed", "size")))  # fast kernels, and those to be read
def test_a_thousand_have_the_bytes_of_tflm(model: bytes, optimize: Optimize) -> None:
    require_the_bytes_of_tflm(model, options=Options(optimize=optimize))
