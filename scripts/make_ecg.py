"""Write windows of an electrocardiogram from a record of PhysioNet's MIT-BIH Arrhythmia Database: its beats are marked.

    python scripts/make_ecg.py FOLDER OUT.npz      # FOLDER holds 100.dat and 100.atr; another record: --record 208

One record, 100, is among the sample data of github.com/MIT-LCP/wfdb-python; all are at physionet.org/content/mitdb
(Open Data Commons Attribution License 1.0; Moody and Mark 2001, doi:10.1109/51.932724). Cardiologists have marked each
beat. A window is `beat` where the R peak of one lies at most 42 ms beside its middle, `none` where it is farther away
than 125 ms, and left out in between. As many of `none` as there are beats, at random places. What was recorded in one
minute is one recording, so that a minute is trained on or tested. The same bytes in every run.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

RATE = 360  # samples a second
BEATS = frozenset(
    (*range(1, 14), 25, 30, 34, 35, 38, 41)
)  # codes of annotations that are beats (PhysioNet's ecgcodes.h)
SKIP, NUMBER, CHANNEL, TEXT = 59, (60, 61), 62, 63  # codes that mark no sample
NEAR, FAR = 15, 45  # samples from the middle: a beat is in it, and is not
WINDOW = 128


def signal_of(path: Path) -> np.ndarray:
    """Return the first of two leads (N float32, in mV) of a file in WFDB's format 212: two samples in three bytes."""
    packed = np.frombuffer(path.read_bytes(), np.uint8).reshape(-1, 3).astype(np.int32)
    first = packed[:, 0] | (packed[:, 1] & 0x0F) << 8
    return ((np.where(first > 2047, first - 4096, first) - 1024) / 200).astype(np.float32)


def beats_of(path: Path) -> np.ndarray:
    """Return the samples (N int64) at which a file of annotations, of MIT's format, marks beats."""
    words = np.frombuffer(path.read_bytes(), "<u2").astype(np.int64)
    found, time, place = [], 0, 0
    while place < len(words) and words[place]:
        code, value = int(words[place] >> 10), int(words[place] & 0x3FF)
        place += 1
        if code == SKIP:
            time += int(words[place] << 16 | words[place + 1])
            place += 2
        elif code == TEXT:
            place += (value + 1) // 2
        elif code not in NUMBER and code != CHANNEL:
            time += value
            found += [time] if code in BEATS else []
    return np.array(found, np.int64)


def windows_of(signal: np.ndarray, beats: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return windows (N,1,WINDOW float32), labels (N) and the minute that each is of (N)."""
    random = np.random.default_rng(0)
    minute = 60 * RATE
    away = np.full(len(signal), np.iinfo(np.int64).max)
    for shift in range(-FAR, FAR + 1):
        at = beats + shift
        at = at[(at >= 0) & (at < len(signal))]
        away[at] = np.minimum(away[at], abs(shift))
    middles = [int(one) + int(random.integers(-NEAR, NEAR + 1)) for one in beats]
    labels = ["beat"] * len(middles)
    free = random.permutation(np.flatnonzero(away > FAR))[: len(beats)]
    middles, labels = [*middles, *map(int, free)], [*labels, *["none"] * len(free)]
    rows = [(middle, label) for middle, label in sorted(zip(middles, labels, strict=True))
            if (middle - WINDOW // 2) // minute == (middle + WINDOW // 2 - 1) // minute
            and middle - WINDOW // 2 >= 0 and middle + WINDOW // 2 <= len(signal)]  # fmt: skip
    x = np.stack([signal[middle - WINDOW // 2 : middle + WINDOW // 2] for middle, _ in rows])[:, None]
    return x, np.array([label for _, label in rows]), np.array([middle // minute for middle, _ in rows])


def main() -> None:
    """Write x, y, recording, axes and rate_hz."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--record", default="100")
    arguments = parser.parse_args()
    signal = signal_of(arguments.folder / f"{arguments.record}.dat")
    beats = beats_of(arguments.folder / f"{arguments.record}.atr")
    x, y, minutes = windows_of(signal, beats)
    np.savez(arguments.out, x=x, y=y, recording=minutes, axes=["lead"], rate_hz=float(RATE))
    print(f"{len(beats)} beats in {len(signal) / RATE / 60:.1f} minutes; {len(x)} windows of {WINDOW} samples: "
          f"{int((y == 'beat').sum())} with one in the middle")  # fmt: skip


if __name__ == "__main__":
    main()
