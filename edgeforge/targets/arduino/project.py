"""The Arduino project around a TFLite model: the templates of firmware/arduino, rendered with a model's facts.

It needs neither a build nor a data set: `write_project(folder, facts)` serves a recipe's build and any other model.
"""

from __future__ import annotations

import re
import textwrap
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge import __version__
from edgeforge.bundled import bundled
from edgeforge.guards.text import comment, one_line, quoted
from edgeforge.hardware.arduino_platforms import in_the_ide, pinned
from edgeforge.hardware.board import Board
from edgeforge.hardware.libraries import Library
from edgeforge.hardware.op_resolver import resolver_method
from edgeforge.results.head import KINDS, Head
from edgeforge.results.preprocessing import Preprocessing, RawInput
from edgeforge.results.rows.sound.listening import ListeningRow
from edgeforge.targets.arduino.camera import camera_for
from edgeforge.targets.arduino.golden_vectors import TestVector
from edgeforge.targets.arduino.on_engine.sources import FOLDER as ENGINE_FOLDER
from edgeforge.targets.arduino.on_engine.sources import EngineSources, in_sketch
from edgeforge.targets.arduino.sound.hearing import C_NAMES, hearing
from edgeforge.targets.arduino.sound.hearing import FOLDER as FEATURES_FOLDER
from edgeforge.targets.arduino.sound.hearing import in_sketch as sound_sources
from edgeforge.tflite.graph import Graph
from edgeforge.tflite.tensor_spec import TensorSpec
from edgeforge.tflite.tensors import from_output, specs_of_one_type, to_input

if TYPE_CHECKING:
    from numpy.typing import NDArray

MEANINGS = {"classes": "kClasses", "yes_no": "kYesNo", "value": "kValue", "reconstruction": "kReconstruction",
            "map": "kMap"}  # fmt: skip
COMMENT_WIDTH = 112  # columns of a wrapped comment
MODEL_FILES = ("model.cc.j2",)  # the .tflite, which TFLM reads
HEARING_FILES = ("hearing.cc.j2", "hearing.h.j2")  # of a model that takes sound
STREAM_FILES = ("stream.cc.j2", "stream.h")  # of both: samples to the host and from it
CAMERA_FILES = ("resize.cc", "resize.h")  # of no use without one
WINDOW_FILES = ("window.cc", "window.h", "sample.cc.j2", "sample.h.j2")  # for samples of a sensor, one after the other
# Words of C++ that would be a name else, and what Arduino's header calls so.
KEYWORDS = (
    "alignas alignof and asm auto bit bitor bool boolean break byte case catch char class compl const continue default "
    "delete do double else enum explicit export extern false float for friend goto if inline int long mutable "
    "namespace new not nullptr operator or private prepare protected public register return short signed sizeof static "
    "struct switch template this throw true try typedef typeid typename union unsigned using virtual void volatile "
    "while word xor"
)
C_WORDS = frozenset(KEYWORDS.split())
HELD_SHARE = 10  # a tenth of a window at most is one sample again and again, where samples were lost
MOTION = ("ax", "ay", "az", "gx", "gy", "gz")  # axes that the motion sensors' libraries give


@dataclass(frozen=True)
class ProjectFacts:
    """All that a project is made of.

    name: also the folder's and the sketch's. flatbuffer: the model, without what may be appended to its file.
    operators: their TFLite names, for the op resolver. arena_bytes: what the sketch reserves; arena_note: why, for
    the comment above it. boards: those that the model fits. vectors: see `golden_vectors.choose_vectors`; none where
    flash is short of one.
    model_crc32: by which a host knows the model: of the file that `flatbuffer` was made of, where they differ.
    """

    name: str
    flatbuffer: bytes
    preprocessing: Preprocessing
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]  # of several types: the sketch gives real numbers
    operators: tuple[str, ...]
    arena_bytes: int
    arena_note: str
    boards: tuple[Board, ...]
    vectors: tuple[TestVector, ...]
    library: Library
    model_crc32: int | None = None
    real: bool = True  # the vectors' inputs are real ones, not pseudo-random
    listening: ListeningRow | None = None  # what a build of sound has chosen
    engine: EngineSources | None = None  # what computes the model instead of the TFLM library


def write_project(folder: Path, facts: ProjectFacts) -> None:
    """Write the project into `folder`, which must be new and called as the project is: the Arduino IDE asks for that.

    Raises StageFailed for an operator that TFLM's op resolver has no method for.
    """
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    values = _template_values(facts)
    sources = bundled("firmware/arduino")

    def source_of(file: str) -> str:
        # Before rendering: what stands in somebody's labels is no namespace.
        text = in_namespace((sources / file).read_text(), namespace_of(facts.name))
        return C_NAMES.sub(rf"{namespace_of(facts.name)}_\1_", text) if file in HEARING_FILES else text

    environment = Environment(
        loader=FunctionLoader(source_of), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, autoescape=False,
    )  # fmt: skip
    environment.filters |= {
        "c_array": c_array, "c_values": c_values, "c_float": c_float, "c_string": c_string, "c_type": c_type,
        "product": prod, "wrapped": wrapped, "comment": comment, "one_line": one_line, "quoted": quoted,
        "cut_step": cut_step,
    }  # fmt: skip
    folder.mkdir(parents=True)
    for source in sorted(sources.iterdir()):
        left_out = (
            *(CAMERA_FILES if not values["camera"] else ()),
            *(WINDOW_FILES if not facts.preprocessing.sampling else ()),
            *(HEARING_FILES if not values["hearing"] else ()),
            *(STREAM_FILES if not values["streams"] else ()),
            *(MODEL_FILES if facts.engine else ()),
        )
        if source.is_dir() or source.name in left_out:
            continue
        rendered = source.suffix == ".j2"
        text = environment.get_template(source.name).render(values) if rendered else source_of(source.name)
        file = source.name.removesuffix(".j2")
        file = f"{facts.name}.ino" if file == "sketch.ino" else file
        (folder / file).write_text(text)
    beside = {
        f"{ENGINE_FOLDER}/{file}": text for file, text in (in_sketch(facts.engine) if facts.engine else {}).items()
    }
    if values["hearing"] and facts.preprocessing.sound:
        own = sound_sources(facts.preprocessing.sound, namespace_of(facts.name))
        beside |= {f"{FEATURES_FOLDER}/{file}": text for file, text in own.items()}
    for file, text in beside.items():
        place = folder / file
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)


def namespace_of(name: str) -> str:
    """Return the C++ namespace of a project's code, so that two projects may stand in one sketch.

    Never the name alone: no keyword, macro or function of C's library ends in `_model`, as `switch` or `sin` would.
    """
    words = re.sub(r"[^a-zA-Z0-9]+", "_", name).strip("_")
    return words if words.endswith("_model") else f"{words}_model"


def in_namespace(text: str, namespace: str) -> str:
    """Return a source of firmware/arduino, which stands in the namespace `edgeforge`, in another one."""
    return re.sub(r"\bnamespace edgeforge\b", f"namespace {namespace}", text).replace("edgeforge::", f"{namespace}::")


def _template_values(facts: ProjectFacts) -> dict[str, Any]:
    # Not dataclasses.asdict: it would turn the boards and heads into plain dictionaries.
    values = {name: getattr(facts, name) for name in ProjectFacts.__dataclass_fields__}
    graph = Graph(facts.flatbuffer)
    heard = hearing(facts.preprocessing, facts.outputs[0], facts.listening)
    kinds = [kind for kind in KINDS if any(head.kind == kind for head in facts.preprocessing.heads)]
    one, several = facts.inputs[0], len(facts.inputs) > 1
    return values | {
        "input": one,
        "ends": _inputs(facts),
        "several": several,
        "mixed": len({spec.dtype for spec in facts.outputs}) > 1,
        "given_outputs": facts.outputs,
        "outputs": specs_of_one_type(facts.outputs),
        "boards": [(board, pinned(board.fqbn)) for board in facts.boards],
        "platforms": _platforms(facts.boards),
        "lights": _lights(facts.boards),
        "model_crc32": zlib.crc32(facts.flatbuffer) if facts.model_crc32 is None else facts.model_crc32,
        "runtime": "engine" if facts.engine else "tflm",
        "library_title": f"EdgeForge's engine {__version__}" if facts.engine else facts.library.title,
        "tolerance": 0 if facts.engine else facts.library.tolerance(facts.operators),
        "tolerance_reason": "" if facts.engine else _tolerance_reason(facts.library, facts.operators),
        "methods": [] if facts.engine else [resolver_method(operator) for operator in sorted(set(facts.operators))],
        "meanings": MEANINGS,
        "kinds": kinds,
        "keeps_input": "reconstruction" in kinds,
        "stateful": graph.stateful,
        "resources": len(graph.resources),
        "hearing": heard,
        "streams": bool(heard or facts.preprocessing.sampling),
        **_sampling(facts.preprocessing),
        "camera": None if several else camera_for(facts.preprocessing, facts.boards, facts.arena_bytes, facts.library),
        "model_namespace": namespace_of(facts.name),
    }


def _inputs(facts: ProjectFacts) -> list[dict[str, Any]]:
    """Return what the templates need of each input: its C name, raw values, tensor, and what bytes become in it."""
    every = facts.preprocessing.every_input
    names = c_names([one.name or "input" for one in every])
    return [
        {"c_name": name, "raw": one, "spec": spec, "limits": _limits(spec.dtype), "table": input_table(one, spec)}
        for name, one, spec in zip(names, every, facts.inputs, strict=True)
    ]


def c_names(names: Sequence[str]) -> list[str]:
    """Return a name in C for each of some names, no two alike: lower case, since macros are upper case as a rule."""
    found: list[str] = []
    for name in names:
        plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:40]
        plain = plain if re.match("[a-z]", plain) and plain not in C_WORDS else f"input_{plain}".rstrip("_")
        while plain in found:
            plain += "_"
        found.append(plain)
    return found


def _sampling(preprocessing: Preprocessing) -> dict[str, Any]:
    """Return how samples are taken: their period, and which of a motion sensor's kinds (`a`, `g`) are the axes."""
    sampling, sound = preprocessing.sampling, preprocessing.sound
    if sampling is None:
        rate = 1000 * sound.rate_hz if sound else 0
        return {"period_micros": 0, "milli_hertz": rate, "motion": "", "most_held": 0, "axes": ""}
    names = [axis.lower() for axis in sampling.axes]
    known = set(names) <= set(MOTION)
    motion = "".join(kind for kind in "ag" if known and any(name[0] == kind for name in names))
    held = max(1, preprocessing.shape[2] // HELD_SHARE)
    return {"period_micros": round(1e6 / sampling.rate_hz), "milli_hertz": round(1000 * sampling.rate_hz),
            "motion": motion, "most_held": held, "axes": ",".join(map(one_line, sampling.axes))}  # fmt: skip


def _platforms(boards: tuple[Board, ...]) -> list[dict[str, Any]]:
    """Return each platform that the boards need: its name in the IDE, version, index, and boards."""
    found: dict[str, dict[str, Any]] = {}
    for board in boards:
        if board.fqbn:
            pin = pinned(board.fqbn)
            known = in_the_ide(pin.platform)
            facts = {
                "title": one_line(known.title),
                "version": pin.version,
                "index": pin.index_url,
            }
            found.setdefault(pin.platform, facts | {"boards": []})["boards"].append(one_line(board.title))
    return list(found.values())


def _lights(boards: tuple[Board, ...]) -> list[str]:
    """Return what is known of each board's own light, or that nothing is, and what those of a platform say."""
    said: dict[str, list[str]] = {}  # what is said → of which boards
    for board in boards:
        said.setdefault(board.light or "which pin the light is on is not known here", []).append(one_line(board.title))
    for board in boards:
        if board.fqbn and (lights := in_the_ide(pinned(board.fqbn).platform).lights):
            said.setdefault(lights, []).append(one_line(board.title))
    return [f"{', '.join(titles)}: {text}." if len(boards) > 1 else f"{text[0].upper()}{text[1:]}."
            for text, titles in said.items()]  # fmt: skip


def _tolerance_reason(library: Library, operators: tuple[str, ...]) -> str:
    """Return why a board may differ from the desk, and in which operators; empty where it may not."""
    if library.tolerance(operators) == 0:
        return ""
    unproven = sorted(set(operators) - library.exact_operators)
    return f"{', '.join(unproven)}: {library.tolerance_reason}"


def input_table(one: RawInput, spec: TensorSpec) -> NDArray[Any] | None:
    """Return what each raw byte becomes in the input tensor (channels, 256 of its type); None for other raw values."""
    import numpy as np

    if one.raw_type != "uint8":
        return None
    channels = one.shape[0]
    every = np.broadcast_to(np.arange(256, dtype=np.uint8), (channels, 256))
    images = every.reshape(1, channels, 1, 256)  # N,C,H,W: 256 pixels in a row
    return np.ascontiguousarray(to_input(one.apply(images), spec)[0, 0].T)


def _limits(dtype: str) -> tuple[int, int]:
    """Return what an integer type can hold; nothing is clipped in float32."""
    import numpy as np

    if dtype == "float32":
        return 0, 0
    return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)


def c_array(values: Any, columns: int = 12, indent: int = 4) -> str:
    """Return the initialiser of a C array, `columns` numbers a line, bytes in hexadecimal."""
    import numpy as np

    if isinstance(values, bytes):
        flat: Iterable[str] = [f"0x{value:02x}" for value in values]
    else:
        array = np.asarray(values)
        flat = map(c_float if array.dtype.kind == "f" else str, array.ravel().tolist())
    texts = list(flat)
    lines = [", ".join(texts[start : start + columns]) for start in range(0, len(texts), columns)]
    return (",\n" + " " * indent).join(lines)


def c_values(record: Any, columns: int = 20) -> str:
    """Return the initialiser of one input's values; of several inputs that of a struct with an array for each."""
    if not record.dtype.names:
        return c_array(record, columns)
    return "{" + ", ".join(f"{{{c_array(record[name], columns, 8)}}}" for name in record.dtype.names) + "}"


def cut_step(head: Head, output: TensorSpec) -> int:
    """Return the least quantized output that says yes, by the desk's own comparison; one beyond all where none does.

    0 of float outputs, and of heads that do not say yes or no.
    """
    import numpy as np

    if output.scale is None or not head.decides or head.cut is None:
        return 0
    limits = np.iinfo(output.dtype)
    steps = np.arange(limits.min, limits.max + 1)
    yes = from_output(steps, output) >= np.float32(head.cut)
    return int(steps[yes.argmax()]) if yes.any() else int(limits.max) + 1


def c_float(value: float) -> str:
    """Return a C float literal that reads back as the same 32-bit float."""
    import numpy as np

    text = np.format_float_scientific(np.float32(value), unique=True, trim="0")
    return f"{text}f"


def c_string(text: str) -> str:
    """Return a C string literal of the text in UTF-8; only printable ASCII stands in it unescaped."""
    escaped = "".join(_c_character(byte) for byte in text.encode(errors="replace"))
    return f'"{escaped}"'


def _c_character(byte: int) -> str:
    if byte in b'"\\':
        return f"\\{byte:c}"
    # Three octal digits: unlike \x, they end there. A question mark could begin a trigraph.
    return f"{byte:c}" if 32 <= byte < 127 and byte != ord("?") else f"\\{byte:03o}"


def c_type(dtype: str) -> str:
    """Return the C type of a tensor's elements."""
    return {"int8": "int8_t", "uint8": "uint8_t", "int16": "int16_t", "int32": "int32_t", "float32": "float"}[dtype]


def wrapped(text: str) -> list[str]:
    """Return the lines of a comment."""
    return [comment(line) for line in textwrap.wrap(one_line(text), COMMENT_WIDTH)]
