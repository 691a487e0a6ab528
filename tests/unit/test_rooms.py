"""How the package is laid out, where import-linter does not look: module level, and files in a room."""

import ast
from collections import Counter
from pathlib import Path

import pytest
from places import ROOT

PACKAGE = ROOT / "edgeforge"
HEAVY = {
    *("torch", "torchvision", "torchmetrics", "pytorch_lightning", "tensorflow", "tf_keras", "onnx2tf", "matplotlib"),
    *("onnx", "onnxruntime", "numpy", "scipy", "sklearn", "ai_edge_litert", "ai_edge_quantizer", "tflite_micro"),
}
# The room whose modules subclass what they import, and are themselves imported inside functions.
TRAINING = {"torch", "torchmetrics", "pytorch_lightning", "numpy"}
MOST = 12


def imported(path: Path) -> set[str]:
    """Return the packages that a module imports as it is imported itself."""
    names: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_heavy_packages_are_imported_where_they_are_needed(path: Path) -> None:
    allowed = TRAINING if PACKAGE / "train" in path.parents else set()
    assert imported(path) & HEAVY <= allowed, "import it inside the function"


def test_a_room_holds_few_files_and_says_what_it_is_for() -> None:
    for room in {path.parent for path in PACKAGE.rglob("*.py")}:
        files = [path for path in room.glob("*.py") if not path.name.startswith("__")]
        assert len(files) <= MOST, f"{room} holds {len(files)} files: divide it by subject"
        assert (ast.get_docstring(ast.parse((room / "__init__.py").read_text())) or "").strip(), room


def test_no_two_modules_that_tests_import_share_a_name() -> None:
    """Their folders all lie on the tests' path, where the first of a name would hide the other."""
    folders = ("tests/helpers", "tests/hostile", "scripts", "models", "firmware/raspberry_pi")
    names = Counter(path.stem for folder in folders for path in (ROOT / folder).glob("*.py"))
    assert not [name for name, count in names.items() if count > 1 and name != "__init__"]
