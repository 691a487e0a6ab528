"""What a stranger's recipe runs is said first; verbs that only look run nothing, and nobody writes elsewhere."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from places import DATA, ROOT

from edgeforge.pipeline import code_to_run, plan_build
from edgeforge.recipe.load import load_recipe

MODEL = str(DATA / "digits_int8.tflite")
DIGITS = str(ROOT / "recipes" / "digits.yaml")
PROGRAM = Path(sys.executable).with_name("edgeforge")


@pytest.fixture
def net(tmp_path: Path) -> Path:
    """A model file that leaves a trace when it is imported, and a module beside it that does too."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    trace = f"open({str(tmp_path / 'RUN')!r}, 'a').write(__name__)\n"
    (folder / "blocks.py").write_text(f"{trace}class Block: pass\n")
    (folder / "net.py").write_text(f"import blocks\nfrom torch import nn\n{trace}class Net(nn.Module):\n    pass\n")
    return folder / "net.py"


def run(cwd: Path, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, **variables}
    return subprocess.run([PROGRAM, *words], cwd=cwd, capture_output=True, text=True, env=environment, timeout=600)


def test_a_build_says_which_python_it_will_run(net: Path, tmp_path: Path) -> None:
    plan = plan_build(load_recipe(Path(DIGITS), (f"model={{name: '{net}:Net'}}",)), tmp_path / "out")
    assert code_to_run(plan) == [net.with_name("blocks.py"), net]
    assert code_to_run(plan_build(load_recipe(Path(DIGITS)), tmp_path / "out")) == []
    assert not (tmp_path / "RUN").exists()


def test_verbs_that_look_import_no_model(net: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "theirs" / "r.yaml"
    done = run(tmp_path, "init", str(recipe), "--model", f"{net}:Net")
    assert done.returncode == 0, done.stderr
    for words in (("plan", str(recipe)), ("schema",), ("fit", MODEL, "--board", "esp32-s3"), ("inspect", MODEL)):
        done = run(tmp_path, *words)
        assert done.returncode == 0, (words, done.stderr)
    assert not (tmp_path / "RUN").exists(), (tmp_path / "RUN").read_text()
    built = run(tmp_path, "build", str(recipe), "--until", "train", "--out", str(tmp_path / "out"))
    said = built.stderr
    assert "it will run Python code of yours" in said and "net.py" in said and "blocks.py" in said, said
    assert (tmp_path / "RUN").exists(), "the trace is none"


def test_verbs_write_only_where_they_are_told(tmp_path: Path) -> None:
    home, temporary, cwd, out = (tmp_path / name for name in ("home", "temporary", "cwd", "out"))
    for folder in (home, temporary, cwd):
        folder.mkdir()
    pack = ("pack", MODEL, "--board", "esp32-s3", "--labels", ",".join("0123456789"), "--raw-max", "16")
    verbs = [("boards",), ("schema",), ("plan", DIGITS, "--out", str(out)), ("fit", MODEL, "--board", "esp32-s3"),
             ("inspect", MODEL), ("bench", MODEL, "--runs", "20"), (*pack, "--out", str(out / "packed")),
             ("compile", MODEL, "--out", str(out / "compiled"))]  # fmt: skip
    for words in verbs:
        done = run(cwd, *words, HOME=str(home), TMPDIR=str(temporary), XDG_CACHE_HOME=str(home / "cache"))
        assert done.returncode == 0, (words, done.stderr)
        left = [path for folder in (home, temporary, cwd) for path in folder.rglob("*")]
        assert left == [], words
