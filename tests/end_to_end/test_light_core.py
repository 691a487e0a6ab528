"""The light core: what `pip install` without an extra brings, and what each verb does with it."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from places import DATA, ROOT

pytestmark = pytest.mark.build

MOST_BYTES = 400e6
ABSENT = ("torch", "torchvision", "pytorch_lightning", "tensorflow", "sklearn", "scipy", "onnx2tf", "fastapi", "timm")
INT8 = DATA / "digits_int8.tflite"
BOARD = ("--board", "arduino-nano-33-ble")
Light = Callable[..., "subprocess.CompletedProcess[str]"]


def bytes_on_disk(folder: Path) -> int:
    """Return what a folder takes on its disk, as du counts it."""
    return sum(path.lstat().st_blocks for path in folder.rglob("*")) * 512


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(command, check=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module", params=["3.12", "3.13"])
def environment(request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean environment with the wheel in it, of each Python that is here."""
    version = request.param
    found = subprocess.run([ROOT / "scripts" / "find_python.sh", version], capture_output=True, text=True).stdout
    if not found:
        assert version != "{}.{}".format(*sys.version_info), "the Python that runs this is found"
        pytest.skip(f"Python {version} is not here")
    place = tmp_path_factory.mktemp("light") / f"python{version}"
    subprocess.run([found.strip(), "-m", "venv", place], check=True)
    empty, started = bytes_on_disk(place), time.perf_counter()
    constraints = ROOT / "constraints-core.txt"
    subprocess.run([place / "bin" / "pip", "install", "--quiet", "--constraint", constraints, wheel], check=True)
    (place / "took").write_text(f"{bytes_on_disk(place) - empty} {time.perf_counter() - started:.0f}")
    return place


@pytest.fixture
def light(environment: Path, tmp_path: Path) -> Light:
    """Run the command line of that environment in an empty folder, and nothing of this one."""
    variables = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | {"COLUMNS": "160"}

    def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
        command = [environment / "bin" / "edgeforge", *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=variables, timeout=300)

    return run


def test_it_is_small_and_brings_nothing_that_trains(
    environment: Path, record_property: Callable[[str, object], None]
) -> None:
    taken, seconds = map(int, (environment / "took").read_text().split())
    python = environment / "bin" / "python"
    probe = "import sys; from importlib.util import find_spec; print(*filter(find_spec, sys.argv[1:]))"
    there = subprocess.run([python, "-c", probe, *ABSENT], capture_output=True, text=True, check=True).stdout
    assert not there.strip() and all(find_spec(name) for name in ("torch", "scipy")), "here they are found"
    assert taken < MOST_BYTES
    record_property(f"light core, {environment.name}", f"{taken / 1e6:.0f} MB, installed in {seconds} s")


def test_every_verb_on_finished_models(light: Light, digits_build: Path, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    x = generator.uniform(-0.8, 1.8, (64, 1, 8, 8))  # what the digits are: bytes become -0.81 to 1.85
    np.savez(tmp_path / "x.npz", x=x.astype(np.float32))
    models = {name: digits_build / "tflite" / f"digits_{name}.tflite" for name in ("float32", "int8")}
    onnx = digits_build / "onnx" / "digits_fp32.onnx"
    for words, shown in (
        (("--help",), "From a PyTorch CNN to a board"),
        (("boards",), "arduino-nano-33-ble"),
        (("doctor",), r"extra \[train\]"),
        (("fit", INT8), "Peak"),
        (("fit", INT8, *BOARD, "--plot", "arena.svg"), "fits"),
        (("pack", INT8, *BOARD, "--pixels", "0..1", "--labels", "0-9"), "Open packed/digits_int8"),
        (("pack", models["int8"], *BOARD, "--out", "again", "--requantize", "--float", models["float32"],
          "--calibration", "x.npz"), "requantized from the float model"),
        (("verify", models["float32"], models["int8"], "--inputs", "x.npz", "--onnx", onnx), "litert-reference"),
        (("verify", digits_build), r"torch is not installed: this needs the extra \[train\]"),
        (("bench", models["int8"], onnx, "--runs", "20"), "digits_fp32.onnx"),
        (("edgetpu", INT8), "Edge TPU"),
        (("report", digits_build), "tflite-int8"),
        (("compare", digits_build, digits_build), "tflite-int8"),
        (("init", "my.yaml"), "my.yaml is written"),
        (("clean", "--dry-run", "--out", digits_build.parent), "artifact|store"),
    ):  # fmt: skip
        done = light(*words)
        assert done.returncode == 0, f"{words}: {done.stderr}"
        assert re.search(shown, done.stdout), f"{words}: {done.stdout}"


def test_devices_are_reached_for(light: Light, digits_build: Path) -> None:
    silent = light("monitor", "--port", "/dev/none_such", "--build", digits_build)
    assert silent.returncode == 2 and "there is no such serial port" in silent.stderr
    gone = light("deploy", digits_build, "--host", "nobody@127.0.0.1", "--port", "1")
    assert gone.returncode in (3, 4) and ("cannot be reached" in gone.stderr or "ssh is not installed" in gone.stderr)


@pytest.mark.parametrize("verb", ["build", "plan", "bench", "serve"])
def test_what_is_missing_is_one_line_that_names_the_extra(light: Light, digits_build: Path, verb: str) -> None:
    recipe = ROOT / "recipes" / "digits.yaml"
    torch_script = digits_build / "torch" / "digits_fp32.pt"
    words = {"build": recipe, "plan": recipe, "bench": torch_script, "serve": digits_build}[verb]
    done = light(verb, words)
    extra = "serve" if verb == "serve" else "train"
    error, fix = done.stderr.strip().splitlines()
    assert done.returncode == 3
    assert re.fullmatch(rf"error: .+ (is|are) not installed: this needs the extra \[{extra}\]", error)
    assert fix == f"  fix: pip install 'edgeforge-toolchain[{extra}]'"
