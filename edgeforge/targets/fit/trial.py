"""The stage `trial-fit`: whether the network will fit the recipe's boards, asked of random weights before it trains.

Arena, flash and operators follow from the layers' shapes, so that nobody need train to know them. Calibration is on
the real inputs. After training `fit` asks again, of the real model.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from edgeforge.builder.stage import Job
from edgeforge.data.representative import read_calibration
from edgeforge.data.splits import read_preprocessing
from edgeforge.evaluate.engines.judge import refused
from edgeforge.export.onnx import write_onnx
from edgeforge.quantize.tflite.convert import convert_variants
from edgeforge.quantize.tflite.passes.order import finished
from edgeforge.quantize.tflite.prepared import prepared
from edgeforge.quantize.tflite.ptq import Source
from edgeforge.recipe.sections.quantize import PTQ, TFLiteVariant
from edgeforge.results.files import ONNX_FLOAT_FILE
from edgeforge.results.preprocessing import with_preprocessing
from edgeforge.results.variant import TFLITE_INT8
from edgeforge.targets.fit.stage import write_fit
from edgeforge.train.prune.untrained import untrained_network

CONVERTED: dict[str, TFLiteVariant] = {
    "tflite-float32": "float32",
    "tflite-float16": "float16",
    "tflite-dynamic": "dynamic",
}


def judge_untrained(job: Job) -> None:
    """Write fit.json, a FitRow for every target, and packed.tflite, of the network as it is before training.

    What ships by quantization-aware training is judged as tflite-int8, which takes the same; so is tflite-mixed, which
    takes that at least. There are no rows of a finished model, which is not trained: `fit` itself says it as soon; and
    none of TensorFlow's converter, which takes minutes.
    Raises BudgetExceeded as `fit` does, and RecipeError or StageFailed for a network that cannot be exported.
    """
    if job.recipe.model.finished or job.recipe.quantize.tflite.backend == "tensorflow":
        write_fit(job, b"", refused)
        return
    preprocessing = read_preprocessing(job.inputs["data"])
    network = untrained_network(job, preprocessing)
    job.progress(0.1, "exporting the untrained network")
    with TemporaryDirectory() as folder:
        source = Path(folder) / ONNX_FLOAT_FILE
        write_onnx(network, preprocessing, source)
        job.progress(0.4, "converting it")
        model = _shipped(job, source)
    job.progress(0.8, "judging it")
    write_fit(job, with_preprocessing(model, preprocessing) if model else b"", refused)


def _shipped(job: Job, source: Path) -> bytes:
    """Return the variant that ships of a float .onnx file; empty where it cannot be made, as its own row will say."""
    quantize = job.recipe.quantize
    ship = quantize.ship or TFLITE_INT8
    samples = read_calibration(job.inputs["calibration"])
    entry = next((one for one in quantize.ptq if one.variant == ship), None)
    kind: TFLiteVariant = "float32" if entry else CONVERTED.get(ship, "int8")
    if kind == "int8" and not quantize.qat and "int8" not in quantize.tflite.variants:
        return b""
    settings = quantize.tflite.model_copy(update={"variants": (kind,)})
    made = convert_variants(source, samples, settings, lambda share, text: None).variants[kind]
    if isinstance(made, Exception):
        return b""
    if entry is None:
        return made
    maker = Source(prepared(made), samples, job.recipe.seed, bool(settings.per_channel_dense))
    return finished(maker.make(_plain(entry)).model, None, compact=settings.compact)


def _plain(entry: PTQ) -> PTQ:
    """Return an entry without what changes values alone: its corrections, and PyTorch's ranges."""
    values = entry.model_copy(update={"adaround": None, "bias_correction": False, "equalize": False})
    return values.model_copy(update={"ranges": "calibrated"})
