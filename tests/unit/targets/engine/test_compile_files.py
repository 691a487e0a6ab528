"""`edgeforge compile`: one folder for several models, made anywhere."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from engine_program import CHECKED, STRICT, random_inputs, tflm_outputs
from places import DATA

from edgeforge.errors import BudgetExceeded, RecipeError
from edgeforge.targets.engine.compile_files import compile_files
from edgeforge.targets.engine.options import Options, core_named

MAIN = """#include <stdio.h>
#include "digits_int8.h"
#include "digits_int8_per_channel_dense.h"
static uint8_t memory[4][DIGITS_INT8_ARENA_BYTES] __attribute__((aligned(16)));
int main(void) {
  int8_t in[64], out[3][10];
  digits_int8_init(memory[0]);
  digits_int8_per_channel_dense_init(memory[1]);
  while (fread(in, 1, 64, stdin) == 64) {
    digits_int8_invoke(in, out[0]);
    digits_int8_per_channel_dense_invoke(in, out[1]);
    digits_int8_run(memory[2], in, out[2]); /* another arena: reentrant */
    fwrite(out, 1, sizeof out, stdout);
  }
}
"""


def compiled(models: list[Path], out: Path, *, name: str | None = None, force: bool = False, most: int | None = None):
    options = Options(core_named("portable"), max_ram=most)
    return compile_files(models, out, options, name=name, force=force, progress=lambda text: None)


def test_two_models_share_kernels_and_run_in_one_program(tmp_path: Path) -> None:
    models = [DATA / "digits_int8.tflite", DATA / "digits_int8_per_channel_dense.tflite"]
    _, folder = compiled(models, tmp_path / "library")
    (folder / "main.c").write_text(MAIN)
    sources = [path for path in folder.rglob("*.c") if "arduino" not in path.relative_to(folder).parts]
    command = ["gcc", *STRICT, *CHECKED, f"-I{folder}", *map(str, sources), "-o", str(tmp_path / "program")]
    subprocess.run(command, check=True)
    inputs = random_inputs(models[0].read_bytes(), 8)
    stream = subprocess.run([tmp_path / "program"], input=inputs[0].tobytes(), capture_output=True, check=True).stdout
    ours = np.frombuffer(stream, np.int8).reshape(8, 3, 10)
    first, second = (tflm_outputs(model.read_bytes(), inputs)[0] for model in models)
    np.testing.assert_array_equal(ours, np.stack([first, second, first], axis=1))


def test_the_folder_is_also_an_arduino_library_and_a_zephyr_module(tmp_path: Path) -> None:
    _, folder = compiled([DATA / "digits_int8.tflite"], tmp_path / "library", name="digits")
    library = folder / "arduino" / "digits"
    assert "includes=digits.h" in (library / "library.properties").read_text()
    for path in (library / "src").rglob("*.[ch]"):
        assert path.read_text() == (folder / path.relative_to(library / "src")).read_text()
    assert "kernels/scalar/conv_2d.c" in (folder / "CMakeLists.txt").read_text()
    assert not (folder / "kernels" / "softmax.c").exists(), "only the kernels that are used"
    assert "../digits.c" in (folder / "zephyr" / "CMakeLists.txt").read_text()


def test_an_earlier_library_is_replaced_only_when_asked(tmp_path: Path) -> None:
    model, out = DATA / "digits_int8.tflite", tmp_path / "library"
    compiled([model], out, name="first")
    with pytest.raises(RecipeError, match="is there already"):
        compiled([model], out, name="second")
    compiled([model], out, name="second", force=True)
    assert (out / "second.h").exists() and not (out / "first.h").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep me")
    with pytest.raises(RecipeError, match="no library of edgeforge compile"):
        compiled([model], tmp_path / "mine", force=True)


def test_names_and_memory_are_checked(tmp_path: Path) -> None:
    model = DATA / "digits_int8.tflite"
    with pytest.raises(RecipeError, match="two models are called digits_int8"):
        compiled([model, model], tmp_path / "library")
    with pytest.raises(BudgetExceeded, match="take 1,754 bytes"):
        compiled([model], tmp_path / "library", most=1753)
    compiled([model], tmp_path / "library", most=1754)
