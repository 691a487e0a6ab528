"""For each kind of change, which stages run again: the steps of two plans compared. Nothing is built."""

import shutil
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from places import ROOT

from edgeforge.builder.plan import Plan, make_plan
from edgeforge.builder.store import Store
from edgeforge.errors import RecipeError
from edgeforge.pipeline import STAGES as ALL_STAGES
from edgeforge.pipeline import file_digest
from edgeforge.recipe.load import load_recipe
from edgeforge.recipe.user_files import user_files
from edgeforge.source_code import PackageCode

# A user's folder, whose recipe asks for every stage.
MINE = {
    "recipe.yaml": "name: mine\ndata: {source: digits}\nmodel: {name: net.py}\nprune: {}\n"
    "raspberry_pi: {}\nengine: {}\n"
    "distill: {teacher: {name: teacher.py, weights: teacher.ckpt}}\ntargets: [arduino-nano-33-ble]\n"
    "quantize: {qat: {}, ptq: [{}], max_drop: 1.0}\nsearch: {over: {train.lr: [0.1, 0.2]}}\n",
    "net.py": '"""A network."""\nfrom blocks import width\n\n\nclass Net:\n    """Mine."""\n\n    size = width()\n',
    "blocks.py": "def width():\n    from . import sizes\n\n    return sizes.EIGHT\n",
    "sizes.py": "EIGHT = 8\n",
    "unused.py": "NINE = 9\n",
    "teacher.py": "class Teacher: ...\n",
    "teacher.ckpt": "weights",
}

Edit = Callable[[Path], None]
COMMENT, CODE = "\n# why\n", "\nMORE = 1\n"


def more(file: str, added: str = CODE) -> Edit:
    """Add lines at the end of a file."""

    def edit(root: Path) -> None:
        (root / file).write_text((root / file).read_text() + added)

    return edit


def other(file: str, old: str, new: str) -> Edit:
    """Replace a text that a file holds once."""

    def edit(root: Path) -> None:
        before = (root / file).read_text()
        assert before.count(old) == 1, file
        (root / file).write_text(before.replace(old, new))

    return edit


# But for that of finished ONNX files, which are not trained: no recipe has all.
STAGES = tuple(stage for stage in ALL_STAGES if stage.only_with not in ("model.onnx", "listen"))  # of digits
EVERY = {stage.name for stage in STAGES}
NONE: set[str] = set()
LOAD_MODEL = {"trial-fit", "train", "prune", "torch", "qat", "onnx", "dense-onnx"}
BOARDS = {"trial-fit", "fit", "arduino"}
TRAIN = "edgeforge/train/stage.py"

# What changes, how, and the stages that it reaches. Those that read their artifacts run after them.
EDITS: list[tuple[str, Edit, set[str]]] = [
    ("a comment in a stage's module", more(TRAIN, COMMENT), NONE),
    ("a docstring there", other(TRAIN, '"""The stage', '"""This is the stage'), NONE),
    ("layout there", other(TRAIN, "import annotations\n", "import (\n    annotations,\n)\n"), NONE),
    ("what a type checker reads", other(TRAIN, "if TYPE_CHECKING:\n", "if TYPE_CHECKING:\n    import this\n"), NONE),
    ("code in a stage's own module", more("edgeforge/evaluate/latency.py"), {"latency"}),
    ("code that three stages share", more(TRAIN), {"train", "prune", "qat"}),
    ("code imported inside a function", more("edgeforge/export/direct.py"),
     {"trial-fit", "tflite", "qat-tflite", "dense"}),
    ("code imported by what is imported", more("edgeforge/tflite/passes/compact.py"),
     {"tflite", "qat-tflite", "dense", "ptq", "mixed", *BOARDS}),
    ("code in a package's __init__.py", more("edgeforge/quantize/onnx/__init__.py"), {"onnx-int8"}),
    ("code that all import", more("edgeforge/errors.py"), EVERY),
    ("the recipe's own code", more("edgeforge/recipe/schema.py"), EVERY),
    ("the report's schema", more("edgeforge/results/rows/report.py"),
     {"edgetpu", "measure", "parity", "latency", "arduino", "raspberry-pi", "raspberry-pi-bench", "report",
      "trial-score"}),
    ("the reader of the recipe's data source", more("edgeforge/data/sources/digits.py"), {"data"}),
    ("another data source's reader", more("edgeforge/data/sources/matr1/source.py"), NONE),
    ("EdgeForge's version", other("edgeforge/__init__.py", '= "', '= "9.'),
     {"arduino", "engine", "engine-emulated", "raspberry-pi", "report"}),
    ("the code that runs and stores stages", more("edgeforge/builder/run.py"), NONE),
    ("the code that publishes files", more("edgeforge/builder/publish.py"), NONE),
    ("the list of stages", more("edgeforge/pipeline.py"), NONE),
    ("the command line", more("edgeforge/cli/builds.py"), NONE),
    ("the table of boards", more("edgeforge/hardware/boards.toml", "# more\n"), {*BOARDS, "engine", "engine-emulated"}),
    ("the table of TFLM libraries", more("edgeforge/hardware/libraries.toml", "# more\n"), BOARDS),
    ("the table of TFLM's memory",
     more("edgeforge/targets/fit/tflm_memory.toml", "# more\n"), {*BOARDS, "engine-emulated"}),
    ("a template of the report", more("edgeforge/report/templates/report.html.j2"), {"report"}),
    ("a template of the sketch", more("firmware/arduino/model.cc.j2", "// more\n"), {"arduino"}),
    ("a kernel of the engine", more("firmware/engine/kernels/conv_2d.c", "// more\n"), {"engine", "engine-emulated"}),
    ("a comment in a script that is packed", more("firmware/raspberry_pi/run.py", COMMENT), {"raspberry-pi"}),
    ("what runs on emulated cores", more("firmware/emulator/bare/bare.ld", "/* more */\n"),
     {"engine-emulated", "arduino"}),
    ("a comment in the user's model", more("mine/net.py", COMMENT), NONE),
    ("a docstring in the user's model", other("mine/net.py", '"""Mine."""', '"""My own."""'), NONE),
    ("code in the user's model", more("mine/net.py"), LOAD_MODEL),
    ("a comment in a module beside it", more("mine/blocks.py", COMMENT), NONE),
    ("code in a module beside it", more("mine/blocks.py"), LOAD_MODEL),
    ("code in a module that this imports", more("mine/sizes.py"), LOAD_MODEL),
    ("a module that nothing imports", more("mine/unused.py"), NONE),
    ("code in the teacher", more("mine/teacher.py"), {"train"}),
    ("the teacher's weights", more("mine/teacher.ckpt"), {"train"}),
]  # fmt: skip

SETTINGS: list[tuple[str, set[str]]] = [
    ("name=other", {"arduino", "engine", "raspberry-pi", "report"}),
    (
        "seed=7",
        {"trial-fit", "data", "train", "prune", "calibration", "qat", "tflite", "ptq", "dense", "latency", "report"},
    ),
    ("train.epochs=3", {"train", "prune", "report"}),
    ("trainer.max_steps=9", {"train", "prune", "qat", "report"}),
    ("targets=[esp32-s3]", {"trial-fit", "mixed", "fit", "arduino", "engine", "engine-emulated", "report"}),
    ("on_misfit=report", {"trial-fit", "fit", "arduino", "engine-emulated", "report"}),
    ("runtime=engine", {"trial-fit", "fit", "arduino", "engine-emulated", "report"}),
    ("library=tflite-micro-2026-08", {"trial-fit", "fit", "arduino", "report"}),
    ("quantize.onnx.per_channel=false", {"onnx-int8", "report"}),
    ("quantize.tflite.variants=[float32]", {"trial-fit", "tflite", "qat-tflite", "dense", "report"}),
    ("quantize.tflite.compact=false", {"trial-fit", "tflite", "ptq", "qat-tflite", "mixed", "dense", "report"}),
    ("quantize.calibration.samples=100", {"calibration", "report"}),
    (
        "quantize.ship=tflite-int8",
        {
            *("trial-fit", "trial-score", "fit", "edgetpu", "tflm", "parity", "arduino", "engine", "engine-emulated"),
            *("raspberry-pi", "report"),
        },
    ),
    ("engine.optimize=size", {"engine", "engine-emulated", "report"}),
    ("measure.runs=30", {"latency", "raspberry-pi-bench", "report"}),
    ("raspberry_pi.format=ort", {"raspberry-pi", "report"}),
    ("data.validation=0.2", {"data", "report"}),
]


def plan(root: Path, *overrides: str, before: dict[str, dict[str, Any]] | None = None) -> Plan:
    """Return the plan of the recipe in root/mine with EdgeForge's code in root."""
    loaded = load_recipe(root / "mine" / "recipe.yaml", overrides)
    digest = partial(file_digest, loaded.recipe.data)
    code = PackageCode(root / "edgeforge")
    return make_plan(
        loaded, STAGES, Store(root / "store"), files=user_files(loaded), digest=digest, before=before, code=code
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """EdgeForge's code and the user's folder, to be changed."""
    for folder in ("edgeforge", "firmware"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in MINE.items():
        (tmp_path / "mine").mkdir(exist_ok=True)
        (tmp_path / "mine" / name).write_text(text)
    return tmp_path


def reached(before: Plan, after: Plan) -> set[str]:
    """Return the stages for which something else than their inputs has changed."""
    known = {step.stage.name: {**step.ingredients, "inputs": None} for step in before.steps}
    return {step.stage.name for step in after.steps if {**step.ingredients, "inputs": None} != known[step.stage.name]}


def with_followers(stages: set[str]) -> set[str]:
    """Return some stages and all that read their artifacts, directly or not."""
    found = set(stages)
    for stage in STAGES:
        if found & set(stage.after):
            found.add(stage.name)
    return found


def run_again(before: Plan, after: Plan) -> set[str]:
    """Return the stages whose key has changed."""
    known = {step.stage.name: step.key for step in before.steps}
    return {step.stage.name for step in after.steps if step.key != known[step.stage.name]}


@pytest.mark.parametrize(("edit", "expected"), [row[1:] for row in EDITS], ids=[row[0] for row in EDITS])
def test_a_change_of_code(root: Path, edit: Edit, expected: set[str]) -> None:
    before = plan(root)
    edit(root)
    after = plan(root)
    assert reached(before, after) == expected
    assert run_again(before, after) == with_followers(expected)


@pytest.mark.parametrize(("override", "expected"), SETTINGS, ids=[row[0] for row in SETTINGS])
def test_a_change_of_the_recipe(root: Path, override: str, expected: set[str]) -> None:
    before, after = plan(root), plan(root, override)
    assert reached(before, after) == expected
    assert run_again(before, after) == with_followers(expected)


def test_the_recipe_of_these_tests_asks_for_every_stage(root: Path) -> None:
    assert {step.stage.name for step in plan(root).steps} == EVERY


def test_renaming_packs_and_reports_again_and_nothing_else(root: Path) -> None:
    again = run_again(plan(root), plan(root, "name=other"))
    assert again == {"arduino", "engine", "raspberry-pi", "raspberry-pi-bench", "report"}


def test_the_plan_names_what_has_changed(root: Path) -> None:
    before = {step.stage.name: step.ingredients for step in plan(root).steps}
    more("edgeforge/quantize/tflite/ptq.py")(root)
    more("mine/sizes.py")(root)
    why = {step.stage.name: step.why for step in plan(root, before=before).steps}
    assert why["ptq"].startswith("code: edgeforge/quantize/tflite/ptq.py; changed: ")
    assert why["onnx"].startswith("model/sizes.py: ") and why["data"] == "not in the store any more"
    more("edgeforge/errors.py")(root)
    (root / "edgeforge" / "train" / "schedule.py").unlink()
    for name in ("augment/images", "batches"):
        more(f"edgeforge/train/{name}.py")(root)
    why = {step.stage.name: step.why for step in plan(root, before=before).steps}
    named = "edgeforge/errors.py, edgeforge/train/augment/images.py, edgeforge/train/batches.py"
    assert f"code: {named} and 1 more" in why["train"]


def test_a_model_with_a_syntax_error_is_known_by_its_bytes(root: Path) -> None:
    plans = []
    for added in ("class\n", "# why\n"):
        more("mine/net.py", added)(root)
        plans.append(plan(root))
    assert reached(*plans) == LOAD_MODEL


def test_an_onnx_file_has_a_stage_of_its_own(root: Path) -> None:
    (root / "mine" / "net.onnx").write_bytes(b"")
    recipe = root / "mine" / "recipe.yaml"
    recipe.write_text("name: a\ndata: {source: digits}\nmodel: {name: net.onnx}\n")
    names = []
    for overrides in ((), ("quantize.tflite.io=uint8",), ("model.ranges={logits: [0, 1]}",)):
        loaded = load_recipe(recipe, overrides)
        made = make_plan(loaded, ALL_STAGES, Store(root / "store"), files=user_files(loaded))
        names.append({step.stage.name: step.key for step in made.steps}["qdq-tflite"])
    assert len({*names}) == 3
    recipe.write_text("name: a\ndata: {source: digits}\nmodel: {name: digits_cnn}\n")
    loaded = load_recipe(recipe)
    with pytest.raises(RecipeError) as caught:
        make_plan(loaded, ALL_STAGES, Store(root / "store"), force=("qdq-tflite",), files=user_files(loaded))
    assert caught.value.fix == "name an .onnx file as model.name"


def test_weights_by_a_name_bring_their_library_s_version_into_the_key(tmp_path: Path) -> None:
    for name, text in MINE.items():
        (tmp_path / name).write_text(text)
    recipe = tmp_path / "recipe.yaml"

    def libraries() -> dict[str, str]:
        loaded = load_recipe(recipe)
        plan = make_plan(loaded, ALL_STAGES, Store(tmp_path / "store"), files=user_files(loaded))
        parts: dict[str, str] = next(step for step in plan.steps if step.stage.name == "train").ingredients["libraries"]
        return parts

    assert "timm" not in libraries()
    recipe.write_text(MINE["recipe.yaml"].replace("net.py}", "net.py, weights: timm/tinynet_e}"))
    assert libraries()["timm"] == version("timm")
