import io
import zipfile

from hypothesis import given
from hypothesis import strategies as st

from edgeforge.results.preprocessing import Preprocessing, read_preprocessing_of, with_preprocessing
from edgeforge.tflite.associated_files import pure_flatbuffer

PREPROCESSING = Preprocessing((3, 32, 32), 255.0, (0.1, 0.2, 0.3), (0.4, 0.5, 0.6), ("red", "white"))


@given(flatbuffer=st.binary(max_size=500))
def test_the_flatbuffer_and_the_files_come_back(flatbuffer: bytes) -> None:
    data = with_preprocessing(flatbuffer, PREPROCESSING)
    assert data == with_preprocessing(flatbuffer, PREPROCESSING)
    pure = pure_flatbuffer(data)
    assert pure[: len(flatbuffer)] == flatbuffer and not any(pure[len(flatbuffer) :]) and len(pure) % 16 == 0
    assert read_preprocessing_of(data) == PREPROCESSING
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.read("labels.txt") == b"red\nwhite\n"


def test_a_file_without_them_is_left_as_it_is() -> None:
    assert pure_flatbuffer(b"TFL3 nothing appended") == b"TFL3 nothing appended"
    assert read_preprocessing_of(b"TFL3 nothing appended") is None
