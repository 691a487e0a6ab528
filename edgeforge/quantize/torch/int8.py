"""The stage `torch`: the float model and PyTorch's INT8 baselines, each a frozen TorchScript file.

A file loads again without the model's source: `edgeforge.runtimes.torch_script` reads the engine from it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.builder.stage import Job
from edgeforge.data.representative import read_calibration
from edgeforge.data.splits import deployed_preprocessing
from edgeforge.errors import StageFailed
from edgeforge.foreign.wording import cause, layer_in, reason_of
from edgeforge.machine import has_vnni
from edgeforge.quantize.known_ranges import write_ranges
from edgeforge.quantize.torch import fx_quantize
from edgeforge.quantize.torch.available import require_torch_ao, require_torchao
from edgeforge.quantize.torch.eager_fusion import fusable_groups
from edgeforge.quantize.torch.fx_graph import quantizable_graph
from edgeforge.quantize.torch.pt2e import quantize as pt2e
from edgeforge.quantize.torch.pt2e.graph import exported_network
from edgeforge.quantize.torch.qconfig import own_qconfigs, qconfig
from edgeforge.quantize.torch.relu6 import replace_in_sequentials
from edgeforge.recipe.sections.quantize import TorchEngine, TorchInt8, TorchObserver
from edgeforge.results.files import PT2E_RANGES_FILE, TORCH_FAKE_QUANT_FILE, torch_file
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.results.variant import TORCH_EAGER, TORCH_FLOAT, TORCH_FX, TORCH_PT2E, Variant, write_variants
from edgeforge.runtimes.torch_script import save_torch_script
from edgeforge.train.network.load import dense_network, trained_network
from edgeforge.train.network.several_outputs import join_by_module

if TYPE_CHECKING:
    import torch
    from torch import nn

CALIBRATION_BATCH = 50
USE_PT2E = "put pt2e under quantize.torch.variants instead"
SIMULATED = "reference arithmetic: integers are simulated in float"


@dataclass(frozen=True)
class Baselines:
    """Makes the variants of one trained network into one folder."""

    network: nn.Module
    calibration: torch.Tensor  # N,C,H,W float32
    preprocessing: Preprocessing
    folder: Path
    model_file: Path
    observer: TorchObserver
    per_channel_dense: bool
    batched: bool = True  # whether the network takes any batch, or, as a finished one may, one image at a time

    def float32(self, dense: nn.Module | None) -> list[Variant]:
        """The reference that every other variant is compared with: the network before any pruning.

        dense: that network, where `network` is a pruned one, which is then a variant beside it.
        """
        reference = Variant(TORCH_FLOAT, "torch", "fp32", None, detail="TorchScript")
        if dense is None:
            return [self._save("fp32", self.network, reference)]
        pruned = Variant("torch-pruned-fp32", "torch", "fp32", None, detail="pruned and fine-tuned")
        return [self._save("fp32", dense, reference), self._save("pruned_fp32", self.network, pruned)]

    def dynamic(self, engine: TorchEngine) -> Variant:
        """int8 weights in dense layers; activations quantized on the fly."""
        require_torch_ao("dynamic", USE_PT2E)
        from torch import nn
        from torch.ao import quantization

        use_engine(engine)
        quantized = quantization.quantize_dynamic(self.network, {nn.Linear})
        detail = f"dense layers only, engine {engine}"
        variant = Variant("torch-dynamic-int8", "torch", "dynamic-int8", None, detail, extra={"engine": engine})
        return self._save("dynamic_int8", quantized, variant)

    def static_eager(self, engine: TorchEngine) -> Variant:
        """Full int8 in eager mode, between the model's own stubs or one at each end; fused by the module tree."""
        require_torch_ao("eager", USE_PT2E)
        from torch.ao import quantization

        use_engine(engine)
        network = copy.deepcopy(self.network)
        join_by_module(network)
        saturating = replace_in_sequentials(network)
        groups = fusable_groups(network.eval())
        if groups:
            quantization.fuse_modules(network, groups, inplace=True)
        network.qconfig = qconfig(training=False, observer=self.observer)
        own = own_qconfigs(
            network, saturating, training=False, per_channel_dense=self.per_channel_dense, observer=self.observer
        )
        for name, config in own.items():
            network.get_submodule(name).qconfig = config
        own_stubs = any(isinstance(module, quantization.QuantStub) for module in network.modules())
        wrapped = (network if own_stubs else quantization.QuantWrapper(network)).eval()
        prepared = quantization.prepare(wrapped)
        self._calibrate(prepared)
        variant = Variant(TORCH_EAGER, "torch", "int8", None, f"engine {engine}", extra={"engine": engine})
        converted = quantization.convert(prepared)
        with _naming_layers(converted):
            return self._save("eager_int8", converted, variant)

    def static_fx(self, engine: TorchEngine, *, reference: bool) -> Variant:
        """Full int8 in FX graph mode, with the fake-quant model that says what its outputs should be."""
        require_torch_ao("FX", USE_PT2E)
        use_engine(engine)
        graph = quantizable_graph(self.network, self.model_file)
        prepared = fx_quantize.prepare(
            graph, self.calibration[:1], training=False, per_channel_dense=self.per_channel_dense,
            observer=self.observer,
        )  # fmt: skip
        self._calibrate(prepared)
        made = fx_quantize.finish(prepared, graph, self.calibration)
        if reference:
            write_ranges(self.folder, made.ranges)
        suffix = "" if reference else f"_{engine}"
        self._write(TORCH_FAKE_QUANT_FILE, made.fake_quant)  # float arithmetic: the same for every engine
        extra = {"engine": engine, "fake_quant": TORCH_FAKE_QUANT_FILE, "output_scale": made.ranges.output_scale}
        name = TORCH_FX + ("" if reference else f"-{engine}")
        detail = f"engine {engine}" + (", 16-bit sums: no VNNI here" if _saturates(engine) else "")
        variant = Variant(name, "torch", "int8", None, detail, extra=extra)
        with _naming_layers(made.integer):
            return self._save(f"fx_int8{suffix}", made.integer, variant)

    def pt2e(self) -> Variant:
        """Full int8 by torch.export and torchao; a fake-quant model too, so that no other says what it should give."""
        require_torchao()
        exported = exported_network(self.network, self.model_file, self.calibration[:1])
        prepared = pt2e.prepare(
            exported, self.calibration[:1], training=False, per_channel_dense=self.per_channel_dense,
            observer=self.observer,
        )  # fmt: skip
        self._calibrate(prepared)
        made = pt2e.finish(prepared, exported, self.calibration)
        write_ranges(self.folder, made.ranges, PT2E_RANGES_FILE)
        extra = {"output_scale": made.ranges.output_scale}
        return self._save("pt2e_int8", made.integer, Variant(TORCH_PT2E, "torch", "int8", None, SIMULATED, extra=extra))

    def _calibrate(self, prepared: nn.Module) -> None:
        import torch

        with torch.no_grad():
            for batch in self.calibration.split(CALIBRATION_BATCH):
                prepared(batch)

    def _save(self, suffix: str, network: nn.Module, variant: Variant) -> Variant:
        file = torch_file(suffix)
        batched = self.batched and variant.precision != "dynamic-int8"
        self._write(file, network, engine=variant.extra.get("engine"), batched=batched)
        return Variant(**{**vars(variant), "file": file})

    def _write(self, file: str, network: nn.Module, *, engine: str | None = None, batched: bool = True) -> None:
        example, path = self.calibration[:1], self.folder / file
        save_torch_script(path, network, example, self.preprocessing, engine=engine, batched=batched)


def quantize_torch(job: Job) -> None:
    """Write the float model and every INT8 variant of the recipe; one that fails is a row with its reason."""
    import torch

    settings = job.recipe.quantize.torch
    finished = job.recipe.model.finished
    if finished == "ONNX":
        write_variants(job.output, [_left_out(job, name) for name in (TORCH_FLOAT, *_names(settings))])
        return
    baselines = Baselines(
        trained_network(job),
        torch.from_numpy(read_calibration(job.inputs["calibration"])),
        deployed_preprocessing(job),
        job.output,
        job.files["model"],
        settings.observer,
        bool(job.recipe.quantize.tflite.per_channel_dense),
        batched=not finished,
    )
    if finished:
        variants = [*baselines.float32(None), *(_left_out(job, name) for name in _names(settings))]
        write_variants(job.output, variants)
        return
    reference = settings.engine
    makers: dict[str, Callable[[], Variant]] = {
        "torch-dynamic-int8": lambda: baselines.dynamic(reference),
        TORCH_EAGER: lambda: baselines.static_eager(reference),
        TORCH_FX: lambda: baselines.static_fx(reference, reference=True),
        TORCH_PT2E: baselines.pt2e,
    }
    names = _names(settings)
    variants = baselines.float32(dense_network(job) if "prune" in job.inputs else None)
    for done, name in enumerate(names):
        job.progress(done / len(names), name)
        engine: Any = name.removeprefix("torch-fx-int8-")
        variants.append(_or_reason(name, makers.get(name) or _bound(baselines.static_fx, engine)))
    write_variants(job.output, variants)


def _names(settings: TorchInt8) -> list[str]:
    """Return the names of the INT8 variants that a recipe asks for."""
    kinds = {"dynamic": "torch-dynamic-int8", "static-eager": TORCH_EAGER, "static-fx": TORCH_FX}
    names = [name for kind, name in kinds.items() if kind in settings.variants]
    if "static-fx" in settings.variants:
        names += [f"torch-fx-int8-{engine}" for engine in settings.also_fx_on if engine != settings.engine]
    return names + ([TORCH_PT2E] if "pt2e" in settings.variants else [])


def _left_out(job: Job, name: str) -> Variant:
    """Return the row of a variant that a finished model cannot have."""
    precision = "fp32" if name == TORCH_FLOAT else _precision(name)
    file, kind = job.files["model"].name, job.recipe.model.finished
    reason = f"{file} is a finished {kind} model: PyTorch's variants need a network in Python"
    return Variant(name, "torch", precision, None, reason=reason)


def _precision(name: str) -> str:
    return "dynamic-int8" if "dynamic" in name else "int8"


def _bound(make: Callable[..., Variant], engine: TorchEngine) -> Callable[[], Variant]:
    return lambda: make(engine, reference=False)


def _or_reason(name: str, make: Callable[[], Variant]) -> Variant:
    try:
        return make()
    except Exception as error:
        return Variant(name, "torch", _precision(name), None, reason=reason_of(error))


@contextmanager
def _naming_layers(network: nn.Module) -> Iterator[None]:
    """Raise StageFailed naming the layer, when PyTorch has no integer kernel for it."""
    try:
        yield
    except Exception as error:
        layer = layer_in(error, network.named_modules())
        raise StageFailed(
            f"{f'{layer}: ' if layer else ''}{cause(error)}",
            fix="put pt2e under quantize.torch.variants, which needs no kernel for every operator",
        ) from error


def use_engine(engine: TorchEngine) -> None:
    """Choose the kernels of quantized operators. Raises StageFailed when this build of PyTorch lacks them."""
    import torch

    supported = torch.backends.quantized.supported_engines
    if engine not in supported:
        raise StageFailed(
            f"engine {engine} is not in this build of PyTorch",
            fix=f"set quantize.torch.engine to one of: {', '.join(supported)}",
        )
    torch.backends.quantized.engine = engine


def _saturates(engine: TorchEngine) -> bool:
    """fbgemm's kernels, which x86 uses too, add pairs of products in 16 bits where there is no VNNI."""
    return engine in ("x86", "fbgemm") and not has_vnni()
