"""Random graphs over all operators: the compiled C computes the bytes of TFLM, under the sanitizers."""

from engine_program import require_the_bytes_of_tflm
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import sampled_from
from random_graphs import graphs

from edgeforge.targets.engine.options import Optimize, Options


@settings(
    max_examples=16, deadline=None, database=None, suppress_health_check=list(HealthCheck), phases=(Phase.generate,)
)
@seed(7)
@given(graphs(), sampled_from(("speed", "size")))  # fast kernels, and those to be read
def test_a_sample_has_the_bytes_of_tflm(model: bytes, optimize: Optimize) -> None:
    require_the_bytes_of_tflm(model, options=Options(optimize=optimize))
