"""What a source's files are known again by."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeforge.data.registry import data_digest
from edgeforge.recipe.schema import Data

SOURCES = {
    "image_folder": (".png", {"size": (8, 8)}),
    "masks": (".png", {"size": (8, 8), "classes": ("a", "b")}),
    "wav": (".wav", {}),
}


@pytest.mark.parametrize("source", SOURCES)
def test_of_a_file_too_large_to_be_read_the_size_alone_counts(source: str, tmp_path: Path) -> None:
    ending, keys = SOURCES[source]
    data = Data(source=source, root=str(tmp_path), **keys)  # type: ignore[arg-type]
    digests = set()
    for size in (6 << 40, 7 << 40, 3):  # of the first two no disk would be read to the end
        with (tmp_path / f"a{ending}").open("wb") as file:
            file.truncate(size)
        digests.add(data_digest(data, tmp_path))
    (tmp_path / f"a{ending}").write_bytes(b"abc")
    assert len(digests | {data_digest(data, tmp_path)}) == 4
