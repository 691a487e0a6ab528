"""One build of recipes/keywords.yaml on a few words of espeak-ng: sound to every runtime, the sketch and the bundle."""

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from builds import open_folder
from places import ROOT
from scipy.io import wavfile
from sketch_on_pty import emulated_program, on_emulated_pty

from edgeforge.data.sources.wav.clips import clips_of
from edgeforge.data.sources.wav.read import read_wav
from edgeforge.features.compiled import Features
from edgeforge.results.preprocessing import read_preprocessing_of
from edgeforge.results.rows.report import Report, VariantRow
from edgeforge.runtimes.litert import LiteRTRunner
from edgeforge.targets.arduino.emulator import EMULATED
from edgeforge.targets.arduino.monitor.run import monitor, require_parity
from edgeforge.targets.arduino.monitor.subject import of_build
from edgeforge.targets.arduino.samples.replay import replayed
from edgeforge.targets.arduino.serial_link import Link

pytestmark = [
    pytest.mark.build, pytest.mark.proof,
    pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng: apt-get install espeak-ng"),
]  # fmt: skip
ON_THE_PI = """
import sys
from pathlib import Path
import numpy as np
from bundle import Bundle
from classifier import Classifier
from hearing import Ear
from recordings import samples_in
bundle = Bundle.read()
ear = Ear(bundle)
paths = Path(sys.argv[2]).read_text().splitlines()
samples = [np.concatenate(list(samples_in(path, ear.rate_hz, path))) for path in paths]
rows = np.concatenate([ear.clip(one, "a recording") for one in samples])
np.savez(sys.argv[1], rows=rows, logits=Classifier(bundle, "tflite-qat-int8").raw_logits(rows))
"""


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of recordings."""
    folder = tmp_path_factory.mktemp("speech")
    command = [
        ROOT / "scripts" / "make_keywords.py",
        folder,
        "--speakers",
        "10",
        "--takes",
        "1",
        "--noise-seconds",
        "15",
    ]
    subprocess.run([sys.executable, *map(str, command)], check=True)
    return folder


@pytest.fixture(scope="module")
def build(builds: Path, edgeforge, speech: Path) -> Path:  # type: ignore[no-untyped-def]
    out = open_folder(builds / "keywords", builds / "store")
    settings = {"data.root": speech, "measure.runs": 20, "train.epochs": 15, "quantize.qat.epochs": 1,
                "listen.minutes": 2, "data.sound.augment.recording_minutes": 10,
                "quantize.torch.variants": "[static-fx]", "quantize.torch.also_fx_on": "[]",
                "quantize.tflite.variants": "[float32, int8]"}  # fmt: skip
    options = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    done = edgeforge("build", ROOT / "recipes" / "keywords.yaml", "--out", out, *options)
    assert done.returncode == 0, done.stderr
    return out / "keywords"


def test_every_variant_is_made_and_right(rows: dict[str, VariantRow], report: Report) -> None:
    assert {row.status for row in rows.values()} == {"ok"}, [row.reason for row in rows.values()]
    assert {"torch-fx-int8", "tflite-qat-int8", "tflm-int8", "engine-int8"} <= set(rows)
    for row in rows.values():
        failed = {check.name for check in row.checks if not check.passed}
        assert failed <= {"follows its fake-quant model"}, row.name  # qnnpack's, a step or two
    assert [target.deployable for target in report.targets] == [True]
    assert report.listening and report.listening.test.detected > 3


def test_features_and_outputs_of_every_recording_are_the_desks(build: Path, speech: Path, tmp_path: Path) -> None:
    files = [path for path in sorted(speech.glob("*/*.wav")) if not path.parent.name.startswith("_")]
    with tarfile.open(build / "raspberry-pi" / "keywords.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    command = [sys.executable, "-c", ON_THE_PI, tmp_path / "found.npz", tmp_path / "files.txt"]
    (tmp_path / "files.txt").write_text("\n".join(map(str, files)))
    subprocess.run(command, cwd=tmp_path / "keywords", check=True)
    model = build / "tflite" / "keywords_qat_int8.tflite"
    preprocessing = read_preprocessing_of(model.read_bytes())
    assert preprocessing and preprocessing.sound
    features, runner = Features(preprocessing.sound), LiteRTRunner(model)
    rows = np.stack([features.of_clip(clips_of(read_wav(path, 16_000)[0], 16_000)[0])[None] for path in files])
    with np.load(tmp_path / "found.npz") as found:
        assert found["rows"].shape == (200, 1, 49, 10) and (found["rows"] == rows).all()
        outputs = runner.run(preprocessing.apply(rows))
        assert (found["logits"] == outputs).all()


@pytest.mark.skipif(bool(EMULATED.missing()), reason=f"needs an emulated Cortex-M4: {EMULATED.missing()}")
def test_an_emulated_board_detects_what_the_desk_detects(build: Path, speech: Path, tmp_path: Path) -> None:
    words = [wavfile.read(speech / word / "speaker003_nohash_0.wav")[1] for word in ("yes", "left", "stop")]
    rate = len(words[0])
    wavfile.write(tmp_path / "said.wav", rate, np.concatenate([np.pad(word, (0, rate // 2)) for word in words]))
    program = emulated_program(build / "arduino" / "keywords", tmp_path)
    with on_emulated_pty(program) as port, Link(port, timeout=120) as link:
        subject, asking = replayed(of_build(build), tmp_path / "said.wav", link)
        run = monitor(subject, link, asking=asking)
    require_parity(run)
    assert run.images == run.identical > 15 and run.detections
    assert run.detections.desk == run.detections.board > 0
