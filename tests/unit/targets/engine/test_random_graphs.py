"""Random graphs over all operators: the compiled C computes the bytes of TFLM, under the sanitizers."""

from engine_program import require_the_bytes_of_tflm
from hypothesis import HealthCheck, Phase, given, seed, settings
from random_graphs import graphs


@settings(
    max_examples=16, deadline=None, database=None, suppress_health_check=list(HealthCheck), phases=(Phase.generate,)
)
@seed(7)
@given(graphs())
def test_a_sample_has_the_bytes_of_tflm(model: bytes) -> None:
    require_the_bytes_of_tflm(model)
