"""ONNX Runtime's graph optimisations, done on the desk for another processor."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from edgeforge.errors import StageFailed
from edgeforge.foreign.wording import cause, with_debug
from edgeforge.results.files import PREPROCESSING_FILE


def optimize_for_arm(source: Path, target: Path, level: Literal["basic", "extended"]) -> None:
    """Write `source` (.onnx) with its graph optimised, as .onnx or .ort by the suffix of `target`.

    Nothing above `extended` is used: the next level lays tensors out for the processor that optimises (NCHWc on
    x86), see ONNX Runtime, "Graph Optimizations". The same input gives the same bytes, for .onnx alone: an .ort file
    has its tensors in the order of a hash that ONNX Runtime seeds anew in each process. Raises StageFailed.
    """
    import onnxruntime

    levels = onnxruntime.GraphOptimizationLevel
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = levels.ORT_ENABLE_BASIC if level == "basic" else levels.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(target)
    # As in onnxruntime.tools.convert_onnx_models_to_ort for ARM, whose processors multiply int8 by int8 without
    # saturating: int8 tensors stay int8, where x86 would have them changed to uint8.
    options.add_session_config_entry("session.qdqisint8allowed", "1")
    if target.suffix == ".ort":
        options.add_session_config_entry("session.save_model_format", "ORT")
    try:
        onnxruntime.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        reason = f"ONNX Runtime cannot optimise {source.name}: {cause(error)}"
        raise StageFailed(reason, fix=with_debug("try raspberry_pi.optimize: basic", error)) from error
    if target.suffix == ".onnx":
        _rewrite(target)


def _rewrite(path: Path) -> None:
    """Write the file again in one order, without what ONNX Runtime notes for itself; the preprocessing stays."""
    import onnx

    model = onnx.load(path)
    for node in model.graph.node:
        attributes = sorted(node.attribute, key=lambda attribute: attribute.name)
        del node.attribute[:]
        node.attribute.extend(attributes)
        del node.metadata_props[:]
    kept = [(entry.key, entry.value) for entry in model.metadata_props if entry.key == PREPROCESSING_FILE]
    del model.metadata_props[:]
    for key, value in kept:
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    path.write_bytes(model.SerializeToString(deterministic=True))
