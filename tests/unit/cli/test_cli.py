import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT
from toy_builds import put, toy_build, toy_plan

from edgeforge.builder.store import Store

HEAVY = ("torch", "tensorflow", "matplotlib", "numpy", "onnx", "sklearn", "scipy")


@pytest.mark.parametrize("arguments", [["--help"], ["plan", "recipes/digits.yaml"], ["boards"], ["doctor"]])
def test_light_verbs_import_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys; sys.argv = ['edgeforge', *sys.argv[1:]]\n"
        "from edgeforge.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert end.code == 0, end.code\n"
        f"print('heavy:', [name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip().endswith("heavy: []"), done.stdout + done.stderr


def test_errors_are_one_line_with_a_fix_and_no_traceback(edgeforge, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    done = edgeforge("build", tmp_path / "none.yaml")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert done.stderr.splitlines()[0].endswith("none.yaml: no such file") and "fix:" in done.stderr
    assert "Traceback" in edgeforge("build", tmp_path / "none.yaml", "--debug").stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["build", "recipes/digits.yaml", "--until", "onxx"], "'onxx' is no stage (did you mean 'onnx'?)"),
        (["bench", "recipes/digits.yaml"], "is no model file"),
        (["bench", "none.onnx"], "there is no such file"),
        (["report", "nowhere"], "neither a build folder nor"),
        (["init", "recipes/digits.yaml"], "exists already"),
        (["build", "recipes/digits.yaml", "--set", "model.name=digitscnn"], "no ready model 'digitscnn'"),
        (["build", "recipes/digits.yaml", "--set", "model.name=x/net.py:Net"], "no file x/net.py"),
        (["build", "recipes/digits.yaml", "--set", "quantize.calibration.file=no.npz"], "no.npz: no such file"),
        (["build", "recipes/mnist.yaml", "--set", "data.root=/nowhere"], "ubyte is missing"),
        (["build", "recipes/digits.yaml", "--jobs", "0"], "--jobs"),
        (["clean", "--older-than", "30"], "--older-than 30: not a number with h, d, w"),
        (["clean", "--keep-size", "5TB"], "for instance 500MB or 5GB"),
        (["clean", "--out", "nowhere"], "nowhere holds no builds"),
    ],
)
def test_wrong_arguments_end_with_2_and_say_what_is_right(edgeforge, arguments: list[str], expected: str) -> None:  # type: ignore[no-untyped-def]
    done = edgeforge(*arguments, cwd=ROOT)
    assert done.returncode == 2 and expected in " ".join(done.stderr.split()), done.stderr
    assert "Traceback" not in done.stderr


def test_init_writes_a_recipe_that_loads(edgeforge, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    for template in ("digits", "mnist"):
        path = tmp_path / f"my_{template}.yaml"
        model = f"{ROOT / 'models' / 'digits_cnn.py'}:DigitsCNN"
        assert edgeforge("init", path, "--template", template, "--model", model).returncode == 0
        done = edgeforge("plan", path, "--out", tmp_path / "build")
        assert done.returncode == 0 and f"Plan of my_{template}" in done.stdout
    assert not (tmp_path / "build").exists(), "a plan writes nothing"


def test_clean_says_what_goes_what_that_frees_and_what_stays_for_which_build(edgeforge, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    toy_build(tmp_path)
    spare = put(Store(tmp_path / ".store"), "train", "ab" * 32, size=3 * 1024**2).folder
    dry = edgeforge("clean", "--keep-size", "1MB", "--dry-run", "--out", tmp_path)
    assert dry.returncode == 0 and spare.exists()
    assert "artifact          stage    size  last used  why it goes" in dry.stdout
    assert "abababababababab  train  3.0 MB  0 min ago  longest unused" in dry.stdout
    assert "Would free 3.0 MB; nothing is removed." in dry.stdout
    assert "that no newest build needs" in edgeforge("clean", "--out", tmp_path).stdout and spare.exists()
    done = edgeforge("clean", "--keep-size", "1MB", "--out", tmp_path)
    assert done.returncode == 0 and not spare.exists() and "Freed 3.0 MB." in done.stdout
    assert "2 artifacts, " in done.stdout and "for the newest build of toy" in done.stdout
    assert toy_plan(tmp_path, "toy", 0).up_to_date
