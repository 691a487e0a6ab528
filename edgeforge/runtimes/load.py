"""Which Runner a model file needs."""

from __future__ import annotations

from pathlib import Path

from edgeforge.errors import RecipeError
from edgeforge.inputs.regular import named, require_regular
from edgeforge.runtimes.runner import Runner
from edgeforge.tflite.input_shapes import AS_THE_FILE_SAYS, Shapes

ENGINES = {
    ".pt": "PyTorch",
    ".pt2": "PyTorch",
    ".onnx": "ONNX Runtime",
    ".tflite": "LiteRT",
}  # what runs a model, by its file's ending
SUFFIXES = tuple(ENGINES)


def load_runner(path: Path, threads: int | None = None, shapes: Shapes = AS_THE_FILE_SAYS) -> Runner:
    """Return the Runner of a .pt (TorchScript), .pt2 (torch.export), .onnx or .tflite file.

    shapes: of inputs that a file leaves free beyond the batch. Raises RecipeError for any other file.
    """
    name_one = f"name a {', '.join(SUFFIXES)} file"
    require_regular(path, name_one)
    if named(path) != str(path):
        raise RecipeError(f"{named(path)}: its name is no UTF-8, and no runtime takes it so", fix="rename the file")
    if path.suffix == ".pt":
        from edgeforge.runtimes.torch_script import TorchRunner

        return TorchRunner(path, threads)
    if path.suffix == ".pt2":
        from edgeforge.runtimes.torch_export.runner import ExportedRunner

        return ExportedRunner(path, threads, shapes)
    if path.suffix == ".onnx":
        from edgeforge.onnx_graph.read import read_onnx
        from edgeforge.runtimes.onnxruntime import OnnxRunner

        read_onnx(path, external=False)
        return OnnxRunner(path, threads, shapes)
    if path.suffix == ".tflite":
        from edgeforge.runtimes.litert import LiteRTRunner

        return LiteRTRunner(path, threads, shapes=shapes)
    raise RecipeError(f"{path}: '{path.suffix}' is no model file", fix=name_one)
