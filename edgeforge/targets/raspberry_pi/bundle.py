"""The stage `raspberry-pi`: one archive with models, preprocessing and scripts that need their runtimes alone."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge import __version__
from edgeforge.builder.stage import Job
from edgeforge.bundled import bundled
from edgeforge.data import pixels
from edgeforge.data.source import Clips
from edgeforge.data.splits import deployed_preprocessing, read_clips, read_split
from edgeforge.errors import RecipeError
from edgeforge.features import feature_library
from edgeforge.guards.text import one_line
from edgeforge.inputs import image_file, sound_file
from edgeforge.inputs.sound_file import wav_file
from edgeforge.results import head
from edgeforge.results.files import BUNDLE_ROW_FILE
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.targets.raspberry_pi.sound import feature_files, features_of_random_sound, hearing_facts
from edgeforge.targets.raspberry_pi.tarball import tar_gz
from edgeforge.targets.raspberry_pi.variants import Packed, chosen_variants, figures, pack_variant

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ONNX_PACKAGES, LITERT_PACKAGES = "requirements-onnxruntime.txt", "requirements-litert.txt"
SOUND_PACKAGES = "requirements-sound.txt"
SHARED = (pixels, image_file, sound_file, feature_library, head)  # the desk's own definitions, which the scripts import
SCRIPTS = (
    "bundle.py", "models.py", "classifier.py", "options.py", "images.py", "device.py", "perf_counters.py", "run.py",
    "bench.py", "selftest.py", "server.py", "page.py", "forms.py", "connections.py", "loadtest.py", "service.py",
    "windows.py", "hearing.py", "recordings.py",
    "install.sh", "requirements.txt", "requirements-images.txt", ONNX_PACKAGES, LITERT_PACKAGES,
    "requirements-server.txt", SOUND_PACKAGES,
)  # fmt: skip
EXECUTABLE = frozenset(["install.sh"])
SELF_TEST_IMAGES, SAMPLES = 16, 3
PICTURES = ("image_folder", "csv", "masks")  # sources that cut and resize any picture, so the device does too


def pack_raspberry_pi(job: Job) -> None:
    """Write NAME.tar.gz and its row of the report. Raises what pack_variant and chosen_variants raise."""
    settings, name = job.recipe.raspberry_pi, job.recipe.name
    assert settings
    preprocessing = deployed_preprocessing(job)
    _refuse_other_inputs(preprocessing)
    clips = read_clips(job.inputs["data"]) if preprocessing.sound else None
    raw = _self_test_images(job.inputs["data"], clips)
    images = preprocessing.apply(raw)
    made, left_out = chosen_variants(job)
    measured = figures(job)
    packed: dict[str, Packed] = {}
    for done, chosen in enumerate(made):
        job.progress(0.1 + 0.8 * done / len(made), f"preparing {chosen.variant.name}")
        packed[chosen.variant.name] = pack_variant(job, chosen, images, preprocessing)
    variants = {key: {**one.facts, "figures": measured.get(key, "")} for key, one in packed.items()}
    files = {one.file: one.data for one in packed.values()}
    files |= _settings(job, variants, preprocessing) | _texts(job, variants, preprocessing)
    proof = {"images": raw, **{key: one.outputs for key, one in packed.items()}}
    said = _said(preprocessing, raw, next(iter(packed.values())).outputs)
    if preprocessing.sound and clips:
        proof |= {"sound": clips.samples, "random": features_of_random_sound(preprocessing.sound)}
        files |= feature_files(preprocessing.sound) | _sample_clips(clips.samples, said, preprocessing.sound.rate_hz)
    else:
        files |= _samples(raw, said, preprocessing)
    files["selftest.npz"] = _npz(proof)
    job.progress(0.9, "packing")
    archive = tar_gz(name, files, EXECUTABLE)
    (job.output / f"{name}.tar.gz").write_bytes(archive)
    row = {"bundle": f"raspberry-pi/{name}.tar.gz", "size_bytes": len(archive), "format": settings.format,
           "optimize": settings.optimize, "left_out": left_out,
           "goldens": {key: one.origin for key, one in packed.items()},
           "findings": [one.finding.model_dump() for one in packed.values() if one.finding],
           "files": {one.file: len(one.data) for one in packed.values()}}  # fmt: skip
    (job.output / BUNDLE_ROW_FILE).write_text(json.dumps(row, indent=1))
    job.progress(1.0, f"{len(archive) / 1024:,.1f} KB")


def _refuse_other_inputs(preprocessing: Preprocessing) -> None:
    if preprocessing.raw_type != "uint8" and not preprocessing.sampling:
        raise RecipeError(
            f"raspberry_pi: its scripts take images of bytes, windows and sound; this model's inputs are "
            f"{preprocessing.raw_type} arrays",
            fix="leave raspberry_pi out of the recipe",
        )


def _said(preprocessing: Preprocessing, raw: NDArray[Any], outputs: NDArray[np.float32]) -> list[str]:
    """Return what each head says of raw inputs (N,C,H,W), by outputs (N,outputs) of them."""
    parts = [outputs[:, part] for part in preprocessing.slices().values()]
    again = preprocessing.heads[0].kind == "reconstruction"
    given = preprocessing.as_outputs(raw) if again else [None] * len(raw)
    return [
        " ".join(head.say(part[number], given[number]) for head, part in zip(preprocessing.heads, parts, strict=True))
        for number in range(len(raw))
    ]


def _self_test_images(data: Path, clips: Clips | None) -> NDArray[np.uint8]:
    """Return test images (N,C,H,W uint8), evenly spaced over the test split; of sound those of the clips."""
    import numpy as np

    raw, _ = read_split(data, "test")
    if clips is not None:
        return raw[clips.places]
    return raw[np.unique(np.linspace(0, len(raw) - 1, SELF_TEST_IMAGES).astype(int))]


def _settings(job: Job, variants: dict[str, Any], preprocessing: Preprocessing) -> dict[str, bytes]:
    """Return what the scripts read: bundle.json, preprocessing.json, labels.txt."""
    facts = {"name": job.recipe.name, "any_size": job.recipe.data.source in PICTURES, "variants": variants}
    if preprocessing.sound:
        facts["hearing"] = hearing_facts(job, preprocessing)
    pixels = json.loads(preprocessing.to_json())
    del pixels["classes"]
    for one in pixels["heads"]:
        one |= {key: one_line(one[key]) for key in ("name", "unit")}
        one["classes"] = [one_line(label) for label in one["classes"]]
    return {
        "bundle.json": json.dumps(facts, indent=1).encode() + b"\n",
        "preprocessing.json": json.dumps(pixels, indent=1, sort_keys=True).encode() + b"\n",
        "labels.txt": "".join(f"{label}\n" for label in pixels["heads"][0]["classes"]).encode(),
    }


def _texts(job: Job, variants: dict[str, dict[str, Any]], preprocessing: Preprocessing) -> dict[str, bytes]:
    """Return the scripts as they stand in firmware/raspberry_pi, and its README rendered."""
    import onnxruntime
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    folder, name, settings = bundled("firmware/raspberry_pi"), job.recipe.name, job.recipe.raspberry_pi
    assert settings
    environment = Environment(loader=FileSystemLoader(folder), undefined=StrictUndefined, keep_trailing_newline=True,
                              autoescape=False, trim_blocks=True)  # fmt: skip
    tflite = {key for key, one in variants.items() if one["file"].endswith(".tflite")}
    onnx = [key for key in variants if key not in tflite]
    facts = {"name": name, "variants": variants, "onnx": onnx, "tflite": sorted(tflite), "shape": preprocessing.shape,
             "answers": _answers(preprocessing), "format": settings.format, "optimize": settings.optimize,
             "sampling": preprocessing.sampling, "sound": preprocessing.sound, "example": _example(preprocessing),
             "axes": one_line(", ".join(preprocessing.sampling.axes if preprocessing.sampling else ())),
             "any_size": job.recipe.data.source in PICTURES, "onnxruntime": onnxruntime.__version__,
             "edgeforge": __version__}  # fmt: skip
    readme = environment.get_template("README.md.j2").render(facts).encode()
    needed = {ONNX_PACKAGES: onnx, LITERT_PACKAGES: tflite, SOUND_PACKAGES: preprocessing.sound}
    scripts = [folder / script for script in SCRIPTS if needed.get(script, True)]
    shared = (Path(str(module.__file__)) for module in SHARED)
    return {"README.md": readme} | {file.name: file.read_bytes() for file in (*shared, *scripts)}


def _answers(preprocessing: Preprocessing) -> str:
    """Say what each head answers: `10 classes (labels.txt)`, `shape: 3 classes (labels.txt); hertz: a value in Hz`."""
    heads = preprocessing.heads
    names = [f"{head.name}: " if len(heads) > 1 else "" for head in heads]
    texts = [f"{name}{head.described}" for name, head in zip(names, heads, strict=True)]
    texts[0] += " (labels.txt)" if heads[0].classes else ""
    return one_line("; ".join(texts))


def _example(preprocessing: Preprocessing) -> str:
    """Return what somebody's own file may be called."""
    return "word.wav" if preprocessing.sound else "window.csv" if preprocessing.sampling else "photo.png"


def _npz(arrays: dict[str, Any]) -> bytes:
    """Return the bytes of an .npz file; numpy dates its members 1980, so they are the same each time."""
    import numpy as np

    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def _samples(raw: NDArray[np.uint8], said: list[str], preprocessing: Preprocessing) -> dict[str, bytes]:
    """Return the first images as PNG files, white being 255, named by what the float model says of them."""
    import numpy as np
    from PIL import Image

    channels = preprocessing.shape[0]
    if preprocessing.sampling:
        return _sample_windows(raw, said, preprocessing.sampling.axes)
    if channels not in (1, 3):
        return {}
    files = {}
    for number, image in enumerate(raw[:SAMPLES]):
        pixels = np.rint(image * (255.0 / preprocessing.raw_max)).clip(0, 255).astype(np.uint8)
        picture = Image.fromarray(pixels[0] if channels == 1 else pixels.transpose(1, 2, 0))
        buffer = io.BytesIO()
        picture.save(buffer, "PNG")
        files[f"samples/{number}-{_in_a_name(said[number])}.png"] = buffer.getvalue()
    return files


def _sample_windows(raw: NDArray[Any], said: list[str], axes: tuple[str, ...]) -> dict[str, bytes]:
    """Return the first windows as csv files, a line a sample; float32 reads back as it was."""
    files = {}
    for number, window in enumerate(raw[:SAMPLES]):
        lines = [",".join(one_line(axis) for axis in axes)]
        lines += [",".join(repr(float(value)) for value in sample) for sample in window[:, 0].T]
        files[f"samples/{number}-{_in_a_name(said[number])}.csv"] = ("\n".join(lines) + "\n").encode()
    return files


def _sample_clips(clips: NDArray[np.int16], said: list[str], rate_hz: int) -> dict[str, bytes]:
    """Return the first clips as .wav files."""
    found = zip(clips[:SAMPLES], said, strict=False)
    return {f"samples/{number}-{_in_a_name(label)}.wav": wav_file(clip, rate_hz)
            for number, (clip, label) in enumerate(found)}  # fmt: skip


def _in_a_name(label: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in label)[:40]
