"""scripts/make_ecg.py on a record made here: WFDB's format 212, MIT's annotations, and windows of both."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from places import ROOT


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_ecg", ROOT / "scripts" / "make_ecg.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def packed(first: np.ndarray, second: np.ndarray) -> bytes:
    """Return two leads of 12 bits as format 212 has them."""
    low, high = first & 0xFFF, second & 0xFFF
    return np.stack([low & 0xFF, (low >> 8) | (high >> 8) << 4, high & 0xFF], 1).astype(np.uint8).tobytes()


def marked(beats: list[int]) -> bytes:
    """Return annotations: a note of the rhythm, then a beat each; the last is reached by a long interval."""
    words = [28 << 10 | 5, 63 << 10 | 3, 0x4E28, 0x0000]  # a rhythm at 5, with a text of three bytes
    time = 5
    for beat in beats[:-1]:
        words.append(1 << 10 | beat - time)
        time = beat
    gap = beats[-1] - time
    return np.array([*words, 59 << 10, gap >> 16, gap & 0xFFFF, 5 << 10, 0], "<u2").tobytes()


def test_samples_beats_and_windows(tmp_path: Path, script: ModuleType) -> None:
    count, beats = 2 * 60 * script.RATE, [400, 700, 1100, 30_000]
    random = np.random.default_rng(0)
    lead = random.integers(900, 1100, count)
    lead[beats] = 1424
    lead[0] = -1
    (tmp_path / "7.dat").write_bytes(packed(lead, random.integers(-2048, 2048, count)))
    (tmp_path / "7.atr").write_bytes(marked(beats))
    signal = script.signal_of(tmp_path / "7.dat")
    assert len(signal) == count and signal[400] == 2.0 and signal[0] == np.float32(-1025 / 200)
    assert script.beats_of(tmp_path / "7.atr").tolist() == beats
    x, y, minutes = script.windows_of(signal, np.array(beats))
    assert x.shape == (len(y), 1, script.WINDOW) and (y == "beat").sum() == 4 and set(minutes) <= {0, 1}
    middle = slice(script.WINDOW // 2 - script.NEAR, script.WINDOW // 2 + script.NEAR + 1)
    assert all((row[0, middle].max() == 2.0) == (label == "beat") for row, label in zip(x, y, strict=True))
