"""Sound from .wav files, standard input and a microphone, as samples of the model's rate in parts."""

from __future__ import annotations

import os
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from bundle import BundleError, files_in

try:
    from sound_file import HEADER_BYTES, NONE, SoundRefused, check_header, decoded, in_blocks
except ImportError as missing:
    raise BundleError(f"{missing.name} is missing: copy the bundle again") from missing

SUFFIXES = (".wav", ".wave")
MOST_BYTES = 256 * 2**20  # of a recording that cannot be left on the disk while it is read
PART = 4096  # bytes that a stream hands over at a time: an eighth of a second at 16,000 Hz
PCM, ENDLESS = 1, b"data"


def recording_files(paths: list[str]) -> Iterator[Path]:
    """Return files as they stand, and the recordings below folders in the order of their names."""
    return files_in(paths, SUFFIXES, ".wav file")


def samples_in(
    source: Path | bytes, rate_hz: int, name: str, most_seconds: float = float("inf")
) -> Iterator[NDArray[Any]]:
    """Yield a recording's samples in parts (int16, mono, of that rate). Raises BundleError for what is none."""
    try:
        check_header(source[:HEADER_BYTES] if isinstance(source, bytes) else _beginning(source))
        rate, samples = _opened(source)
        if len(samples) > most_seconds * rate:
            raise BundleError(f"{name}: {len(samples) / rate:.0f} s of sound, more than {most_seconds:g}: send less")
        yield from in_blocks(samples, rate, rate_hz)
    except FileNotFoundError as error:
        raise BundleError(f"{name}: no such file") from error
    except SoundRefused as refused:
        raise BundleError(f"{name}: {refused.reason}; {refused.fix}") from refused
    except OSError as error:
        raise BundleError(f"{name}: {error.strerror or error}") from error


def samples_of_stream(stream: BinaryIO, rate_hz: int, name: str) -> Iterator[NDArray[Any]]:
    """Yield samples as they arrive: a .wav file, whatever length its header says, or 16-bit samples as they are.

    Both mono and of the model's rate: what comes without an end is not resampled. Raises BundleError for another.
    """
    beginning = stream.read(12)
    if beginning[:4] == b"RIFF":
        _require_plain(stream, rate_hz, name)
        beginning = b""
    left = b""
    while data := (beginning or stream.read1(PART)):  # type: ignore[attr-defined]
        beginning, data = b"", left + data
        whole = len(data) // 2 * 2
        left = data[whole:]
        if whole:
            yield np.frombuffer(data[:whole], "<i2").astype(np.int16)


def microphone(device: str, rate_hz: int) -> Iterator[NDArray[Any]]:
    """Yield what ALSA's arecord hears, without an end. device: as `arecord -L` lists them. Raises BundleError."""
    program = shutil.which("arecord")
    if program is None:
        raise BundleError("no microphone: arecord is not installed; sudo apt install alsa-utils")
    command = [program, "-q", "-t", "raw", "-f", "S16_LE", "-c", "1", "-r", str(rate_hz), "-D", device]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said)
        assert process.stdout is not None
        try:
            told, heard = 0, False
            for part in samples_of_stream(process.stdout, rate_hz, "the microphone"):  # type: ignore[arg-type]
                heard = True
                yield part
                if (size := os.fstat(said.fileno()).st_size) > told:  # of sound that was lost
                    print(os.pread(said.fileno(), size - told, told).decode(errors="replace").strip(), file=sys.stderr)
                    told = size
            process.wait()
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
        said.seek(0)
        reason = _reason(said.read(4096).decode(errors="replace"))
    if heard:
        raise BundleError(f"the microphone: arecord ended{reason}")
    raise BundleError(f"no microphone: arecord cannot record from '{device}'{reason}; `arecord -l` lists what there is")


def _reason(said: str) -> str:
    """Return what arecord said: `arecord: main:850: audio open error: No such file or directory`."""
    lines = [line for line in said.splitlines() if line.startswith("arecord: ")]
    return f" ({lines[-1].split(': ', 2)[-1]})" if lines else ""


def _beginning(path: Path) -> bytes:
    """Return the first bytes of a regular file. A named pipe, which would wait for ever, is refused as what it is."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise SoundRefused("it is no file, but a folder, a named pipe or a device", "name a .wav file")
        return file.read(HEADER_BYTES)


def _opened(source: Path | bytes) -> tuple[int, NDArray[Any]]:
    """Return rate and samples; those of a file stay on the disk, where SciPy can do so."""
    try:
        if isinstance(source, Path):
            try:
                return decoded(source, mapped=True)
            except ValueError as error:  # of 24 bits, or cut short
                if isinstance(error, SoundRefused):
                    raise
                if source.stat().st_size > MOST_BYTES:
                    raise SoundRefused(f"at most {MOST_BYTES:,} bytes of such a file are read", "cut it") from error
                return decoded(source.read_bytes())
        return decoded(source)
    except (SoundRefused, OSError):
        raise
    except Exception as error:  # SciPy raises whatever a damaged file's bytes lead to
        raise SoundRefused(NONE, "save it again") from error


def _require_plain(stream: BinaryIO, rate_hz: int, name: str) -> None:
    """Read a .wav stream up to its samples. Raises BundleError unless they are mono, of 16 bits and that rate."""
    found = b""
    while True:
        head = stream.read(8)
        if len(head) < 8:
            raise BundleError(f"{name}: the .wav header has no samples behind it")
        kind, size = head[:4], struct.unpack("<I", head[4:])[0]
        if kind == b"data":
            break
        if size > HEADER_BYTES:
            raise BundleError(f"{name}: {NONE}")
        found = stream.read(size + size % 2) if kind == b"fmt " else (stream.read(size + size % 2), found)[1]
    wanted = (PCM, 1, rate_hz, 16)
    if len(found) < 16 or (*struct.unpack_from("<HHI", found), struct.unpack_from("<H", found, 14)[0]) != wanted:
        raise BundleError(
            f"{name}: a stream of sound is mono, of 16 bits and {rate_hz:,} Hz: arecord -f S16_LE -c 1 -r {rate_hz} | "
            "python run.py -"
        )
