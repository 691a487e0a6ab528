"""Which PyTorch module an operator of a build's .tflite came from: told by the .onnx and float .tflite beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edgeforge.errors import EdgeForgeError
from edgeforge.results.files import JSON_FILE, QAT_FLOAT_FILE, QAT_ONNX_FILE, QDQ_FLOAT_FILE, published
from edgeforge.results.report_file import read_report
from edgeforge.results.variant import ONNX_FLOAT, TFLITE_FLOAT, TFLITE_QAT, TFLITE_QDQ
from edgeforge.tflite.check.read import read_file
from edgeforge.tflite.graph import Graph
from edgeforge.tflite.layer_match import match
from edgeforge.tflite.module_names import module_names


def modules_of(path: Path, graph: Graph) -> dict[int, str]:
    """Return operator's place → dotted module name for a .tflite in a build's folder; empty for any other file."""
    folder = path.resolve().parent.parent
    if not (folder / JSON_FILE).is_file():
        return {}
    try:
        report = read_report(folder)
        files = {row.name: folder / row.file for row in report.variants if row.file}
        shown = next((name for name, file in files.items() if file.resolve() == path.resolve()), "")
        floating, onnx_file = _ends(folder, report.recipe, shown, files)
        if floating is None or onnx_file is None or not floating.is_file() or not onnx_file.is_file():
            return {}
        plain = Graph(read_file(floating))
        named = module_names(plain.model_bytes, onnx_file)
    except EdgeForgeError:  # a report of another version, or a file that is damaged: its layers are shown without
        return {}
    if floating.resolve() == path.resolve():
        return named
    pairs = match(plain, graph).pairs
    return {pair.quantized: named[pair.float32] for pair in pairs
            if pair.quantized is not None and pair.float32 in named}  # fmt: skip


def _ends(folder: Path, recipe: str, shown: str, files: Mapping[str, Path]) -> tuple[Path | None, Path | None]:
    """Return the float .tflite of a variant and the .onnx that it was made from."""
    if shown == TFLITE_QAT:  # fine-tuning has changed the weights: its own float model lies beside it
        return folder / published(QAT_FLOAT_FILE, "litert", recipe), folder / published(
            QAT_ONNX_FILE, "onnxruntime", recipe
        )
    onnx_file = files.get(ONNX_FLOAT)
    if shown == TFLITE_QDQ:
        return folder / published(QDQ_FLOAT_FILE, "litert", recipe), onnx_file
    return files.get(TFLITE_FLOAT), onnx_file
