"""TFLite's metadata, as another library writes it."""

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st
from own_models import METADATA

from edgeforge.targets.arduino.own.metadata import NAME, TensorFacts, read_metadata


def model(data: bytes) -> SimpleNamespace:
    """Return a model with this metadata, as the schema has one."""
    return SimpleNamespace(metadata=[SimpleNamespace(name=NAME, buffer=0)], buffers=[SimpleNamespace(data=data)])


def test_what_mediapipe_wrote_is_read() -> None:
    (picture,), (probability, embedding) = read_metadata(model(METADATA))
    assert (picture.name, picture.content) == ("image", "image")
    assert [round(value, 3) for value in (*picture.mean, *picture.std)] == [
        123.675, 116.28, 103.53, 58.395, 57.12, 57.375,
    ]  # fmt: skip
    assert probability == TensorFacts("probability", threshold=0.25, label_files=("names.txt",))
    assert embedding == TensorFacts("embedding", "features")


@given(st.integers(0, len(METADATA)), st.binary(min_size=1, max_size=8))
def test_damaged_metadata_is_none_or_facts_and_never_an_error(place: int, garbage: bytes) -> None:
    for data in (METADATA[:place], METADATA[:place] + garbage + METADATA[place + len(garbage) :]):
        inputs, outputs = read_metadata(model(data))
        assert isinstance(inputs, list) and isinstance(outputs, list)


def test_a_model_without_metadata_says_nothing() -> None:
    assert read_metadata(SimpleNamespace(metadata=None, buffers=[])) == ([], [])
