"""Pictures of formats that are no programs, of no more pixels than may be unpacked; the rest is refused unopened."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image, UnidentifiedImageError

from edgeforge.data.sources.decode import decode
from edgeforge.inputs.image_file import ImageRefused, open_image

EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n{} loop\n%%EOF\n"


def picture(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (8, 8), 7).save(buffer, kind)
    return buffer.getvalue()


def bomb(width: int, height: int) -> bytes:
    """Return a PNG of so many pixels that has hardly a byte."""
    chunks = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0), b"IDAT" + zlib.compress(b""), b"IEND"
    made = (struct.pack(">I", len(one) - 4) + one + struct.pack(">I", zlib.crc32(one)) for one in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(made)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM"])
def test_pictures_are_opened(kind: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(picture(kind))
    for source in (tmp_path / "a", picture(kind)):
        with open_image(source) as image:
            assert image.size == (8, 8) and image.convert("L").getpixel((3, 3)) in range(5, 10)


@pytest.mark.parametrize("kind", ["PDF", "ICO", "PCX", "TGA", "ICNS", "DDS"])
def test_other_formats_are_not(kind: str) -> None:
    with pytest.raises(UnidentifiedImageError):
        open_image(picture(kind))


def test_a_program_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow hands an EPS to Ghostscript, which it looks for on the PATH."""
    (tmp_path / "gs").write_text("#!/bin/sh\ntouch $(dirname $0)/ran\n")
    (tmp_path / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    (tmp_path / "a.png").write_bytes(EPS)
    with pytest.raises(UnidentifiedImageError):
        open_image(tmp_path / "a.png")
    _, refused = decode([tmp_path / "a.png"], (8, 8), 1, lambda *_: None)
    assert "it is no PNG" in refused[0] and not (tmp_path / "ran").exists()


def test_what_is_too_large_or_no_file(tmp_path: Path) -> None:
    with pytest.raises(ImageRefused, match="more than 64,000,000 pixels: 20,000 x 20,000"):
        open_image(bomb(20_000, 20_000))
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(ImageRefused, match="named pipe"):
        open_image(tmp_path / "a.png")
    (tmp_path / "b.png").touch()
    os.truncate(tmp_path / "b.png", 6 << 30)
    with pytest.raises(ImageRefused, match="bytes"):
        open_image(tmp_path / "b.png")
    _, refused = decode([tmp_path / "a.png"], (8, 8), 1, lambda *_: None)
    assert "named pipe" in refused[0]
