"""Write a folder of spoken words, synthesised by espeak-ng: no recordings of people, and as easy as that.

    apt-get install espeak-ng
    python scripts/make_keywords.py FOLDER              # ten words, ten others, five background noises

Laid out as Speech Commands is: a folder a word, in it SPEAKER_nohash_N.wav, and _background_noise_. A speaker is an
accent, a voice and a pitch; every utterance has a speed and a loudness of its own. The same bytes in every run with
one version of espeak-ng.
"""

from __future__ import annotations

import argparse
import subprocess
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.io import wavfile

WORDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
OTHERS = ("bed", "bird", "cat", "dog", "happy", "house", "marvin", "seven", "tree", "zero")
ACCENTS = ("en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029", "en-us-nyc")
VOICES = ("m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "f1", "f2", "f3", "f4", "f5")
RATE = 16_000
SENTENCES = (
    "The weather was fine and they walked along the river until the evening came.",
    "Could you bring me the paper that was lying beside the window yesterday?",
    "Every morning the train leaves a little later than the table promises.",
    "She counted the boxes twice and wrote the number into her small blue book.",
)


def spoken(text: str, accent: str, voice: str, pitch: int, speed: int) -> tuple[int, NDArray[np.float64]]:
    """Return the rate and the samples (-1 to 1) of a text."""
    command = ["espeak-ng", "-v", f"{accent}+{voice}", "-p", str(pitch), "-s", str(speed), "--stdout", text]
    data = subprocess.run(command, capture_output=True, check=True).stdout
    # Its header is of 44 bytes and does not know yet how long it will be.
    return int.from_bytes(data[24:28], "little"), np.frombuffer(data[44:], "<i2") / 32_768


def write(path: Path, rate: int, samples: NDArray[np.float64], loudest: float) -> None:
    """Write samples with that largest amplitude, as 16-bit integers."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scaled = samples / max(abs(samples).max(), 1e-9) * loudest * 32_767
    wavfile.write(path, rate, scaled.round().astype(np.int16))


def utterance(word: str, speaker: int, take: int) -> tuple[int, NDArray[np.float64], float]:
    """Return one word of one second, somewhere in it, and its loudness."""
    own = np.random.default_rng((speaker, 0))
    accent, voice = ACCENTS[speaker % len(ACCENTS)], VOICES[speaker * 5 % len(VOICES)]
    pitch = int(own.integers(25, 75))
    random = np.random.default_rng((speaker, 1, take, *word.encode()))
    speed = int(random.integers(120, 200))
    rate, samples = spoken(word, accent, voice, pitch, speed)
    heard = np.flatnonzero(abs(samples) > 0.01 * abs(samples).max())
    samples = samples[heard[0] : heard[-1] + 1][:rate]
    whole = np.zeros(rate)
    start = int(random.integers(0, rate - len(samples) + 1))
    whole[start : start + len(samples)] = samples
    whole += random.normal(0, 0.0005 + 0.004 * random.random(), rate)  # a room is never silent
    return rate, whole, float(random.uniform(0.1, 0.9))


def backgrounds(seconds: int) -> dict[str, tuple[int, NDArray[np.float64]]]:
    """Return noises by name: white, pink, brown, a hum, and people talking all at once."""
    random, size = np.random.default_rng(7), seconds * RATE
    spectrum = np.fft.rfft(random.normal(0, 1, size))
    frequency = np.maximum(np.fft.rfftfreq(size, 1 / RATE), 20)
    time = np.arange(size) / RATE
    hum = sum(np.sin(2 * np.pi * 50 * n * time + n) / n for n in range(1, 9)) + random.normal(0, 0.2, size)
    rate, babble = 22_050, np.zeros(seconds * 22_050)
    for place in range(3 * seconds // 2):
        voice, accent = VOICES[place % len(VOICES)], ACCENTS[place % len(ACCENTS)]
        rate, talk = spoken(SENTENCES[place % len(SENTENCES)], accent, voice, 30 + place % 40, 150)
        start = int(random.integers(0, len(babble) - len(talk)))
        babble[start : start + len(talk)] += talk
    return {
        "white": (RATE, np.fft.irfft(spectrum)),
        "pink": (RATE, np.fft.irfft(spectrum / np.sqrt(frequency))),
        "brown": (RATE, np.fft.irfft(spectrum / frequency)),
        "hum": (RATE, hum),
        "talking": (rate, babble),
    }


def main() -> None:
    """Write the folder that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--speakers", type=int, default=72)
    parser.add_argument("--takes", type=int, default=2, help="of each word by each speaker")
    parser.add_argument("--noise-seconds", type=int, default=60)
    given = parser.parse_args()
    for speaker in range(given.speakers):
        for word in (*WORDS, *OTHERS):
            for take in range(given.takes):
                rate, samples, loudest = utterance(word, speaker, take)
                write(given.folder / word / f"speaker{speaker:03d}_nohash_{take}.wav", rate, samples, loudest)
    for name, (rate, samples) in backgrounds(given.noise_seconds).items():
        write(given.folder / "_background_noise_" / f"{name}.wav", rate, samples, 0.3)


if __name__ == "__main__":
    main()
