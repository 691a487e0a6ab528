"""The features' C code against floating point, against TensorFlow's own frontend, and at its limits."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from places import ROOT
from scipy.fft import dct
from sounds import chirp, noise, octaves, settings_of

from edgeforge.errors import MissingDependency
from edgeforge.features import compiled
from edgeforge.features.compiled import Features, write_sources
from edgeforge.features.settings import FeatureSettings, Kind

PROGRAM = ROOT / "tests" / "unit" / "features" / "heard_in_parts.c"
KINDS: tuple[Kind, ...] = ("log-mel", "mfcc", "microfrontend")


@pytest.mark.parametrize("amplitude", [3, 30, 1000, 12_000])
@pytest.mark.parametrize("window", [480, 1024, 100])
def test_log_mel_is_the_float_one_rounded(amplitude: float, window: int) -> None:
    asked = replace(settings_of(bands=12), window=window, stride=window // 2, lower_hz=300.0)
    for samples in (noise(amplitude), (chirp() * (amplitude / 20_000)).astype(np.int16)):
        wanted = np.clip(255 + 8 * octaves(asked, samples), 0, 255)
        # Half a step is rounding; whole samples in a quiet room are the rest.
        assert abs(Features(asked).of_clip(samples) - wanted).max() < (0.75 if amplitude > 10 else 1.0)


def test_mfcc_is_the_cosine_transform_of_log_mel() -> None:
    asked = settings_of("mfcc")
    for samples in (noise(1000), chirp()):
        levels = np.maximum(octaves(asked, samples), -32)
        wanted = dct(levels, norm="ortho")[:, :13] * 2 + 128
        wanted[:, 0] = 255 + 8 * levels.mean(1)
        assert abs(Features(asked).of_clip(samples) - np.clip(wanted, 0, 255)).max() < 0.6


def test_microfrontend_is_near_tensorflows() -> None:
    """It computes in 16 bits, so that what is faint beside a loud tone may be heard or not."""
    from pymicro_features import MicroFrontend

    for samples in (noise(1000, 32_000), chirp(32_000, 6000.0), noise(6000, 32_000, 2)):
        frontend, rows = MicroFrontend(), []
        for start in range(0, len(samples), 160):
            heard = frontend.process_samples(samples[start : start + 160].tobytes())
            rows += [heard.features] if heard.features else []
        wanted = np.clip((np.round(np.array(rows) * 25.6) * 256 + 333) // 666, 0, 255)
        found = Features(settings_of("microfrontend", 160)).of_clip(samples).astype(int)
        assert found.shape == wanted.shape
        loud = (found > 80) & (wanted > 80)
        assert loud.mean() > 0.15
        apart = abs(found - wanted)[loud]
        assert np.median(apart) <= 2 and apart.mean() < 5


@pytest.mark.parametrize("kind", KINDS)
def test_silence_and_the_loudest_samples_are_heard_as_such(kind: Kind) -> None:
    features = Features(settings_of(kind))
    silent = features.of_clip(np.zeros(16_000, np.int16))
    assert (silent == (128 if kind == "mfcc" else 0))[:, 1:].all() and not silent[:, 0].any()
    if kind == "log-mel":
        time = np.arange(16_000) / 16_000
        loudest = features.of_clip((32_767 * np.sin(2 * np.pi * 1000 * time)).astype(np.int16))
        assert loudest.max() >= 253


@pytest.fixture(scope="module", params=KINDS)
def in_parts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[FeatureSettings, Path]:
    """A program that hears its input in parts, under the sanitizers."""
    asked = settings_of(request.param)
    folder = tmp_path_factory.mktemp(request.param)
    sources = [*write_sources(asked, folder), PROGRAM]
    flags = ["-std=c11", "-O1", "-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror", f"-I{folder}"]
    flags += ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    subprocess.run(["gcc", *flags, *map(str, sources), "-o", str(folder / "program")], check=True)
    return asked, folder / "program"


@settings(max_examples=12, deadline=None)
@given(
    part=st.integers(1, 1500),
    seed=st.integers(0, 2**32 - 1),
    loud=st.sampled_from([1, 300, 32_768]),
    square=st.integers(0, 40),
)
def test_a_stream_in_parts_is_the_clip_and_nothing_overflows(
    in_parts: tuple[FeatureSettings, Path], part: int, seed: int, loud: int, square: int
) -> None:
    asked, program = in_parts
    samples = np.random.default_rng(seed).integers(-loud, loud, 2500, np.int32)
    if square:  # the loudest that there is: from one end to the other
        samples = np.where(np.arange(2500) // square % 2, 32_767, -32_768)
    samples = samples.astype(np.int16)
    done = subprocess.run([program, str(part)], input=samples.tobytes(), capture_output=True, check=True)
    heard = np.frombuffer(done.stdout, np.uint8).reshape(-1, asked.values)
    assert (heard == Features(asked).of_clip(samples)).all()


def test_without_a_compiler_it_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(MissingDependency, match="no C compiler"):
        compiled._compiled(settings_of())
