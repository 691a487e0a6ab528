"""The stage `raspberry-pi`: one archive with models, preprocessing and scripts that need ONNX Runtime alone."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge import __version__
from edgeforge.builder.stage import Job
from edgeforge.bundled import bundled
from edgeforge.data import pixels
from edgeforge.data.splits import read_preprocessing, read_split
from edgeforge.errors import ParityError, RecipeError
from edgeforge.guards.text import one_line
from edgeforge.inputs import image_file
from edgeforge.results.files import BUNDLE_ROW_FILE
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.results.rows.calibration import Finding
from edgeforge.results.variant import Variant, read_variants
from edgeforge.runtimes.onnxruntime import OnnxRunner
from edgeforge.targets.raspberry_pi.goldens import golden_outputs
from edgeforge.targets.raspberry_pi.graph_optimization import optimize_for_arm
from edgeforge.targets.raspberry_pi.tarball import tar_gz

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SCRIPTS = (
    "classifier.py", "images.py", "device.py", "perf_counters.py", "run.py", "bench.py", "selftest.py", "server.py",
    "connections.py",
    "loadtest.py", "install.sh", "requirements.txt", "requirements-server.txt",
)  # fmt: skip
EXECUTABLE = frozenset(["install.sh"])
SELF_TEST_IMAGES, SAMPLES = 16, 3
# Another processor sums floats in another order; a wrong weight or layout is off by orders of magnitude more.
FP32_TOLERANCE = 1e-4  # of the logits' range
# Its int8 kernels may round the other way wherever a tensor is quantized, and the layers after it carry that on:
# errors of one step each, taken as independent, add up to the square root of their number. MobileNetV2 was 4 steps
# apart on x86 and on an emulated aarch64; an engine that saturates is 16 apart on a net of three layers.
INT8_STEPS = 2  # at least
INT8_TOLERANCE = 0.02  # of the logits' range, where the output itself is not quantized


def pack_raspberry_pi(job: Job) -> None:
    """Write NAME.tar.gz and its row of the report.

    Raises ParityError when an optimised float model computes something else than the one it was made from. For int8
    the arithmetic of this desk may be why: its goldens are then the reference's, and the report says so.
    """
    settings, name = job.recipe.raspberry_pi, job.recipe.name
    assert settings
    preprocessing = read_preprocessing(job.inputs["data"])
    _refuse_what_the_scripts_cannot_say(preprocessing)
    raw = _self_test_images(job.inputs["data"])
    images = preprocessing.apply(raw)
    files: dict[str, bytes] = {}
    variants: dict[str, dict[str, Any]] = {}
    outputs: dict[str, NDArray[np.float32]] = {}
    origins: dict[str, str] = {}
    findings: list[Finding] = []
    made, left_out = _variants(job)
    for done, (key, (source, variant)) in enumerate(made.items()):
        job.progress(0.1 + 0.4 * done, f"optimising {source.name}")
        target = job.scratch / f"{name}_{key}.{settings.format}"
        optimize_for_arm(source, target, settings.optimize)
        goldens = golden_outputs(target, source, images, int8=key == "int8", step=variant.extra.get("output_scale"))
        outputs[key], origins[key] = goldens.outputs, goldens.origin
        findings += [goldens.finding] if goldens.finding else []
        tolerance, meaning = _tolerance(key, outputs[key], variant, source)
        if key == "fp32" and not goldens.finding:
            difference = float(abs(outputs[key] - OnnxRunner(source).run(images)).max())
            if difference > tolerance:
                raise ParityError(
                    f"{target.name} differs from {source.name} by {difference:.3g} "
                    f"(allowed {tolerance:.3g}: {meaning})",
                    fix="try raspberry_pi.optimize: basic",
                )
        data = target.read_bytes()
        files[f"models/{target.name}"] = data
        variants[key] = {"file": f"models/{target.name}", "bytes": len(data), "tolerance": tolerance,
                         "sha256": hashlib.sha256(data).hexdigest(), "tolerance_is": meaning}  # fmt: skip
    files |= _settings(name, variants, preprocessing) | _texts(job, list(variants), preprocessing)
    files["selftest.npz"] = _npz({"images": raw, **outputs})
    files |= _samples(raw, outputs["fp32"].argmax(1).tolist(), preprocessing)
    job.progress(0.9, "packing")
    archive = tar_gz(name, files, EXECUTABLE)
    (job.output / f"{name}.tar.gz").write_bytes(archive)
    row = {"bundle": f"raspberry-pi/{name}.tar.gz", "size_bytes": len(archive), "format": settings.format,
           "optimize": settings.optimize, "left_out": left_out,
           "goldens": origins, "findings": [finding.model_dump() for finding in findings],
           "files": {facts["file"]: facts["bytes"] for facts in variants.values()}}  # fmt: skip
    (job.output / BUNDLE_ROW_FILE).write_text(json.dumps(row, indent=1))
    job.progress(1.0, f"{len(archive) / 1024:,.1f} KB")


def _refuse_what_the_scripts_cannot_say(preprocessing: Preprocessing) -> None:
    heads = preprocessing.heads
    if len(heads) > 1 or not heads[0].classes or preprocessing.raw_type != "uint8":
        names = ", ".join(f"'{head.name}'" for head in heads)
        raise RecipeError(
            f"raspberry_pi: its scripts answer with the class of an image; this model's heads are {names}, "
            f"of {preprocessing.raw_type} inputs",
            fix="leave raspberry_pi out of the recipe",
        )


def _variants(job: Job) -> tuple[dict[str, tuple[Path, Variant]], str]:
    """Return fp32, and int8 where it was made, as (file, Variant); and why there is no int8."""
    made = {}
    left_out = "the recipe has quantize.onnx.static: false"
    for key, stage in (("fp32", "onnx"), ("int8", "onnx-int8")):
        for variant in read_variants(job.inputs[stage]):
            if variant.file:
                made[key] = (job.inputs[stage] / variant.file, variant)
            left_out = variant.reason
    return made, left_out


def _self_test_images(data: Path) -> NDArray[np.uint8]:
    """Return test images (N,C,H,W uint8), evenly spaced over the test split."""
    import numpy as np

    raw, _ = read_split(data, "test")
    return raw[np.unique(np.linspace(0, len(raw) - 1, SELF_TEST_IMAGES).astype(int))]


def _tolerance(key: str, logits: NDArray[np.float32], variant: Variant, source: Path) -> tuple[float, str]:
    """Return by how much a device's logits may differ from the desk's, and what that is."""
    import onnx

    spread = float(logits.max() - logits.min())
    if key == "fp32":
        return FP32_TOLERANCE * spread, f"{FP32_TOLERANCE:g} of the logits' range"
    scale = variant.extra.get("output_scale")
    if scale:
        quantized = sum(node.op_type == "QuantizeLinear" for node in onnx.load(source).graph.node)
        steps = max(INT8_STEPS, round(quantized**0.5))
        return steps * scale * (1 + 1e-4), f"{steps} steps of the output's scale"
    return INT8_TOLERANCE * spread, f"{INT8_TOLERANCE:g} of the logits' range"


def _settings(name: str, variants: dict[str, Any], preprocessing: Preprocessing) -> dict[str, bytes]:
    """Return what the scripts read: bundle.json, preprocessing.json, labels.txt."""
    pixels = json.loads(preprocessing.to_json())
    labels = [" ".join(label.split()) for label in pixels.pop("classes")]  # one a line
    return {
        "bundle.json": json.dumps({"name": name, "variants": variants}, indent=1).encode() + b"\n",
        "preprocessing.json": json.dumps(pixels, indent=1, sort_keys=True).encode() + b"\n",
        "labels.txt": "".join(f"{one_line(label)}\n" for label in labels).encode(),
    }


def _texts(job: Job, variants: list[str], preprocessing: Preprocessing) -> dict[str, bytes]:
    """Return the scripts as they stand in firmware/raspberry_pi, and its templates rendered."""
    import onnxruntime
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    folder, name, settings = bundled("firmware/raspberry_pi"), job.recipe.name, job.recipe.raspberry_pi
    assert settings
    environment = Environment(loader=FileSystemLoader(folder), undefined=StrictUndefined, keep_trailing_newline=True,
                              autoescape=False)  # fmt: skip
    facts = {"name": name, "variants": variants, "shape": preprocessing.shape, "labels": len(preprocessing.classes),
             "format": settings.format, "optimize": settings.optimize, "onnxruntime": onnxruntime.__version__,
             "edgeforge": __version__}  # fmt: skip
    templates = {"README.md.j2": "README.md", "edgeforge.service.j2": f"edgeforge-{name}.service"}
    texts = {file: environment.get_template(template).render(facts).encode() for template, file in templates.items()}
    # images.py opens and resizes by the desk's own definitions.
    shared = (Path(str(module.__file__)) for module in (pixels, image_file))
    return texts | {file.name: file.read_bytes() for file in (*shared, *(folder / script for script in SCRIPTS))}


def _npz(arrays: dict[str, Any]) -> bytes:
    """Return the bytes of an .npz file; numpy dates its members 1980, so they are the same each time."""
    import numpy as np

    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def _samples(raw: NDArray[np.uint8], predicted: list[int], preprocessing: Preprocessing) -> dict[str, bytes]:
    """Return the first images as PNG files, white being 255, named by what the float model says of them."""
    import numpy as np
    from PIL import Image

    channels = preprocessing.shape[0]
    if channels not in (1, 3):
        return {}
    files = {}
    for number, image in enumerate(raw[:SAMPLES]):
        pixels = np.rint(image * (255.0 / preprocessing.raw_max)).clip(0, 255).astype(np.uint8)
        picture = Image.fromarray(pixels[0] if channels == 1 else pixels.transpose(1, 2, 0))
        buffer = io.BytesIO()
        picture.save(buffer, "PNG")
        label = "".join(letter if letter.isalnum() else "_" for letter in preprocessing.classes[predicted[number]])
        files[f"samples/{number}-{label[:40]}.png"] = buffer.getvalue()
    return files
