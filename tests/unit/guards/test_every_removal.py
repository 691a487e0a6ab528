"""Every call that removes, empties, moves or replaces what is there stands in one guarded place, or in this list."""

import ast
import re
from pathlib import Path

from places import ROOT

# The guarded helpers, and what each may call.
GUARDED = {
    "edgeforge/guards/removal.py": {"rmtree", "unlink", "rmdir", "rename", "truncate"},
    "edgeforge/files.py": {"replace", "unlink"},  # a file's new content, written beside under a name of its own
}
# Elsewhere: path → calls, and why nothing of anybody else's can be hit.
OTHERS = {
    "edgeforge/features/compiled.py": {"replace"},  # a library in the cache, named by its hash, written beside
    "edgeforge/targets/raspberry_pi/bench.py": {"extract"},  # filter="data", into a scratch folder
    "firmware/raspberry_pi/hearing.py": {"replace"},  # a library in the bundle, named by its hash, written beside
    "firmware/raspberry_pi/bundle.py": {"replace", "unlink"},  # choice.json and the server's unit, written beside
}
REMOVING = {"rmtree", "unlink", "rmdir", "removedirs", "rename", "renames", "truncate", "extractall", "extract"}
OF_MODULES = {("os", "remove"), ("os", "replace"), ("shutil", "move"), ("os", "link"), ("os", "symlink")}
# What shell scripts remove: a line with rm, and what stands before it.
SHELL = {
    "firmware/raspberry_pi/install.sh": 4,  # .venv, with the marker in it, or just made; a package and a marker in it
    "scripts/remove_made.sh": 1,  # a folder with the marker in it
    "scripts/prove_aarch64.sh": 1,  # what lies in the bundle's folder of a system that it has made itself
}


def removing_calls(path: Path) -> set[str]:
    """Return the names of calls in a Python file that remove, move or replace what is there."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module in ("os", "shutil"):
            assert not {alias.name for alias in node.names} & (REMOVING | {"remove", "replace", "move"}), path
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        name, owner = node.func.attr, node.func.value
        module = owner.id if isinstance(owner, ast.Name) else ""
        # str.replace takes two values, dataclasses.replace stands alone, Path.replace takes one.
        replaces = name == "replace" and len(node.args) == 1 and not node.keywords
        if name in REMOVING or (module, name) in OF_MODULES or replaces:
            found.add(name)
    return found


def test_nothing_is_removed_or_replaced_outside_the_guarded_helpers() -> None:
    files = [
        path for folder in ("edgeforge", "firmware", "scripts", "models") for path in (ROOT / folder).rglob("*.py")
    ]
    assert len(files) > 200
    found = {str(path.relative_to(ROOT)): calls for path in files if (calls := removing_calls(path))}
    assert found == GUARDED | OTHERS, "use edgeforge/guards/removal.py"


def test_the_scan_sees_each_kind_of_call(tmp_path: Path) -> None:
    kinds = ["shutil.rmtree(x)", "x.unlink()", "os.remove(x)", "x.replace(y)", "os.replace(x, y)", "x.rename(y)",
             "shutil.move(x, y)", "x.rmdir()", "archive.extractall(x)"]  # fmt: skip
    for text in kinds:
        (tmp_path / "a.py").write_text(text)
        assert removing_calls(tmp_path / "a.py"), text
    (tmp_path / "a.py").write_text("x.replace('a', 'b'); replace(x, a=1); names.remove(x)")
    assert not removing_calls(tmp_path / "a.py")


def test_shell_scripts_remove_only_what_is_listed() -> None:
    scripts = [path for folder in ("edgeforge", "firmware", "scripts", ".ci") for path in (ROOT / folder).rglob("*")
               if path.is_file() and (path.suffix == ".sh" or path.parent.name == ".ci")]  # fmt: skip
    counts = {
        str(path.relative_to(ROOT)): len(re.findall(r"^[^#\n]*(?<![\w-])rm +-", path.read_text(), re.MULTILINE))
        for path in (*scripts, ROOT / "Makefile")
    }
    assert {path: count for path, count in counts.items() if count} == SHELL


def test_only_deploy_calls_rsync_with_delete() -> None:
    users = {
        str(path.relative_to(ROOT)) for path in (ROOT / "edgeforge").rglob("*.py") if "--delete" in path.read_text()
    }
    assert users == {"edgeforge/targets/raspberry_pi/ssh.py"}  # Remote.copy_folder, after deploy.claim
