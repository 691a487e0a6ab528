"""Names that strangers give, in what is written of them: what they say is shown, and nothing of it is meant."""

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from arduino_projects import digits_facts
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from small_report import small_report
from tflm_library import SHIM
from typer.testing import CliRunner

from edgeforge.cli.app import app
from edgeforge.errors import RecipeError
from edgeforge.features.settings import FeatureSettings
from edgeforge.guards.text import comment, one_line, quoted
from edgeforge.hardware.boards import board
from edgeforge.recipe.load import load_recipe
from edgeforge.report.html import render
from edgeforge.results.head import Head
from edgeforge.results.preprocessing import Preprocessing, Sampling
from edgeforge.results.rows.report import Report
from edgeforge.results.rows.sound.listening import HeardRow, ListeningRow
from edgeforge.targets.arduino.golden_vectors import TestVector
from edgeforge.targets.arduino.project import ProjectFacts, write_project
from edgeforge.tflite.tensor_spec import TensorSpec

HOSTILE = (
    "dog\n#error planted", "ends in a backslash \\", "*/ #error planted", "/* begun", 'quote " quote', "trigraph ??/",
    "</script><script>x", "??/", "{{ 7 * 7 }}{% raw %}", "%s %n %d", "$(touch RUN)`touch RUN`", "a: b # c", "- x",
    "cr\r#error planted", "sep\u2028#error planted", "nul\0#error planted", "\x1b[31mred", "\ud800 half", "\\\\", " ",
    "namespace edgeforge { edgeforge::x", "[env:x]\nlib_deps = y", "é日本", "??/\n#error planted", "]]>", "'; drop",
    "*\\\n/ #error planted", "&amp;<b>", "\\u0041 \\N{DIGIT ONE}", "$x_{",
)  # fmt: skip


def hostile_facts() -> ProjectFacts:
    """The facts of a project of which everything that a stranger names has a hostile name."""
    values = np.zeros((8, 8, 1), np.uint8)
    vectors = tuple(
        TestVector(name, values, values.astype(np.int8), np.zeros(len(HOSTILE), np.int8)) for name in HOSTILE
    )
    # Past the recipe's own check of a board's title.
    boards = tuple(board("esp32-s3").model_copy(update={"title": title}) for title in HOSTILE)
    return replace(
        digits_facts(),
        name="some-digits",
        preprocessing=Preprocessing((1, 8, 8), 16.0, (0.3,), (0.4,), HOSTILE),
        outputs=(TensorSpec((1, len(HOSTILE)), "int8", 0.1, 3),),
        vectors=vectors,
        arena_note=" ".join(HOSTILE),
        boards=boards,
    )


SHOWN = """
#include <stdio.h>
#include "heads.h"
int main() {
  for (size_t i = 0; i < some_digits_model::kHead[0].classCount; ++i) {
    fwrite(some_digits_model::kHead[0].classes[i], 1, __builtin_strlen(some_digits_model::kHead[0].classes[i]), stdout);
    putchar(1);
  }
}
"""


@pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")
def test_the_sketch_compiles_and_says_every_name_as_it_is(tmp_path: Path) -> None:
    project = tmp_path / "some-digits"
    write_project(project, hostile_facts())
    # -trigraphs and warnings as errors: a comment that goes on, or begins anew, is one.
    strict = ["g++", "-std=c++11", "-trigraphs", "-Wall", "-Wextra", "-Werror", "-I", str(project)]
    for source in ("test_vectors.cc", "preprocess.cc", "model.cc"):
        done = subprocess.run([*strict, "-fsyntax-only", str(project / source)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    (tmp_path / "main.cc").write_text(SHOWN)
    program = str(tmp_path / "shown")
    done = subprocess.run([*strict, str(tmp_path / "main.cc"), str(project / "heads.cc"), "-o", program],
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr
    shown = subprocess.run([program], capture_output=True, check=True).stdout.split(b"\1")[:-1]
    # A C string ends at its first zero.
    assert shown == [name.encode(errors="replace").split(b"\0")[0] for name in HOSTILE]


SOUND = FeatureSettings("log-mel", 16_000, 480, 320, 8, 125.0, 7500.0)
NOTHING = HeardRow(minutes=1, words=0, detected=0, false_alarms=0)
LISTENING = ListeningRow(every_ms=100, smoothed=2, pause=4, thresholds=dict.fromkeys(HOSTILE, 120), wanted=0.9,
                         validation=NOTHING, test=NOTHING)  # fmt: skip
OTHERS: dict[str, dict[str, Any]] = {
    "windows": {"preprocessing": {"raw_type": "float32", "sampling": Sampling(50.0, 4, HOSTILE)}},
    "sound": {"preprocessing": {"sound": SOUND}, "listening": LISTENING},
    "maps": {"preprocessing": {"heads": (Head("class", HOSTILE, kind="map", shape=(2, 2, len(HOSTILE))),)}},
    "heads": {"preprocessing": {"heads": tuple(Head(name, HOSTILE, unit=name) for name in HOSTILE)}},
    "values": {"preprocessing": {"heads": tuple(Head(name, kind="value", unit=name) for name in HOSTILE)}},
}


@pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")
@pytest.mark.parametrize("kind", OTHERS)
def test_sketches_of_sensors_sound_and_maps_compile_whatever_the_names(kind: str, tmp_path: Path) -> None:
    facts, project = hostile_facts(), tmp_path / "some-digits"
    changes = OTHERS[kind] | {"preprocessing": replace(facts.preprocessing, **OTHERS[kind]["preprocessing"])}
    write_project(project, replace(facts, **changes))
    strict = ["g++", "-std=c++11", "-trigraphs", "-Wall", "-Wextra", "-Werror", "-I", str(project), "-fsyntax-only"]
    files = {"windows": ["sample.cc"], "sound": ["hearing.cc"]}.get(kind, [])
    for source in ("heads.cc", "results.cc", "model.cc", *files):
        done = subprocess.run([*strict, "-DARDUINO=10819", f"-I{SHIM}", str(project / source)],
                              capture_output=True, text=True)  # fmt: skip
        assert done.returncode == 0, done.stderr[:2000]
    for path in project.rglob("*"):
        if path.suffix in (".cc", ".h", ".ino", ".c"):
            lines = path.read_text().split("\n")
            assert not [line for line in lines if line.lstrip().startswith("#error planted") or line.endswith("\\")]


def test_yaml_and_ini_hold_one_line_a_title(tmp_path: Path) -> None:
    write_project(tmp_path / "some-digits", hostile_facts())
    profiles = yaml.safe_load((tmp_path / "some-digits" / "sketch.yaml").read_text())["profiles"]
    assert profiles["esp32s3"]["notes"] == one_line(HOSTILE[-1])
    ini = (tmp_path / "some-digits" / "platformio.ini").read_text()
    assert "\n[env:x]" not in ini and "\nlib_deps = y" not in ini


@given(st.text())
def test_a_comment_is_one_line_that_ends_where_it_ends(text: str) -> None:
    line = comment(text)
    assert len(line.splitlines()) <= 1 and "*/" not in line and "/*" not in line and "??/" not in line
    assert not line.rstrip().endswith("\\")
    line.encode()


@given(st.text())
def test_a_quoted_text_is_the_same_in_yaml(text: str) -> None:
    assert yaml.safe_load(f"a: {quoted(text)} # b") == {"a": one_line(text)}


@pytest.mark.parametrize(
    "folder",
    ["2024", "a: b", "my photos #1", "@home", "- x", "yes", "1e3", "null", "{a}", "'", '"', "%TAG", "&x", "*x", "!x",
     "ü", "a\\b", "0x10", "on", ": ", "#", "$(x)", "{{ x }}"],
)  # fmt: skip
def test_init_writes_a_recipe_of_any_folder(tmp_path: Path, folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    for name in ("cat", "dog"):
        (tmp_path / folder / name).mkdir(parents=True)
        for index in range(3):
            Image.fromarray(np.full((16, 16, 3), index, np.uint8)).save(tmp_path / folder / name / f"{index}.png")
    model = tmp_path / folder / "net.py"
    model.write_text("from torch import nn\nclass Net(nn.Module):\n    pass\n")
    words = ["init", "my.yaml", "--data", f"./{folder}", "--model", f"./{folder}/net.py"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.exception
    recipe = load_recipe(tmp_path / "my.yaml").recipe
    assert Path(str(recipe.data.root)).resolve() == tmp_path / folder
    assert Path(recipe.model.name).resolve() == model.resolve()


@pytest.mark.parametrize("key", ["title", "fqbn"])
@pytest.mark.parametrize("text", ["a\nb", "a\u2028b", "\x1b[0m", "a\rb"])
def test_a_recipes_board_has_names_of_one_line(key: str, text: str, tmp_path: Path) -> None:
    values = {"title": "T", "fqbn": "a:b:c", key: text, "core": "cortex-m4f", "clock_mhz": 1, "flash_bytes": 1,
              "ram_bytes": 1, "core_flash_bytes": 0, "core_ram_bytes": 0, "source": "x"}  # fmt: skip
    recipe = {"name": "x", "data": {"source": "digits"}, "model": {"name": "digits_cnn"}, "boards": {"b": values}}
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(recipe))
    with pytest.raises(RecipeError, match=key):
        load_recipe(tmp_path / "r.yaml")


def test_plots_show_names_and_do_not_compute_them() -> None:
    from matplotlib.figure import Figure

    from edgeforge.report.plots.figures import _svg

    figure = Figure()
    axes = figure.subplots()
    axes.set_yticks(range(len(HOSTILE)), [one_line(name) for name in HOSTILE])
    axes.text(0, 0, "$x_{$")
    axes.set_title("$\\frac{$")
    text = _svg(figure, HOSTILE[5])
    assert "<script" not in text and "$x_{$" in text


def test_a_report_of_hostile_words_is_a_page_that_says_them() -> None:
    """Every text that a report.json may hold, whoever wrote it: names, runtimes, findings."""
    planted = "</script><script>planted</script>{{ 7*7 }}\"'>\n#"
    values = json.loads(small_report().model_dump_json(by_alias=True))
    placed = 0

    def plant(inside: Any) -> None:
        nonlocal placed
        for key, value in list(inside.items() if isinstance(inside, dict) else enumerate(inside)):
            if isinstance(value, dict | list):
                plant(value)
            elif isinstance(value, str):
                inside[key] = planted
                try:
                    Report.model_validate(values)
                    placed += 1
                except ValidationError:  # no word of its choice
                    inside[key] = value

    plant(values)
    page = render(Report.model_validate(values))
    assert placed > 20 and "<script>planted" not in page and "7*7" in page
