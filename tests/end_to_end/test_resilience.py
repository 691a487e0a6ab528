"""Builds that are killed, corrupted, doubled or wrong."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from builds import DIGITS, EPOCHS, artifact, copy_build, processes_of, stage_keys
from planted import LAUNCHERS, plant
from small_disk import small_disk

pytestmark = pytest.mark.build


def stages_run(done: "subprocess.CompletedProcess[str]") -> list[str]:
    return [line.split()[1] for line in done.stderr.splitlines() if line.startswith("✓")]


@pytest.fixture
def copy(digits_out: Path, tmp_path: Path) -> Path:
    """A copy of the finished build that a test may harm."""
    return copy_build(digits_out, tmp_path / "build")


def test_nothing_changed_runs_nothing(digits_out: Path, edgeforge) -> None:  # type: ignore[no-untyped-def]
    done = edgeforge("build", DIGITS, "--out", digits_out, *EPOCHS)
    assert done.returncode == 0 and stages_run(done) == [] and "everything is up to date" in done.stderr


@pytest.mark.parametrize(
    ("change", "rerun"),
    [
        ("targets=[esp32-s3]", ["trial-fit", "fit", "arduino", "report"]),
        ("measure.runs=50", ["latency", "raspberry-pi-bench", "report"]),
        (
            "quantize.onnx.per_channel=false",
            [
                "onnx-int8",
                "predict-onnx",
                "measure",
                "parity",
                "latency",
                "raspberry-pi",
                "raspberry-pi-bench",
                "report",
            ],
        ),
    ],
)
def test_a_change_reruns_only_what_depends_on_it(copy: Path, edgeforge, change: str, rerun: list[str]) -> None:  # type: ignore[no-untyped-def]
    planned = edgeforge("plan", DIGITS, "--out", copy, *EPOCHS, "--set", change)
    waiting = [line.split()[0] for line in planned.stdout.splitlines() if "will run" in line]
    assert waiting == rerun
    assert change.split("=")[0] in planned.stdout
    done = edgeforge("build", DIGITS, "--out", copy, *EPOCHS, "--set", change)
    assert done.returncode == 0 and sorted(stages_run(done)) == sorted(rerun)


def test_calibration_does_not_retrain(digits_out: Path, edgeforge) -> None:  # type: ignore[no-untyped-def]
    planned = edgeforge("plan", DIGITS, "--out", digits_out, *EPOCHS, "--set", "quantize.calibration.samples=100")
    waiting = [line.split()[0] for line in planned.stdout.splitlines() if "will run" in line]
    assert "calibration" in waiting and not {"data", "train", "onnx"} & set(waiting)


def test_a_flipped_byte_is_found_and_made_again(copy: Path, edgeforge) -> None:  # type: ignore[no-untyped-def]
    stored = next((copy / ".store").glob("onnx-int8-*/int8.onnx"))
    shown = copy / "digits" / "onnx" / "digits_int8.onnx"
    good = stored.read_bytes()
    assert shown.read_bytes() == good
    for path in (stored, shown):
        data = bytearray(good)
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    done = edgeforge("build", DIGITS, "--out", copy, *EPOCHS)
    assert done.returncode == 0 and stages_run(done) == ["onnx-int8"]
    assert "does not match its SHA-256" in done.stderr
    assert shown.read_bytes() == stored.read_bytes() == good


def test_an_edited_file_is_kept_beside(copy: Path, edgeforge) -> None:  # type: ignore[no-untyped-def]
    sketch = copy / "digits" / "arduino" / "digits" / "digits.ino"
    original = sketch.read_text()
    sketch.write_text("// mine")
    assert edgeforge("build", DIGITS, "--out", copy, *EPOCHS).returncode == 0
    assert sketch.read_text() == original and sketch.with_name("digits.ino.edited").read_text() == "// mine"


TINY = ("boards={tiny: {title: Tiny, core: cortex-m4, clock_mhz: 64, flash_bytes: 8192, ram_bytes: 4096, "
        "core_flash_bytes: 4000, core_ram_bytes: 1000, source: made up}}")  # fmt: skip


def test_a_failed_build_does_not_show_an_earlier_report_as_its_own(copy: Path, edgeforge) -> None:  # type: ignore[no-untyped-def]
    folder = copy / "digits"
    build = json.loads((folder / "report.json").read_text())["build"]
    assert stage_keys(folder)["report"].startswith(build) and build in (folder / "report.html").read_text()
    failed = edgeforge("build", DIGITS, "--out", copy, *EPOCHS, "--set", TINY, "--set", "targets=[tiny]")
    assert failed.returncode == 6 and "is in" in failed.stderr and str(folder / "earlier") in failed.stderr
    assert not (folder / "report.html").exists() and not (folder / "arduino").exists()
    assert (folder / "tflite" / "digits_int8.tflite").exists(), "it is of this build too"
    asked = edgeforge("report", folder)
    assert asked.returncode == 2 and "its last build has not come to its report" in asked.stderr
    earlier = edgeforge("report", folder / "earlier")
    assert earlier.returncode == 0 and build in earlier.stdout
    assert edgeforge("build", DIGITS, "--out", copy, *EPOCHS).returncode == 0
    assert (folder / "report.html").exists() and not (folder / "earlier").exists()


def start(out: Path, *options: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "edgeforge", "build", str(DIGITS), "--out", str(out), *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(condition, seconds: float = 120) -> None:  # type: ignore[no-untyped-def]
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def workers_of(out: Path) -> list[int]:
    return processes_of(out, "edgeforge.builder.worker")


@pytest.fixture(scope="module")
def resumed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The --out folder, with a store of its own, of a build that was killed while it trained."""
    out = tmp_path_factory.mktemp("resumed")
    build = start(out, *EPOCHS, "--until", "train")
    wait_for(lambda: list((out / ".store" / "scratch").glob("train-*/last.ckpt")))
    build.send_signal(signal.SIGKILL)
    build.wait()
    wait_for(lambda: not workers_of(out), 20)  # the worker ends with its parent
    assert not list((out / ".store").glob("train-*/meta.json"))
    return out


def test_a_killed_training_resumes_at_its_last_epoch_with_the_same_result(
    digits_out: Path,
    resumed: Path,
    edgeforge,  # type: ignore[no-untyped-def]
) -> None:
    done = edgeforge("build", DIGITS, "--out", resumed, *EPOCHS, "--until", "train")
    assert done.returncode == 0 and stages_run(done) == ["train"], done.stderr
    log = (resumed / "digits" / "logs" / "train.log").read_text()
    assert "Restor" in log, "training began anew"
    for name in ("model.ckpt", "training.json"):
        first, second = (out / "digits" / "train" / name for out in (digits_out, resumed))
        assert first.read_bytes() == second.read_bytes(), name


def test_a_fresh_store_gives_the_same_bytes_and_metrics(digits_out: Path, resumed: Path, edgeforge) -> None:  # type: ignore[no-untyped-def]
    done = edgeforge("build", DIGITS, "--out", resumed, *EPOCHS, "--jobs", "1")
    assert done.returncode == 0, done.stderr
    stored = [path.parent.name for path in (resumed / ".store").glob("*/meta.json")]
    assert sorted(stored) == sorted(f"{stage}-{key[:16]}" for stage, key in stage_keys(resumed / "digits").items())
    first, second = digits_out / "digits", resumed / "digits"
    names = [
        path.relative_to(first)
        for folder in ("torch", "onnx", "tflite", "arduino", "raspberry-pi", "train")
        for path in (first / folder).rglob("*")
        if path.is_file()
    ]
    assert len(names) > 20
    different = [str(name) for name in names if (first / name).read_bytes() != (second / name).read_bytes()]
    assert different == []
    reports = [json.loads((folder / "report.json").read_text()) for folder in (first, second)]
    for report in reports:
        for row in report["variants"]:
            del row["latency_ms"], row["peak_memory_bytes"]
        del report["finished"], report["stages"], report["raspberry_pi"]["devices"]  # times
    assert reports[0] == reports[1]


def test_neither_planted_files_nor_a_launchers_variables_change_a_build(
    digits_out: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in LAUNCHERS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PYTHONINSPECT")  # pytest's own child is asked for nothing
    (tmp_path / "here").mkdir()
    here = plant(tmp_path / "here")
    words = ["build", str(DIGITS), "--out", str(tmp_path / "build"), *EPOCHS, "--until", "train"]
    program = Path(sys.executable).with_name("edgeforge")
    done = subprocess.run([program, *words], cwd=here, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not (here / "RUN").exists(), (here / "RUN").read_text()
    for name in ("model.ckpt", "training.json"):
        first, second = (out / "digits" / "train" / name for out in (digits_out, tmp_path / "build"))
        assert first.read_bytes() == second.read_bytes(), name


@pytest.mark.parametrize("stage", ["torch", "tflite"])
def test_a_stage_killed_halfway_is_made_again(copy: Path, digits_out: Path, edgeforge, stage: str) -> None:  # type: ignore[no-untyped-def]
    shutil.rmtree(artifact(copy, stage))
    build = start(copy, *EPOCHS)
    wait_for(lambda: list((copy / ".store" / "new").glob(f"{stage}-*/order.json")))
    time.sleep(1.0)
    build.send_signal(signal.SIGKILL)
    build.wait()
    done = edgeforge("build", DIGITS, "--out", copy, *EPOCHS)
    assert done.returncode == 0 and stages_run(done) == [stage], done.stderr
    for path in (digits_out / "digits" / stage).iterdir():
        assert path.read_bytes() == (copy / "digits" / stage / path.name).read_bytes()


def test_ctrl_c_leaves_no_worker_and_exits_with_130(tmp_path: Path) -> None:
    build = start(tmp_path, *EPOCHS, "--until", "train")
    wait_for(lambda: workers_of(tmp_path))
    build.send_signal(signal.SIGINT)
    _, said = build.communicate(timeout=30)
    assert build.returncode == 130 and "build again to resume" in said and "Traceback" not in said
    assert not workers_of(tmp_path)


def test_two_builds_at_once_both_end_right(tmp_path: Path) -> None:
    builds = [start(tmp_path, *EPOCHS, "--until", "calibration") for _ in range(2)]
    said = [build.communicate(timeout=300)[1] for build in builds]
    assert [build.returncode for build in builds] == [0, 0], said
    assert sum("✓ calibration" in text for text in said) == 1, "it was made once"


BAD_MODELS = {
    "wrong_classes": ("Linear(64, 7)", "its output for one image is (1, 7), the data has 10 classes"),
    "wrong_input": ("Linear(65, 10)", "an input of shape 1,1,8,8 cannot go through it"),
}


@pytest.mark.parametrize("case", BAD_MODELS)
def test_a_model_that_does_not_fit_the_data_is_named(out: Path, tmp_path: Path, edgeforge, case: str) -> None:  # type: ignore[no-untyped-def]
    layer, expected = BAD_MODELS[case]
    net = tmp_path / "net.py"
    net.write_text(f"from torch import nn\nclass Net(nn.Sequential):\n    def __init__(self):\n"
                   f"        super().__init__(nn.Flatten(), nn.{layer})\n")  # fmt: skip
    done = edgeforge("build", DIGITS, "--out", out, "--set", f"model={{name: '{net}:Net'}}", "--until", "train")
    assert done.returncode == 2 and expected in done.stderr and "Traceback" not in done.stderr, done.stderr


ERF = """
import torch
from torch import nn

class Block(nn.Module):
    def forward(self, x):
        return torch.{operation}

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Sequential(nn.Flatten(), Block(), nn.Linear({width}, 10))

    def forward(self, x):
        return self.head(x)
"""


def test_an_operator_that_tflite_has_none_of_is_named_with_its_module(out: Path, tmp_path: Path, edgeforge) -> None:  # type: ignore[no-untyped-def]
    net = tmp_path / "net.py"
    net.write_text(ERF.format(operation="linalg.det(x.reshape(-1, 8, 8)).reshape(-1, 1)", width=1))
    done = edgeforge("build", DIGITS, "--out", out, "--set", f"model={{name: '{net}:Net'}}",
                     "--set", "train.epochs=1", "--until", "tflite")  # fmt: skip
    assert done.returncode == 2 and "operator Det of module 'head.1'" in done.stderr, done.stderr


def test_lightning_strategies_pass_through_and_share_the_batches(out: Path, edgeforge) -> None:  # type: ignore[no-untyped-def]
    done = edgeforge("build", DIGITS, "--out", out, "--set", "train.epochs=3", "--set", "trainer.devices=2",
                     "--set", "trainer.strategy=ddp", "--until", "train")  # fmt: skip
    assert done.returncode == 0, done.stderr
    epochs = json.loads((out / "digits" / "train" / "training.json").read_text())["epochs"]
    assert len(epochs) == 3 and epochs[-1]["val_accuracy"] > 0.9
    assert "distributed_backend=gloo" in (out / "digits" / "logs" / "train.log").read_text()


def test_nan_stops_the_training_and_says_at_which_step(out: Path, edgeforge) -> None:  # type: ignore[no-untyped-def]
    done = edgeforge("build", DIGITS, "--out", out, "--set", "train.lr=1000", "--set", "train.optimizer=sgd",
                     "--set", "train.weight_decay=1000",
                     "--until", "train")  # fmt: skip
    assert done.returncode == 2 and "train: the loss is" in done.stderr and "at step" in done.stderr, done.stderr
    assert "lower train.lr" in done.stderr


def test_a_full_disk_is_one_clear_error(tmp_path: Path, edgeforge) -> None:  # type: ignore[no-untyped-def]
    with small_disk(tmp_path, "120k") as disk:
        done = edgeforge("build", DIGITS, "--out", disk, "--until", "calibration")
        assert done.returncode == 1 and "is full" in done.stderr and "Traceback" not in done.stderr, done.stderr
        assert not list((disk / ".store").glob("*/meta.json"))
