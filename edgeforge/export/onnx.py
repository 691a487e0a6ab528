"""The stage `onnx`: the trained network as ONNX, proven equal to PyTorch on real test images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.builder.stage import Job
from edgeforge.data.splits import deployed_preprocessing, read_split
from edgeforge.errors import EdgeForgeError, ParityError, StageFailed, line_in, source_of
from edgeforge.export.decompositions import with_simpler_operators
from edgeforge.foreign.wording import cause, remedy
from edgeforge.onnx_graph.passes.forms.unshuffled_channels import UnshuffledChannels
from edgeforge.onnx_graph.passes.name_nodes import NameNodes
from edgeforge.passes import rewrite
from edgeforge.results.files import ONNX_FLOAT_FILE, ONNX_GIVEN_FACTS, ONNX_GIVEN_FILE, PREPROCESSING_FILE
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.results.variant import ONNX_FLOAT, Variant, write_variants
from edgeforge.runtimes.onnxruntime import OnnxRunner, run_as_it_is
from edgeforge.train.network.load import trained_network
from edgeforge.train.network.onnx_file import open_onnx

if TYPE_CHECKING:
    import onnx
    from torch import nn

INPUT_NAME, OUTPUT_NAME = "input", "logits"
CHECKED_IMAGES = 64
# Float rounding in another order of summation; a wrong weight or layout is off by orders of magnitude more.
RELATIVE_TOLERANCE = 1e-4
TINY = 1e-12  # a range of outputs that are all the same
# Which module of the network a node came from: kept, since errors further on name it. All else that the
# exporter notes (source lines, file paths of this machine) would make files differ between machines.
MODULE_KEY = "pkg.torch.onnx.name_scopes"


def export_onnx(job: Job) -> None:
    """Write fp32.onnx with batch size 1 and the preprocessing inside it; of a finished ONNX model, that.

    Raises StageFailed when PyTorch cannot export the network, ParityError when the outputs differ.
    """
    preprocessing = deployed_preprocessing(job)
    path = job.output / ONNX_FLOAT_FILE
    if job.recipe.model.onnx:
        _take_over(job, preprocessing, path)
        return
    network = trained_network(job)
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
    write_variants(job.output, [Variant(ONNX_FLOAT, "onnxruntime", "fp32", path.name, checks=(check,))])


def _take_over(job: Job, preprocessing: Preprocessing, path: Path) -> None:
    """Write a finished ONNX model, of a quantized one the float network and the model as it is."""
    source = job.files["model"]
    file = open_onnx(source, preprocessing, job.recipe.model)
    save_onnx(file.network, preprocessing, path)
    given = path
    if file.parts:
        given = job.output / ONNX_GIVEN_FILE
        save_onnx(file.given, preprocessing, given)
    raw, _ = read_split(job.inputs["data"], "test")
    images = preprocessing.apply(raw[:CHECKED_IMAGES])
    # As it stands, where it is quantized: what ONNX Runtime fuses of integers may round the other way.
    own = images
    if file.rows:  # N,C,L or N,L,C
        own = images.squeeze(2) if file.rows == "ncl" else images.squeeze(2).transpose(0, 2, 1)
    expected = run_as_it_is(
        source, own, channels_last=file.layout == "nhwc", optimized=not file.parts, outputs=file.outputs
    )
    found = OnnxRunner(given, optimized=not file.parts).run(images)
    difference = float(abs(found - expected).max() / max(float(expected.max() - expected.min()), TINY))
    detail = f"{difference:.1e} of the outputs' range at most on {len(images)} test images"
    if not difference <= RELATIVE_TOLERANCE:
        raise ParityError(
            f"{source.name} with {', '.join((*file.changed, 'batch 1'))} differs from itself by {detail}",
            fix="export it with batch 1, opset 20 and the layout N,C,H,W",
        )
    check = {"name": f"equal to {source.name}", "passed": True, "detail": detail}
    said = [source.name, *file.changed, "batch 1"]
    if file.parts:
        said.append("its quantized weights as float numbers" + (", its ranges left out" if file.ranged else ""))
    if file.parts and file.parts.restored:
        said.append(f"{len(file.parts.restored)} activations that its ranges stand for put in")
    checks = () if file.ranged else (check,)
    write_variants(job.output, [Variant(ONNX_FLOAT, "onnxruntime", "fp32", path.name, ", ".join(said), checks=checks)])
    if file.ranged:
        facts = {"file": source.name, "check": check, "changed": file.changed}
        (job.output / ONNX_GIVEN_FACTS).write_text(json.dumps(facts, indent=1))


def write_onnx(network: nn.Module, preprocessing: Preprocessing, path: Path) -> None:
    """Write a network in evaluation mode as ONNX with input (1,C,H,W). Raises StageFailed when PyTorch cannot."""
    import onnx
    import torch

    example = torch.zeros(1, *preprocessing.shape)
    names: dict[str, Any] = {"input_names": [INPUT_NAME], "output_names": [OUTPUT_NAME], "verbose": False}
    try:
        if isinstance(network, torch.jit.ScriptModule):  # which only the older exporter takes
            torch.onnx.export(network, (example,), path, dynamo=False, opset_version=17, **names)
            model = onnx.load(path)
        else:
            source = with_simpler_operators(torch.export.export(network, (example,)))
            program = torch.onnx.export(source, (), dynamo=True, **names)
            assert program is not None
            model = program.model_proto
            rewrite(model, (NameNodes(), UnshuffledChannels()))
    except EdgeForgeError:
        raise
    except Exception as error:
        file = source_of(network)
        line = line_in(file, error.__cause__ or error)
        raise StageFailed(
            f"{f'{file}{line}: ' if line else ''}PyTorch cannot export the model: {cause(error)}",
            fix=remedy(error, "torch.export needs a forward without branches on tensor values"),
        ) from error
    save_onnx(model, preprocessing, path)


def save_onnx(model: onnx.ModelProto, preprocessing: Preprocessing, path: Path) -> None:
    """Write a model with the preprocessing inside it, and without what differs between machines."""
    _keep_module_names(model)
    kept = [entry for entry in model.metadata_props if entry.key != PREPROCESSING_FILE]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
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

    raw, _ = read_split(job.inputs["data"], "test")
    images = preprocessing.apply(raw[:CHECKED_IMAGES])
    with torch.inference_mode():
        # One at a time: a finished model may take no more.
        expected = torch.cat([network(image) for image in torch.from_numpy(images).split(1)]).numpy()
    found = OnnxRunner(path).run(images)
    return float(abs(found - expected).max() / (expected.max() - expected.min()))
