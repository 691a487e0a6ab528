"""EdgeForge, read from top to bottom: the stages of a build, in order.

    recipe → plan → stages → artifacts → measurements → report

`make_plan` (builder/plan.py) gives each stage a key: the hash of its code (its module and all that this imports,
comments left out: source_code.py), of the recipe's sections it reads, of its inputs' keys, of the user's files and of
its libraries' versions. A stage whose key is in the store does not run. `Build` (builder/run.py) runs the others, each
in a worker process of its own (worker.py), and `publish` (publish.py) copies the files that a person wants into the
build folder. A stage is a function in the module that its line here names.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from edgeforge.builder.earlier import set_aside
from edgeforge.builder.plan import Plan, make_plan
from edgeforge.builder.publish import publish
from edgeforge.builder.record import note_plan, read_record
from edgeforge.builder.run import Build, Watcher
from edgeforge.builder.stage import Stage
from edgeforge.builder.state import LOGS, STATE, StateWatcher
from edgeforge.builder.store import PLANNING, Artifact, Store
from edgeforge.bundled import bundled
from edgeforge.data.registry import data_digest, source_modules
from edgeforge.errors import RecipeError
from edgeforge.files import sha256_of
from edgeforge.guards.disk import storage_errors
from edgeforge.inputs.arrays import require_begun
from edgeforge.inputs.regular import named
from edgeforge.inputs.sizes import LARGEST
from edgeforge.recipe.load import LoadedRecipe
from edgeforge.recipe.network_source import check_networks
from edgeforge.recipe.schema import Data, Recipe
from edgeforge.recipe.user_files import USER_DATA, user_files
from edgeforge.results.board_files import board_files
from edgeforge.results.devices import device_files
from edgeforge.results.files import ANSWERS_FILE, EARLIER, ONNX_PLACE, TFLITE_PLACE, TORCH_PLACE
from edgeforge.results.rows.fit import FitRow
from edgeforge.source_code import digest_of_code
from edgeforge.train.network.weight_names import check_weight_names

TORCH = ("torch", "numpy")
LITERT = ("ai-edge-litert", "numpy")
# The stages that make models, by runtime; those that the recipe does not ask for are left out.
TRAINED = ("train", "prune")
TORCH_MODELS = ("torch", "qat")
ONNX_MODELS = ("onnx", "onnx-int8")
TFLITE_MODELS = ("tflite", "ptq", "qat-tflite", "qdq-tflite", "mixed")
MODELS = (*TORCH_MODELS, *ONNX_MODELS, *TFLITE_MODELS)
LOGGER_PACKAGES = {"tensorboard": ("tensorboard",), "mlflow": ("mlflow-skinny", "sqlalchemy", "alembic")}
# TFLite's converter copies all weights again and again: without these, glibc gives each copy's pages back to the
# kernel and asks for them anew, which takes as long as the copying.
KEEP_MEMORY = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "33554432",
    "MALLOC_TRIM_THRESHOLD_": "4294967296",
    "MALLOC_TOP_PAD_": "67108864",
}


def logger_packages(recipe: Recipe) -> tuple[str, ...]:
    """Return the packages that `train.logger` needs."""
    return LOGGER_PACKAGES.get(recipe.train.logger or "", ())


def weights_packages(recipe: Recipe) -> tuple[str, ...]:
    """Return the packages whose hubs the recipe's weights go by a name of: what a name means is theirs to say."""
    models = [recipe.model, *([recipe.distill.teacher] if recipe.distill else [])]
    return tuple(dict.fromkeys(model.named_weights.split("/")[0] for model in models if model.named_weights))


STAGES: tuple[Stage, ...] = (
    # Real images, split by the seed; the test split is read by the measuring stages alone.
    Stage(
        "data",
        "edgeforge.data.splits:prepare",
        "Load and split the data",
        # data.root is no part of the key: the hashes of the files there are.
        reads=("seed", "data.source", "data.validation", "data.test", "data.normalize", "data.size", "data.channels",
               "data.corrupt", "data.columns", "data.classes", "data.raw_max", "data.window", "data.stride",
               "data.rate_hz", "data.axes", "data.layout", "data.sound", "data.task", "data.threshold", "data.ignore",
               "data.unit", "data.log", "data.normal", "data.heads", "listen"),
        files=("data",),
        uses=("numpy", "scikit-learn", "pillow", "scipy"),
        chosen=source_modules,
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
    # Does what will be trained fit its boards? Stops the build before hours of training when it does not.
    Stage(
        "trial-fit",
        "edgeforge.targets.fit.trial:judge_untrained",
        "Judge whether the untrained network fits",
        reads=("seed", "model", "prune", "quantize.tflite", "quantize.qat", "quantize.ptq", "quantize.ship", "targets",
               "boards", "on_misfit", "library", "runtime"),
        after=("data", "calibration"),
        files=("model",),
        uses=(*TORCH, "torch-pruning", "onnx", "onnxscript", "onnx2tf", "flatbuffers", "ai-edge-quantizer",
              "ai-edge-litert", "tflite-micro"),
        environment=KEEP_MEMORY,
        only_with="targets",
        asked_by="name a board under targets",
    ),
    Stage(
        "train",
        "edgeforge.train.stage:train",
        "Train with Lightning",
        reads=("seed", "model", "train", "trainer", "distill", "data.percentile", "data.threshold", "data.heads"),
        after=("data",),
        files=("model", "weights", "teacher"),
        uses=(*TORCH, "pytorch-lightning", "torchmetrics", "torchvision", "onnx", "onnxruntime"),
        needs=logger_packages,
        builds_on=weights_packages,
        may_use=("safetensors",),
        publish={"*": "train/"},
        waits_for=("trial-fit",),
    ),
    # Fewer weights or channels: every later stage then works on the pruned network.
    Stage(
        "prune",
        "edgeforge.train.prune.stage:prune",
        "Prune and fine-tune",
        reads=("seed", "model", "train", "trainer", "prune", "data.percentile", "data.threshold",
               "data.heads"),
        after=("data", "train"),
        files=("model",),
        uses=(*TORCH, "pytorch-lightning", "torchmetrics", "torchvision", "torch-pruning"),
        needs=logger_packages,
        publish={"*": "prune/"},
        only_with="prune",
    ),
    Stage(
        "torch",
        "edgeforge.quantize.torch.int8:quantize_torch",
        "Quantize in PyTorch",
        reads=("model", "quantize.torch", "quantize.tflite.per_channel_dense"),
        after=("data", *TRAINED, "calibration"),
        files=("model",),
        uses=TORCH,
        may_use=("torchao",),
        publish={"*.pt": TORCH_PLACE},
    ),
    # Quantization-aware training; what it has learned is carried into TFLite further down.
    Stage(
        "qat",
        "edgeforge.quantize.torch.qat:quantization_aware_training",
        "Fine-tune with fake quantization",
        reads=("seed", "model", "trainer", "quantize.qat", "quantize.torch.engine",
               "quantize.tflite.per_channel_dense", "train.class_weights", "train.head_weights", "train.value_loss",
               "train.augment", "train.logger"),
        after=("data", *TRAINED, "calibration"),
        files=("model",),
        uses=(*TORCH, "pytorch-lightning", "torchmetrics", "torchvision", "onnx", "onnxscript"),
        needs=logger_packages,
        may_use=("torchao",),
        publish={"*.pt": TORCH_PLACE, "*.onnx": ONNX_PLACE},
        only_with="quantize.qat",
    ),
    Stage(
        "onnx",
        "edgeforge.export.onnx:export_onnx",
        "Export to ONNX",
        reads=("model",),
        after=("data", *TRAINED),
        files=("model",),
        uses=(*TORCH, "onnx", "onnxscript", "onnxruntime"),
        publish={"*.onnx": ONNX_PLACE},
    ),
    Stage(
        "onnx-int8",
        "edgeforge.quantize.onnx.static:quantize_onnx",
        "Quantize with ONNX Runtime",
        reads=("quantize.onnx",),
        after=("data", *TRAINED, "onnx", "calibration"),
        uses=("onnx", "onnxruntime", "numpy"),
        publish={"*.onnx": ONNX_PLACE},
    ),
    Stage(
        "tflite",
        "edgeforge.quantize.tflite.convert:export_tflite",
        "Convert to TFLite",
        reads=("seed", "quantize.tflite"),
        after=("data", *TRAINED, "onnx", "calibration"),
        uses=("onnx2tf", "onnx", "flatbuffers", "numpy", "ai-edge-quantizer", "ai-edge-litert"),
        publish={"*.tflite": TFLITE_PLACE},
        environment=KEEP_MEMORY,
    ),
    # Further TFLite variants, from the float32 one: observers, schemes and corrections that the converter has not.
    Stage(
        "ptq",
        "edgeforge.quantize.tflite.ptq:quantize_ptq",
        "Quantize after training",
        reads=("seed", "quantize.ptq", "quantize.tflite.per_channel_dense", "quantize.tflite.compact"),
        after=("data", *TRAINED, "torch", "tflite", "calibration"),
        uses=("ai-edge-quantizer", "ai-edge-litert", "flatbuffers", "torch", "numpy"),
        publish={"*.tflite": TFLITE_PLACE},
        only_with="quantize.ptq",
    ),
    Stage(
        "qat-tflite",
        "edgeforge.quantize.tflite.qat:export_qat_tflite",
        "Carry the learned ranges into TFLite",
        reads=("quantize.tflite",),
        after=("data", *TRAINED, "calibration", "qat"),
        uses=("onnx2tf", "onnx", "flatbuffers", "numpy", "ai-edge-quantizer", "ai-edge-litert"),
        publish={"*.tflite": TFLITE_PLACE},
        environment=KEEP_MEMORY,
        only_with="quantize.qat",
    ),
    # A quantized ONNX file's ranges and integers, written into TFLite as they are: nothing is calibrated anew.
    Stage(
        "qdq-tflite",
        "edgeforge.quantize.tflite.ranges.qdq:export_qdq_tflite",
        "Carry the ONNX file's ranges into TFLite",
        reads=("model", "quantize.tflite"),
        after=("data", *TRAINED, "calibration", "onnx"),
        files=("model",),
        uses=("onnx2tf", "onnx", "onnxruntime", "flatbuffers", "numpy", "ai-edge-quantizer", "ai-edge-litert"),
        publish={"*.tflite": TFLITE_PLACE},
        environment=KEEP_MEMORY,
        only_with="model.onnx",
        asked_by="name an .onnx file as model.name",
    ),
    # int8 but for the layers that it would hurt.
    Stage(
        "mixed",
        "edgeforge.quantize.tflite.mixed:mix_precisions",
        "Search for the layers that need more than int8",
        reads=("quantize.max_drop", "quantize.tflite.per_channel_dense", "quantize.tflite.io",
               "quantize.tflite.compact", "targets"),
        after=("data", *TRAINED, "onnx", "tflite", "calibration"),
        uses=("ai-edge-quantizer", "ai-edge-litert", "tflite-micro", "onnx", "flatbuffers", "numpy"),
        publish={"*.tflite": TFLITE_PLACE},
        only_with="quantize.max_drop",
    ),
    # Before anything is measured: does what ships fit its boards? Stops the build when it does not.
    Stage(
        "fit",
        "edgeforge.targets.fit.stage:judge_fit",
        "Judge whether it fits the boards",
        reads=("targets", "boards", "on_misfit", "library", "runtime", "quantize.ship"),
        after=TFLITE_MODELS,
        uses=("tflite-micro", *LITERT, "flatbuffers"),
    ),
    # What a search chooses by.
    Stage(
        "trial-score",
        "edgeforge.evaluate.validation.score:score",
        "Judge it on the validation images",
        reads=("quantize.ship",),
        after=("data", *TRAINED, "onnx", *TFLITE_MODELS),
        uses=(*LITERT, "onnxruntime", "torchmetrics", "scipy"),
        waits_for=("fit",),
        only_with="search",
    ),
    # What the network before pruning would have taken, to compare with.
    Stage(
        "dense-onnx",
        "edgeforge.export.onnx:export_onnx",
        "Export the unpruned network",
        reads=("model",),
        after=("data", "train"),
        files=("model",),
        uses=(*TORCH, "onnx", "onnxscript", "onnxruntime"),
        only_with="prune",
    ),
    Stage(
        "dense",
        "edgeforge.evaluate.dense:measure_dense",
        "Convert the unpruned network",
        reads=("seed", "quantize.tflite"),
        after=("data", "train", "dense-onnx", "calibration"),
        uses=("onnx2tf", "onnx", "flatbuffers", "tflite-micro", "numpy", "ai-edge-quantizer", "ai-edge-litert"),
        environment=KEEP_MEMORY,
        only_with="prune",
    ),
    Stage(
        "edgetpu",
        "edgeforge.targets.edgetpu.judge:judge_build",
        "Judge the Edge TPU's operators",
        reads=("quantize.ship",),
        after=TFLITE_MODELS,
        uses=LITERT,
        programs=("edgetpu_compiler",),
    ),
    # Every variant over the whole test split.
    Stage(
        "predict-torch",
        "edgeforge.evaluate.predict:predict",
        "Test the PyTorch variants",
        after=("data", *TORCH_MODELS),
        uses=TORCH,
    ),
    Stage(
        "predict-onnx",
        "edgeforge.evaluate.predict:predict",
        "Test the ONNX variants",
        after=("data", *ONNX_MODELS),
        uses=("onnxruntime", "numpy"),
    ),
    Stage(
        "predict-tflite",
        "edgeforge.evaluate.predict:predict",
        "Test the TFLite variants",
        after=("data", *TFLITE_MODELS),
        uses=LITERT,
    ),
    Stage(
        "tflm",
        "edgeforge.evaluate.tflm:run_tflm",
        "Run in TensorFlow Lite Micro",
        reads=("quantize.ship",),
        after=("data", *TFLITE_MODELS),
        uses=("tflite-micro", *LITERT),
    ),
    # The model that ships as plain C. Off unless asked for: it is the choice of who will build with it.
    Stage(
        "engine",
        "edgeforge.targets.engine.stage:compile_shipped",
        "Compile to plain C",
        reads=("name", "targets", "boards", "engine", "quantize.ship"),
        after=TFLITE_MODELS,
        uses=("jinja2", "numpy", "ai-edge-litert"),
        publish={"engine/*": ""},
        only_with="engine",
    ),
    # Its bytes and its instructions on an emulated core, and on those of the targets.
    Stage(
        "engine-emulated",
        "edgeforge.targets.engine.emulate.stage:emulate_shipped",
        "Run the C library on emulated cores",
        reads=("targets", "boards", "engine", "quantize.ship", "runtime", "on_misfit"),
        after=("data", *TFLITE_MODELS),
        uses=("jinja2", "numpy", "tflite-micro", *LITERT),
        programs=("arm-none-eabi-gcc", "qemu-system-arm"),
        only_with="engine",
    ),
    # A network of sound as it is used: detections and false alarms on continuous recordings.
    Stage(
        "listen",
        "edgeforge.evaluate.listening.stage:listen",
        "Listen to continuous recordings",
        reads=("listen", "quantize.ship"),
        after=("data", *TRAINED, *TFLITE_MODELS),
        uses=LITERT,
        publish={"*.json": ""},
        only_with="listen",
    ),
    Stage(
        "measure",
        "edgeforge.evaluate.measure:measure",
        "Judge accuracy and agreement",
        after=("data", *TRAINED, *MODELS, "tflm", "engine-emulated", "predict-torch", "predict-onnx",
               "predict-tflite"),
        uses=("torchmetrics", "scipy", "numpy", "pillow"),
        publish={ANSWERS_FILE: ""},
    ),
    # Float against int8 in every layer, and every int8 runtime against every other.
    Stage(
        "parity",
        "edgeforge.evaluate.parity.stage:compare",
        "Compare layers and runtimes",
        reads=("quantize.ship",),
        after=("data", *TRAINED, *MODELS, "tflm", "predict-torch", "predict-onnx", "predict-tflite"),
        uses=(*LITERT, "onnx", "flatbuffers"),
    ),
    Stage(
        "latency",
        "edgeforge.evaluate.latency:measure_latency",
        "Measure latency and memory",
        reads=("seed", "measure"),
        after=("data", *MODELS),
        uses=(*TORCH, "onnxruntime", "ai-edge-litert", "scipy"),
        alone=True,
    ),
    Stage(
        "arduino",
        "edgeforge.targets.arduino.stage:pack_arduino",
        "Pack the Arduino project",
        reads=("name", "targets", "boards", "on_misfit", "library", "runtime", "quantize.ship"),
        after=("data", *TRAINED, *TFLITE_MODELS, "tflm", "fit", "engine", "engine-emulated", "listen"),
        uses=("jinja2", "tflite-micro"),
        publish={"*/*": "arduino/"},
    ),
    # The bundle for a Raspberry Pi, and its own scripts' figures on this desk.
    Stage(
        "raspberry-pi",
        "edgeforge.targets.raspberry_pi.bundle:pack_raspberry_pi",
        "Pack the Raspberry Pi bundle",
        reads=("name", "raspberry_pi", "quantize.ship", "data.source", "data.sound"),
        after=("data", *TRAINED, *ONNX_MODELS, *TFLITE_MODELS, "measure", "listen"),
        uses=("onnxruntime", "onnx", "numpy", "pillow", "jinja2", *LITERT),
        publish={"*.tar.gz": "raspberry-pi/"},
        only_with="raspberry_pi",
    ),
    Stage(
        "raspberry-pi-bench",
        "edgeforge.targets.raspberry_pi.bench:bench_on_desk",
        "Measure the bundle on this desk",
        reads=("measure",),
        after=("raspberry-pi",),
        uses=("onnxruntime", "numpy", "pillow", "ai-edge-litert"),
        may_use=("fastapi", "uvicorn", "prometheus-client", "python-multipart"),
        alone=True,
        only_with="raspberry_pi",
    ),
    Stage(
        "report",
        "edgeforge.report.stage:write_report",
        "Write the report",
        reads=("name", "seed", "data", "model", "train", "trainer", "distill", "prune", "quantize", "measure",
               "targets", "boards", "on_misfit", "library", "runtime", "engine",
               "raspberry_pi", "listen"),
        after=("data", *TRAINED, "calibration", *MODELS, "dense", "edgetpu", "tflm", "measure", "parity", "latency",
               "listen", "arduino", "engine-emulated", "raspberry-pi", "raspberry-pi-bench"),
        files=("devices", "boards"),
        uses=("matplotlib", "jinja2", "scipy"),
        publish={"report.*": ""},
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
    files = user_files(loaded) | device_files(place.folder) | board_files(place.folder)

    warnings = check_networks(loaded, files)
    check_weight_names(loaded)
    digest = partial(file_digest, loaded.recipe.data)
    plan = make_plan(loaded, STAGES, place.store, until=until, force=force, before=before, files=files, digest=digest)
    return replace(plan, warnings=warnings)


def file_digest(data: Data, name: str, path: Path) -> str:
    """Return the SHA-256 (hex) of one of the user's files: of a model's code, of all that a data source reads.

    Raises RecipeError for one that the stage would refuse for its size: hashing gigabytes takes its time.
    """
    if name == USER_DATA:
        return data_digest(data, path)
    if name == "calibration":
        require_begun(path, f"quantize.calibration.file: {named(path)}", "save it with numpy.savez(path, x=inputs)")
        return sha256_of(path)
    return digest_of_code(path) if path.suffix == ".py" else sha256_of(path, LARGEST)


def make(loaded: LoadedRecipe, out: Path, watcher: Watcher, *, logs: Path, until: str) -> dict[str, Artifact]:
    """Return the artifacts of a stage and of all that it needs: they are in the store, and no build folder shows them.

    Raises EdgeForgeError, and whatever the watcher raises; what was finished before stays in the store.
    """
    place = BuildFolder(out, loaded.recipe.name)

    def planning(turn: int) -> None:
        if turn == 1:
            watcher.notice(f"another build is making its plan in {out}, or it is being cleaned; waiting for it to end")

    with storage_errors(out):
        logs.mkdir(parents=True, exist_ok=True)
    with place.store.lock(PLANNING, planning):
        plan = plan_build(loaded, out, until=until)
    return Build(plan, place.store, logs, watcher, 1).run()


def trial_fit(loaded: LoadedRecipe, out: Path, watcher: Watcher) -> list[FitRow]:
    """Return how the untrained network fits the recipe's boards; empty for one that is not trained.

    Raises RecipeError for a recipe without boards.
    """
    from edgeforge.targets.fit.stage import read_fit  # it imports numpy, which a plan does without

    if not loaded.recipe.targets:
        raise RecipeError(
            f"{loaded.where('targets')}: no board is named", fix="name one under targets; `edgeforge boards` lists them"
        )
    shown = replace(loaded, recipe=loaded.recipe.model_copy(update={"on_misfit": "report"}))
    logs = BuildFolder(out, loaded.recipe.name).folder / LOGS
    return list(read_fit(make(shown, out, watcher, logs=logs, until="trial-fit")["trial-fit"].folder).values())


def code_to_run(plan: Plan) -> list[Path]:
    """Return the Python files that a build's stages will import, but for the ready models."""
    files = {path.resolve() for step in plan.steps if not step.artifact for path in step.files.values()}
    ready = bundled("models").resolve()
    return sorted(path for path in files if path.suffix == ".py" and path.parent != ready)


def build(
    loaded: LoadedRecipe,
    out: Path,
    watcher: Watcher,
    *,
    jobs: int = 2,
    until: str | None = None,
    force: tuple[str, ...] = (),
) -> Result:
    """Bring a recipe's build folder up to date.

    Raises EdgeForgeError; whatever was finished before stays in the store, and the next build resumes there. The
    folder then shows what this build has finished; what an earlier one made of another recipe lies in `earlier/`.
    """
    place = BuildFolder(out, loaded.recipe.name)
    with storage_errors(out):
        place.folder.mkdir(parents=True, exist_ok=True)

    following = StateWatcher(watcher, place.folder / LOGS / STATE)

    def waiting(turn: int) -> None:
        if turn == 0:
            watcher.notice(f"another build is at work in {place.folder}; waiting for it to end")

    def planning(turn: int) -> None:
        if turn == 1:  # another build's plan takes less
            watcher.notice(f"another build is making its plan in {out}, or it is being cleaned; waiting for it to end")

    with place.store.lock(f"build-{place.name}", waiting):
        with place.store.lock(PLANNING, planning):
            plan = plan_build(loaded, out, until=until, force=force)
            note_plan(plan, place.folder)
        if code := code_to_run(plan):
            watcher.notice(f"it will run Python code of yours: {', '.join(map(str, code))}")
        set_aside(plan, place.folder, watcher.notice)
        work = Build(plan, place.store, place.folder / LOGS, following, jobs)
        try:
            with following.told(plan, place.store, jobs):
                work.run()
        finally:
            written = publish(plan, work.artifacts, place.folder, watcher.notice)
            if (place.folder / EARLIER).exists():
                watcher.notice(f"what an earlier build made and this one has not is in {place.folder / EARLIER}")
    return Result(plan, place.folder, work.artifacts, written)
