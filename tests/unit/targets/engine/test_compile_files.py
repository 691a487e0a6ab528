"""`edgeforge compile`: one folder for several models, made anywhere."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from engine_program import CHECKED, FIRMWARE, STRICT, random_inputs, tflm_outputs
from places import DATA
from tflite_network import Network

from edgeforge.errors import BudgetExceeded, RecipeError
from edgeforge.targets.engine.compile_files import compile_files
from edgeforge.targets.engine.options import CORES, Options, core_named

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
    options = Options(core_named("portable"), "size", max_ram=most)  # kernels that take no scratch memory
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
    assert "kernels/conv_2d.c" in (folder / "CMakeLists.txt").read_text()
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
    with pytest.raises(RecipeError, match="was not made by EdgeForge"):
        compiled([model], tmp_path / "mine", force=True)


def test_names_and_memory_are_checked(tmp_path: Path) -> None:
    model = DATA / "digits_int8.tflite"
    with pytest.raises(RecipeError, match="two models are called digits_int8"):
        compiled([model, model], tmp_path / "library")
    with pytest.raises(BudgetExceeded, match="take 952 bytes"):
        compiled([model], tmp_path / "library", most=951)
    compiled([model], tmp_path / "library", most=952)


def test_cmake_builds_it_and_cplusplus_takes_its_header(tmp_path: Path) -> None:
    _, folder = compiled([DATA / "digits_int8.tflite"], tmp_path / "library", name="digits")
    (tmp_path / "main.cc").write_text('#include "digits.h"\nint main() { digits_init(nullptr); }\n')
    if shutil.which("cmake"):
        (tmp_path / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.13)\nproject(app)\nadd_subdirectory(library)\n"
            "add_executable(app main.cc)\ntarget_link_libraries(app digits)\n"
        )
        subprocess.run(["cmake", "-S", tmp_path, "-B", tmp_path / "build"], check=True, capture_output=True)
        subprocess.run(["cmake", "--build", tmp_path / "build"], check=True, capture_output=True)
    elif shutil.which("g++"):
        subprocess.run(["g++", "-fsyntax-only", f"-I{folder}", tmp_path / "main.cc"], check=True)
    else:
        pytest.skip("neither cmake nor g++ is installed")


def test_names_of_tensors_stay_inside_their_comments(tmp_path: Path) -> None:
    net = Network(kind="INT8")
    output = net.relu(net.input)
    for place in (net.input, output):
        net.graph.tensors[place].name = b"*/ int x; /* \\\nnext line"
    model = tmp_path / "model.tflite"
    model.write_bytes(net.build(output))
    _, folder = compiled([model], tmp_path / "library")
    command = ["gcc", *STRICT, f"-I{folder}", "-c", str(folder / "model.c"), "-o", str(tmp_path / "model.o")]
    subprocess.run(command, check=True)


@pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is not installed")
@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m55"])
def test_every_portable_kernel_compiles_strictly_for_a_core(core: str, tmp_path: Path) -> None:
    sources = [str(path) for path in (FIRMWARE / "kernels").glob("*.c")]
    command = ["arm-none-eabi-gcc", *STRICT, *CORES[core].flags, "-Os", f"-I{FIRMWARE}", "-c", *sources]
    subprocess.run(command, cwd=tmp_path, check=True)
