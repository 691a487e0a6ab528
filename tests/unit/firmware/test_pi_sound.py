"""A bundle that hears: the desk's features and detections on recordings, streams, a microphone and over HTTP."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from raspberry_pi_bundle import CLASSES, CLIP, HEARD, LISTENING, SOUND, client_of, make_bundle, one_error
from scipy.io import wavfile
from sounds import chirp, noise

from edgeforge.features.compiled import Features
from edgeforge.inputs.sound_file import as_recorded, in_blocks, wav_file
from edgeforge.runtimes.litert import LiteRTRunner
from edgeforge.tflite.tensors import to_input

Run = Callable[..., "subprocess.CompletedProcess[bytes]"]
RECORDING = np.concatenate([chirp(30_000), noise(900, 30_000), chirp(30_000, 2000.0)])


@pytest.fixture(scope="module")
def hearing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a bundle that hears."""
    return make_bundle(tmp_path_factory.mktemp("hearing") / "made", preprocessing=HEARD, variants=["tflite-int8"])


def test_the_model_that_thresholds_were_chosen_of_listens(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "made", preprocessing=HEARD)
    told = [sys.executable, "-c", "import bundle; print(bundle.Bundle.read().chosen())"]
    facts = json.loads((bundle / "bundle.json").read_text())
    assert len(facts["variants"]) > 1 and facts["hearing"]["variant"] == "tflite-int8"
    assert b"'tflite-int8', 'threads': None, 'measured': False" in subprocess.check_output(told, cwd=bundle)
    bench = [sys.executable, "bench.py", "--runs", "20", "--choose"]
    subprocess.run(bench, cwd=bundle, capture_output=True, check=True)
    chosen = subprocess.check_output(told, cwd=bundle)
    assert b"'tflite-int8'" in chosen and b"'measured': True" in chosen


@pytest.fixture(scope="module")
def run(hearing: Path) -> Run:
    """Run one of its scripts, as on a device."""

    def script(
        *words: object, stdin: bytes = b"", path: str = os.environ["PATH"]
    ) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, *map(str, words)]
        return subprocess.run(command, cwd=hearing, input=stdin, capture_output=True, env=os.environ | {"PATH": path})

    return script


def of_the_desk(model: Path, samples: np.ndarray) -> list[tuple[float, str]]:
    """Return what the desk's own stage would hear, and when."""
    features, runner, (_, frames, _) = Features(SOUND), LiteRTRunner(model), HEARD.shape
    rows = features.of_clip(samples)
    ends = np.arange(frames - 1, len(rows), 5)
    windows = np.stack([rows[end - frames + 1 : end + 1] for end in ends])[:, None]
    scores = features.scores(
        runner.run_raw(to_input(HEARD.apply(windows), runner.input)), float(runner.output.scale or 0)
    )
    found = features.heard(scores, LISTENING.smoothed, LISTENING.pause, tuple(LISTENING.thresholds.values()))
    return [
        (round((end * 320 + 480) / 16_000, 3), CLASSES[one]) for end, one in zip(ends, found, strict=True) if one >= 0
    ]


def rows_of(done: subprocess.CompletedProcess[bytes]) -> list[tuple[float, str]]:
    assert done.returncode == 0, done.stderr
    return [(row["at_s"], row["label"]) for row in map(json.loads, done.stdout.splitlines())]


def test_features_and_outputs_are_the_desks(hearing: Path, run: Run) -> None:
    done = run("selftest.py")
    assert done.returncode == 0 and b"features of sound: the desk's, byte for byte" in done.stdout, done.stdout
    assert b"4 of 4 classes equal" in done.stdout and b"difference 0 " in done.stdout
    with np.load(hearing / "selftest.npz") as arrays:
        said = HEARD.heads[0].decide(arrays["tflite-int8"])
    rows = [json.loads(line) for line in run("run.py", "--json", "samples").stdout.splitlines()]
    assert [row["label"] for row in rows] == [CLASSES[place] for place in said[:3]] and "at_s" not in rows[0]


def test_one_other_byte_of_features_fails_the_self_test(hearing: Path, tmp_path: Path) -> None:
    bundle = shutil.copytree(hearing, tmp_path / "other")
    source = bundle / "features" / "feature_tables.c"
    begins = "features_window[FEATURES_WINDOW] = {\n"
    assert begins in source.read_text()
    source.write_text(source.read_text().replace(begins, f"{begins}9999, "))
    done = subprocess.run([sys.executable, "selftest.py"], cwd=bundle, capture_output=True, text=True)
    assert done.returncode == 1 and "OTHER than the desk's" in done.stdout, done.stdout + done.stderr


def test_a_recording_of_any_length_is_listened_through(hearing: Path, run: Run, tmp_path: Path) -> None:
    wanted = of_the_desk(next((hearing / "models").glob("*.tflite")), RECORDING)
    assert len(wanted) > 5
    (tmp_path / "long.wav").write_bytes(wav_file(RECORDING, 16_000))
    assert rows_of(run("run.py", "--json", tmp_path / "long.wav")) == wanted
    assert rows_of(run("run.py", "--json", "-", stdin=RECORDING.tobytes())) == wanted
    endless = bytearray(wav_file(RECORDING, 16_000))
    endless[40:44] = b"\xff\xff\xff\x7f"  # as arecord does, which cannot know
    assert rows_of(run("run.py", "--json", "-", stdin=bytes(endless))) == wanted
    wavfile.write(tmp_path / "stereo.wav", 16_000, np.stack([RECORDING, RECORDING], 1))
    assert rows_of(run("run.py", "--json", tmp_path / "stereo.wav")) == wanted
    wavfile.write(tmp_path / "fast.wav", 48_000, np.repeat(RECORDING, 3))
    resampled = as_recorded(np.repeat(RECORDING, 3), 48_000, 16_000)
    assert rows_of(run("run.py", "--json", tmp_path / "fast.wav")) == of_the_desk(
        next((hearing / "models").glob("*.tflite")), resampled
    )


@settings(max_examples=40, deadline=None)
@given(
    length=st.integers(1, 60_000),
    rate=st.sampled_from([8000, 11_025, 16_000, 22_050, 44_100, 48_000]),
    channels=st.integers(1, 2),
    seed=st.integers(0, 99),
)
def test_a_recording_in_parts_is_the_whole_to_the_bit(length: int, rate: int, channels: int, seed: int) -> None:
    from edgeforge.inputs import sound_file

    samples = np.random.default_rng(seed).integers(-32_768, 32_768, (length, channels)).astype(np.int16)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sound_file, "BLOCK_SECONDS", 1)
        parts = list(in_blocks(samples, rate, 16_000))
    assert (np.concatenate(parts) == as_recorded(samples, rate, 16_000)).all()


def test_a_microphone_is_listened_to_and_a_missing_one_is_one_line(hearing: Path, run: Run, tmp_path: Path) -> None:
    """arecord's own words, of a desk without a sound card; one that records from a file stands in for one with."""
    wanted = of_the_desk(next((hearing / "models").glob("*.tflite")), RECORDING)
    (tmp_path / "sound.raw").write_bytes(RECORDING.tobytes())
    program = tmp_path / "arecord"

    def arecord(text: str) -> subprocess.CompletedProcess[bytes]:
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
        return run("run.py", "--json", "--microphone", "plughw:1", path=f"{tmp_path}:{os.environ['PATH']}")

    asked = '[ "$*" = "-q -t raw -f S16_LE -c 1 -r 16000 -D plughw:1" ] || exit 9'
    done = arecord(f"{asked}\ncat {tmp_path / 'sound.raw'}")
    found = [(row["at_s"], row["label"]) for row in map(json.loads, done.stdout.splitlines())]
    assert found == wanted and done.returncode == 1  # it ended, as when a microphone is pulled out
    assert b"arecord ended" in done.stderr
    done = arecord("echo 'arecord: main:850: audio open error: No such file or directory' >&2; exit 1")
    said = one_error(subprocess.CompletedProcess([], done.returncode, "", done.stderr.decode()))
    assert said == (
        "no microphone: arecord cannot record from 'plughw:1' (audio open error: No such file or directory); "
        "`arecord -l` lists what there is"
    )
    done = run("run.py", "--microphone", path=str(tmp_path / "nothing"))
    assert b"sudo apt install alsa-utils" in done.stderr and done.returncode == 1


@pytest.mark.skipif(shutil.which("arecord") is None, reason="needs ALSA's arecord: apt-get install alsa-utils")
def test_alsas_own_arecord_reads_a_file_in_a_sound_cards_place(hearing: Path, run: Run, tmp_path: Path) -> None:
    (tmp_path / "sound.raw").write_bytes(RECORDING.tobytes())
    (tmp_path / ".asoundrc").write_text(
        f'pcm.tape {{ type file  slave.pcm "null"  file "/dev/null"  infile "{tmp_path / "sound.raw"}"  format "raw" }}'
    )
    wanted = of_the_desk(next((hearing / "models").glob("*.tflite")), RECORDING)
    command = [sys.executable, "-u", "run.py", "--json", "--microphone", "tape"]
    places = os.environ | {"HOME": str(tmp_path)}
    with subprocess.Popen(command, cwd=hearing, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=places) as heard:
        assert heard.stdout is not None
        rows = [json.loads(heard.stdout.readline()) for _ in range(5)]
        heard.send_signal(signal.SIGINT)
        heard.stdout.read()
        assert heard.wait(20) == 130  # as of a person's Ctrl-C, and no traceback
    assert [(row["at_s"], row["label"]) for row in rows] == wanted[:5]
    done = run("run.py", "--microphone", "nothing-of-that-name")
    said = one_error(subprocess.CompletedProcess([], done.returncode, "", done.stderr.decode()))
    assert said.startswith("no microphone: arecord cannot record from 'nothing-of-that-name' (audio open error: ")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"no sound", "it is no .wav file, or a damaged one"),
        (wav_file(chirp(100), 16_000), "6 ms of sound, less than a window"),
        (wav_file(chirp(4000), 16_000)[:24] + b"\x40\x1f" + wav_file(chirp(4000), 16_000)[26:], "one is wrong"),
    ],
)
def test_what_is_no_recording_is_one_line(run: Run, tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "x.wav").write_bytes(data)
    done = run("run.py", tmp_path / "x.wav")
    assert said in one_error(subprocess.CompletedProcess([], done.returncode, "", done.stderr.decode()))


def test_a_stream_of_another_rate_and_a_device_without_a_compiler_are_told(
    run: Run, hearing: Path, tmp_path: Path
) -> None:
    done = run("run.py", "-", stdin=wav_file(chirp(), 8000))
    assert b"a stream of sound is mono, of 16 bits and 16,000 Hz" in done.stderr and done.returncode == 1
    bundle = shutil.copytree(hearing, tmp_path / "b", ignore=shutil.ignore_patterns("*.so"))
    command = [sys.executable, "run.py", "samples"]
    done = subprocess.run(command, cwd=bundle, capture_output=True, env={"PATH": str(tmp_path)})
    assert b"there is no C compiler: sudo apt install gcc" in done.stderr and done.returncode == 1


def test_over_http(hearing: Path) -> None:
    pytest.importorskip("fastapi", reason="needs the server: pip install 'edgeforge-toolchain[serve]'")
    wanted = of_the_desk(next((hearing / "models").glob("*.tflite")), RECORDING)
    with client_of(hearing) as client:
        answer = client.post("/classify", content=wav_file(RECORDING, 16_000)).json()
        assert [(row["at_s"], row["label"]) for row in answer["heard"]] == wanted
        assert answer["label"] == ", ".join(label for _, label in wanted)
        clip = client.post("/classify", content=wav_file(chirp(CLIP), 16_000)).json()
        assert clip["label"] in CLASSES and "heard" not in clip
        refused = client.post("/classify", content=wav_file(np.zeros(130 * 8000, np.int16), 8000))
        assert refused.status_code == 422 and "130 s of sound, more than 120" in refused.json()["error"]
        assert client.post("/classify", content=b"nothing").status_code == 422
        page = client.get("/").text
        assert 'accept=".wav,audio/wav"' in page and "word.wav" in page
        name = page.partition('data-from="samples/')[2].partition('"')[0]
        assert client.get(f"/samples/{name}").headers["content-type"] == "audio/wav"
