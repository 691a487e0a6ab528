"""The stage `onnx`: the trained network as ONNX, proven equal to PyTorch on real test images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgeforge.artifact import PREPROCESSING_FILE, Preprocessing, Variant, write_variants
from edgeforge.data.splits import read_preprocessing, read_split
from edgeforge.errors import ParityError, StageFailed, first_line
from edgeforge.stage import Job
from edgeforge.train.network import trained_network

if TYPE_CHECKING:
    import onnx
    from torch import nn

INPUT_NAME, OUTPUT_NAME = "input", "logits"
CHECKED_IMAGES = 64
# Float rounding in another order of summation; a wrong weight or layout is off by orders of magnitude more.
RELATIVE_TOLERANCE = 1e-4
# Which module of the network a node came from: kept, since errors further on name it. All else that the
# exporter notes (source lines, file paths of this machine) would make files differ between machines.
MODULE_KEY = "pkg.torch.onnx.name_scopes"


def export_onnx(job: Job) -> None:
    """Write NAME_fp32.onnx with batch size 1 and the preprocessing inside it.

    Raises StageFailed when PyTorch cannot export the network, ParityError when the outputs differ.
    """
    network = trained_network(job)
    preprocessing = read_preprocessing(job.inputs["data"])
    path = job.output / f"{job.recipe.name}_fp32.onnx"
    job.progress(0.1, "tracing the network")
    write_onnx(network, preprocessing, path)
    job.progress(0.8, "comparing with PyTorch")
    difference = _largest_difference(job, network, preprocessing, path)
    detail = f"{difference:.1e} of the logits' range at most on {CHECKED_IMAGES} test images"
    check = {"name": "equal to PyTorch", "passed": difference <= RELATIVE_TOLERANCE, "detail": detail}
    if not check["passed"]:
        raise ParityError(
            f"ONNX differs from PyTorch by {detail} (allowed: {RELATIVE_TOLERANCE:.0e})",
            fix="look for branches on tensor values or randomness in the model's forward",
        )
    write_variants(job.output, [Variant("onnx-fp32", "onnxruntime", "fp32", path.name, checks=(check,))])


def write_onnx(network: nn.Module, preprocessing: Preprocessing, path: Path) -> None:
    """Write a network in evaluation mode as ONNX with input (1,C,H,W). Raises StageFailed when PyTorch cannot."""
    import torch

    example = torch.zeros(1, *preprocessing.shape)
    try:
        program = torch.onnx.export(
            network,
            (example,),
            dynamo=True,
            input_names=[INPUT_NAME],
            output_names=[OUTPUT_NAME],
            verbose=False,
        )
        assert program is not None
        model = program.model_proto
    except Exception as error:
        cause = error.__cause__ or error
        raise StageFailed(
            f"PyTorch cannot export the model: {first_line(cause)}",
            fix="torch.export needs a forward without branches on tensor values; see the log for the line",
        ) from error
    _keep_module_names(model)
    entry = model.metadata_props.add()
    entry.key, entry.value = PREPROCESSING_FILE, preprocessing.to_json()
    path.write_bytes(model.SerializeToString(deterministic=True))


def _keep_module_names(model: onnx.ModelProto) -> None:
    model.doc_string = ""
    for holder in (model.graph, *model.graph.node, *model.graph.value_info, *model.graph.input, *model.graph.output,
                   *model.graph.initializer):  # fmt: skip
        kept = [(p.key, p.value) for p in holder.metadata_props if p.key == MODULE_KEY]
        del holder.metadata_props[:]
        holder.doc_string = ""
        for key, value in kept:
            entry = holder.metadata_props.add()
            entry.key, entry.value = key, value


def _largest_difference(job: Job, network: nn.Module, preprocessing: Preprocessing, path: Path) -> float:
    """Return max |Δlogit| over the range of the logits, on real test images."""
    import torch

    from edgeforge.runtimes.onnxruntime import OnnxRunner

    raw, _ = read_split(job.inputs["data"], "test")
    images = preprocessing.apply(raw[:CHECKED_IMAGES])
    with torch.inference_mode():
        expected = network(torch.from_numpy(images)).numpy()
    found = OnnxRunner(path).run(images)
    return float(abs(found - expected).max() / (expected.max() - expected.min()))
