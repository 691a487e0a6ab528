"""A bundle that a stranger has packed, or that is cut short, is one clear error."""

import io
import tarfile
from pathlib import Path

import pytest

from edgeforge.errors import StageFailed
from edgeforge.targets.raspberry_pi import bench
from edgeforge.targets.raspberry_pi.tarball import tar_gz


def above() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("../above.txt"))
    return buffer.getvalue()


DAMAGED = {
    "empty": b"", "words": b"nothing", "cut": tar_gz("x", {"a": b"b"})[:-20], "zeros": b"\x1f\x8b\x08\0" + bytes(99),
    "above": above(),
}  # fmt: skip


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_bundle_is_named(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x.tar.gz").write_bytes(data)
    with pytest.raises(StageFailed, match=r"x\.tar\.gz is damaged"):
        bench.unpack(tmp_path / "in" / "x.tar.gz", tmp_path / "in" / "out")
    assert not (tmp_path / "in" / "above.txt").exists()


def test_a_bundle_is_bounded_before_it_fills_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.tar.gz").write_bytes(tar_gz("x", {"a": bytes(2000)}))
    assert (bench.unpack(tmp_path / "x.tar.gz", tmp_path) / "a").stat().st_size == 2000
    monkeypatch.setattr(bench, "MOST_BYTES", 1999)
    with pytest.raises(StageFailed):
        bench.unpack(tmp_path / "x.tar.gz", tmp_path / "other")
