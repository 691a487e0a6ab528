"""What counts as a module's code, and what it imports."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT

from edgeforge.data.registry import LOADERS
from edgeforge.pipeline import STAGES
from edgeforge.recipe.load import load_recipe
from edgeforge.source_code import PackageCode, modules_beside, read_source

MODULES = sorted((ROOT / "edgeforge").rglob("*.py"))


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def digest(code: str) -> str:
    return read_source(code.encode()).digest


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("x = 1", "x = 1  # why"),
        ("x = 1", '"""About."""\n\nx = (\n    1\n)\n'),
        ("def f():\n return 1", 'def f():\n    """Return one."""\n    return 1'),
        ("class A:\n x = 1", 'class A:\n    """A."""\n\n    x = 1\n    """What x is."""'),
        ("x = 'a'", 'x = "a"'),
        ("x = 1", "if TYPE_CHECKING:\n    import torch\nx = 1"),
        ("import typing\nx = 1", "import typing\nif typing.TYPE_CHECKING:\n    y = 2\nelse:\n    x = 1"),
    ],
)
def test_what_does_not_count(a: str, b: str) -> None:
    assert digest(a) == digest(b)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("x = 1", "x = 2"),
        ("x = 1", "x = 1.0"),
        ("x = 1", "x = True"),
        ("x = 1", "x = '1'"),
        ("x = 'a'", "x = b'a'"),
        ("f(a, b)", "f(a)(b)"),
        ("x = [1, [2]]", "x = [1, 2]"),
        ("import a", "import b"),
        ("def f(): pass", "async def f(): pass"),
        ("if x:\n a\n b", "if x:\n a\nb"),
        ("if TYPED:\n import a", "pass"),
        ("x = 1 #", "x = "),  # the second is no Python
    ],
)
def test_what_counts(a: str, b: str) -> None:
    assert digest(a) != digest(b)


@pytest.mark.parametrize("path", MODULES[::8], ids=name_of)
def test_code_written_anew_from_its_syntax_tree_is_the_same_code(path: Path) -> None:
    assert digest(ast.unparse(ast.parse(path.read_text()))) == digest(path.read_text())


def test_a_file_without_code_has_no_hash() -> None:
    assert digest("") == digest('# nothing\n"""A package."""\n') == ""


def test_modules_beside_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "nets/my.net.py": "import torch, json\nfrom blocks.conv import Block\nfrom shared import tables\n",
        "nets/blocks/__init__.py": "",
        "nets/blocks/conv.py": "from . import norm\nfrom ..net import x\nfrom .... import above\n",
        "nets/blocks/norm.py": "def f():\n    import nets.late\n",
        "nets/late.py": "import my.net\n",
        "nets/other.py": "",
        "shared/tables.py": "from .missing import x\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    net = tmp_path / "nets" / "my.net.py"
    monkeypatch.chdir(tmp_path)  # where Python looks, too
    found = modules_beside(net)
    assert list(found) == ["blocks/__init__.py", "blocks/conv.py", "blocks/norm.py", "late.py", "shared/tables.py"]
    assert found["shared/tables.py"] == tmp_path / "shared" / "tables.py"
    monkeypatch.chdir(tmp_path / "shared")
    assert list(modules_beside(net)) == ["blocks/__init__.py", "blocks/conv.py", "blocks/norm.py"]


@pytest.mark.parametrize("module", ["edgeforge.targets.fit.stage", "edgeforge.data.splits", "edgeforge.report.stage"])
def test_all_that_python_imports_is_found(module: str) -> None:
    code = f"import sys, {module}\nprint(*[m for m in sys.modules if m.startswith('edgeforge.')])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    found = PackageCode().of([module])
    paths = [ROOT.joinpath(*name.split(".")) for name in loaded]
    files = [path / "__init__.py" if path.is_dir() else path.with_suffix(".py") for path in paths]
    assert len(files) > 20
    assert {str(f.relative_to(ROOT)) for f in files if read_source(f.read_bytes()).digest} <= set(found)


def test_every_file_that_code_reads_is_found() -> None:
    found = set(PackageCode().of(name_of(path) for path in MODULES))
    data = {path for path in (ROOT / "edgeforge").rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")}
    firmware = {path for folder in ("arduino", "raspberry_pi") for path in (ROOT / "firmware" / folder).glob("[!.]*.*")}
    files = {path.relative_to(ROOT).as_posix() for path in data | firmware}
    assert len(files) > 50 and files <= found


def test_an_installed_wheel_has_the_keys_of_the_checkout(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "edgeforge", tmp_path / "edgeforge", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in ("models", "recipes", "firmware"):
        shutil.copytree(ROOT / folder, tmp_path / "edgeforge" / "_bundled" / folder)
    for stage in STAGES:
        module = stage.function.split(":")[0]
        assert PackageCode(tmp_path / "edgeforge").of([module]) == PackageCode().of([module]), stage.name


def test_bundled_folders_are_named_in_the_call() -> None:
    nodes = [node for path in MODULES for node in ast.walk(ast.parse(path.read_text()))]
    calls = [node for node in nodes if isinstance(node, ast.Call) and ast.unparse(node.func) == "bundled"]
    assert len(calls) >= 6
    for call in calls:
        plain = isinstance(call.args[0], ast.Constant)
        assert plain or ast.unparse(call) == "bundled(folder, self.package)", ast.unparse(call)


def test_nothing_else_is_imported_by_a_string() -> None:
    """Whoever adds a place here says in `Stage.chosen` what it imports, or why that decides no result."""
    words = {"import_module", "__import__", "spec_from_file_location", "run_module", "run_path"}
    found = {
        path.relative_to(ROOT).as_posix()
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Attribute) and node.attr in words) or (isinstance(node, ast.Name) and node.id in words)
    }
    assert found == {
        "edgeforge/apart/worker.py",  # a function that its caller imports, too
        "edgeforge/builder/worker.py",  # the stage itself
        "edgeforge/data/registry.py",  # the recipe's data source: `source_modules`
        "edgeforge/quantize/torch/available.py",  # PyTorch's own modules: are they there
        "edgeforge/train/network/load.py",  # the user's model, one of the user's files
    }


def test_every_data_source_is_in_the_key_of_its_stage() -> None:
    stage = next(stage for stage in STAGES if stage.name == "data")
    recipe = load_recipe(ROOT / "recipes" / "digits.yaml").recipe
    for name, place in LOADERS.items():
        data = recipe.data.model_copy(update={"source": name})
        file = f"edgeforge/data/sources/{place.split(':')[0].replace('.', '/')}.py"
        assert file in PackageCode().of(stage.chosen(recipe.model_copy(update={"data": data}))), name


def test_the_package_itself_holds_its_version_alone() -> None:
    """It counts only for those who import that."""
    code = ast.parse((ROOT / "edgeforge" / "__init__.py").read_text()).body
    assert [type(node).__name__ for node in code] == ["Expr", "Assign"]
