"""Random graphs over all of the engine's operators: the bytes of TFLM. A thousand run for a quarter of an hour."""

import pytest
from engine_program import require_the_bytes_of_tflm
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import sampled_from
from random_graphs import graphs

from edgeforge.targets.engine.options import Optimize, Options


@pytest.mark.parametrize(
    "number", [pytest.param(200, marks=pytest.mark.proof), pytest.param(1000, marks=pytest.mark.soak)]
)
def test_they_have_the_bytes_of_tflm(number: int) -> None:
    @settings(
        max_examples=number,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    @seed(2026)
    @given(graphs(), sampled_from(("speed", "size")))  # fast kernels, and those to be read
    def check(model: bytes, optimize: Optimize) -> None:
        require_the_bytes_of_tflm(model, options=Options(optimize=optimize))

    check()
