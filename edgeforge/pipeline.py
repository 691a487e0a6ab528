"""EdgeForge, read from top to bottom: the stages of a build, in order.

    recipe → plan → stages → artifacts → measurements → report

`make_plan` (plan.py) gives each stage a key: the hash of its version, of the recipe's sections it reads, of its
inputs' keys and of its libraries' versions. A stage whose key is in the store does not run. `Build` (build.py)
runs the others, each in a worker process of its own (worker.py), and `publish` (publish.py) copies the files
that a person wants into the build folder. A stage is a function in the module that its line here names.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgeforge.build import Build, Watcher
from edgeforge.plan import Plan, make_plan
from edgeforge.publish import publish, read_record
from edgeforge.recipe_file import LoadedRecipe
from edgeforge.report.devices import device_files
from edgeforge.stage import Stage
from edgeforge.store import Artifact, Store, storage_errors

TORCH = ("torch", "numpy")
LITERT = ("ai-edge-litert", "numpy")
# TFLite's converter copies all weights again and again: without these, glibc gives each copy's pages back to the
# kernel and asks for them anew, which takes as long as the copying.
KEEP_MEMORY = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "33554432",
    "MALLOC_TRIM_THRESHOLD_": "4294967296",
    "MALLOC_TOP_PAD_": "67108864",
}

STAGES: tuple[Stage, ...] = (
    # Real images, split by the seed; the test split is read by the measuring stages alone.
    Stage(
        "data",
        "edgeforge.data.splits:prepare",
        "Load and split the images",
        # data.root is no part of the key: the hashes of the files there are.
        reads=("seed", "data.source", "data.validation", "data.test", "data.normalize"),
        files=("data",),
        uses=("numpy", "scikit-learn"),
    ),
    Stage(
        "train",
        "edgeforge.train.fit:train",
        "Train with Lightning",
        reads=("seed", "model", "train", "trainer"),
        after=("data",),
        files=("model",),
        uses=(*TORCH, "pytorch-lightning", "torchmetrics", "torchvision"),
        publish={"*": "train"},
    ),
    # The representative dataset: training images in the model's true input space.
    Stage(
        "calibration",
        "edgeforge.data.representative:choose",
        "Choose the representative dataset",
        reads=("seed", "quantize.calibration.samples"),
        after=("data",),
        files=("calibration",),
        uses=("numpy",),
    ),
    Stage(
        "torch",
        "edgeforge.quantize.torch_int8:quantize_torch",
        "Quantize in PyTorch",
        reads=("name", "model", "quantize.torch"),
        after=("data", "train", "calibration"),
        files=("model",),
        uses=TORCH,
        publish={"*.pt": "torch"},
    ),
    Stage(
        "onnx",
        "edgeforge.export.onnx:export_onnx",
        "Export to ONNX",
        reads=("name", "model"),
        after=("data", "train"),
        files=("model",),
        uses=(*TORCH, "onnx", "onnxscript", "onnxruntime"),
        publish={"*.onnx": "onnx"},
    ),
    Stage(
        "onnx-int8",
        "edgeforge.quantize.onnx_int8:quantize_onnx",
        "Quantize with ONNX Runtime",
        reads=("name", "quantize.onnx"),
        after=("data", "onnx", "calibration"),
        uses=("onnx", "onnxruntime", "numpy"),
        publish={"*.onnx": "onnx"},
    ),
    Stage(
        "tflite",
        "edgeforge.export.tflite:export_tflite",
        "Convert to TFLite",
        reads=("name", "seed", "quantize.tflite"),
        after=("data", "onnx", "calibration"),
        uses=("onnx2tf", "tensorflow", "tf_keras", "onnx", "numpy"),
        publish={"*.tflite": "tflite"},
        version=2,
        environment=KEEP_MEMORY,
    ),
    # Every variant over the whole test split.
    Stage(
        "predict-torch",
        "edgeforge.evaluate.predict:predict",
        "Test the PyTorch variants",
        after=("data", "torch"),
        uses=TORCH,
    ),
    Stage(
        "predict-onnx",
        "edgeforge.evaluate.predict:predict",
        "Test the ONNX variants",
        after=("data", "onnx", "onnx-int8"),
        uses=("onnxruntime", "numpy"),
    ),
    Stage(
        "predict-tflite",
        "edgeforge.evaluate.predict:predict",
        "Test the TFLite variants",
        after=("data", "tflite"),
        uses=LITERT,
    ),
    Stage(
        "tflm",
        "edgeforge.evaluate.tflm:run_tflm",
        "Run in TensorFlow Lite Micro",
        reads=("name",),
        after=("data", "tflite"),
        uses=("tflite-micro", "numpy"),
        version=2,
    ),
    Stage(
        "measure",
        "edgeforge.evaluate.measure:measure",
        "Judge accuracy and agreement",
        after=("data", "torch", "onnx", "onnx-int8", "tflite", "tflm", "predict-torch", "predict-onnx",
               "predict-tflite"),
        uses=("torchmetrics", "scipy", "numpy"),
    ),
    Stage(
        "latency",
        "edgeforge.evaluate.latency:measure_latency",
        "Measure latency and memory",
        reads=("seed", "measure"),
        after=("data", "torch", "onnx", "onnx-int8", "tflite"),
        uses=(*TORCH, "onnxruntime", "ai-edge-litert", "scipy"),
        alone=True,
    ),
    Stage(
        "arduino",
        "edgeforge.targets.arduino:pack_arduino",
        "Pack the Arduino project",
        reads=("name", "targets"),
        after=("data", "tflite", "tflm"),
        uses=("jinja2", "tflite-micro"),
        publish={"*/*": "arduino"},
        version=2,
    ),
    # The bundle for a Raspberry Pi, and its own scripts' figures on this desk.
    Stage(
        "raspberry-pi",
        "edgeforge.targets.raspberry_pi:pack_raspberry_pi",
        "Pack the Raspberry Pi bundle",
        reads=("name", "raspberry_pi"),
        after=("data", "onnx", "onnx-int8"),
        uses=("onnxruntime", "onnx", "numpy", "pillow", "jinja2"),
        publish={"*.tar.gz": "raspberry-pi"},
        only_with="raspberry_pi",
    ),
    Stage(
        "raspberry-pi-bench",
        "edgeforge.targets.raspberry_pi_bench:bench_on_desk",
        "Measure the bundle on this desk",
        reads=("measure",),
        after=("raspberry-pi",),
        uses=("onnxruntime", "numpy", "pillow"),
        may_use=("fastapi", "uvicorn", "prometheus-client"),
        alone=True,
        only_with="raspberry_pi",
    ),
    Stage(
        "report",
        "edgeforge.report.write:write_report",
        "Write the report",
        reads=("name", "seed", "data", "model", "train", "trainer", "quantize", "measure", "targets", "raspberry_pi"),
        after=("data", "train", "calibration", "torch", "onnx", "onnx-int8", "tflite", "tflm", "measure", "latency",
               "arduino", "raspberry-pi", "raspberry-pi-bench"),
        files=("devices",),
        uses=("matplotlib", "jinja2", "scipy"),
        publish={"report.*": ""},
        version=2,
    ),
)  # fmt: skip


@dataclass(frozen=True)
class BuildFolder:
    """Where a recipe's build is: `folder` for people, `store` (shared by all recipes built beside it)."""

    out: Path
    name: str

    @property
    def folder(self) -> Path:
        """The folder a person opens."""
        return self.out / self.name

    @property
    def store(self) -> Store:
        """The artifacts' store."""
        return Store(self.out / ".store")


@dataclass(frozen=True)
class Result:
    """What a build left: its artifacts by stage, how many files were written, which stages ran."""

    plan: Plan
    folder: Path
    artifacts: dict[str, Artifact]
    written: int


def plan_build(loaded: LoadedRecipe, out: Path, *, until: str | None = None, force: tuple[str, ...] = ()) -> Plan:
    """Return what a build would do. Imports neither torch nor TensorFlow."""
    place = BuildFolder(out, loaded.recipe.name)
    before = read_record(place.folder)["ingredients"]
    devices = device_files(place.folder)
    return make_plan(loaded, STAGES, place.store, until=until, force=force, before=before, devices=devices)


def build(
    loaded: LoadedRecipe,
    out: Path,
    watcher: Watcher,
    *,
    jobs: int = 2,
    until: str | None = None,
    force: tuple[str, ...] = (),
    planned: Callable[[Plan], None] = lambda plan: None,
) -> Result:
    """Bring a recipe's build folder up to date; `planned` is told the plan before anything runs.

    Raises EdgeForgeError; whatever was finished before stays in the store, and the next build resumes there.
    """
    place = BuildFolder(out, loaded.recipe.name)
    with storage_errors(out):
        place.folder.mkdir(parents=True, exist_ok=True)

    def waiting(turn: int) -> None:
        if turn == 0:
            watcher.notice(f"another build is at work in {place.folder}; waiting for it to end")

    with place.store.lock(f"build-{place.name}", waiting):
        plan = plan_build(loaded, out, until=until, force=force)
        planned(plan)
        artifacts = Build(plan, place.store, place.folder / "logs", watcher, jobs).run()
        written = publish(plan, artifacts, place.folder, watcher.notice)
    return Result(plan, place.folder, artifacts, written)
