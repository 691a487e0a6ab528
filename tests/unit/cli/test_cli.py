import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT

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
        (["bench", "none.onnx"], "no such model file"),
        (["report", "nowhere"], "no report there"),
        (["init", "recipes/digits.yaml"], "exists already"),
        (["build", "recipes/digits.yaml", "--set", "model.name=digitscnn"], "no ready model 'digitscnn'"),
        (["build", "recipes/digits.yaml", "--set", "model.name=x/net.py:Net"], "no file x/net.py"),
        (["build", "recipes/digits.yaml", "--set", "quantize.calibration.file=no.npz"], "no.npz: no such file"),
        (["build", "recipes/mnist.yaml", "--set", "data.root=/nowhere"], "ubyte is missing"),
        (["build", "recipes/digits.yaml", "--jobs", "0"], "--jobs"),
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
