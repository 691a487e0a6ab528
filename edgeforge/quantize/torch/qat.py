"""The stage `qat`: fine-tunes the trained network with fake quantization, and writes what it has learned.

The integer model (.pt) says what the outputs should be; the float twin (.onnx, the same weights without
quantization) and the ranges travel on to TFLite.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgeforge.builder.stage import Job
from edgeforge.data.representative import read_calibration
from edgeforge.data.splits import deployed_preprocessing
from edgeforge.errors import RecipeError
from edgeforge.quantize.known_ranges import write_ranges
from edgeforge.quantize.torch.available import require_torch_ao, require_torchao
from edgeforge.recipe.sections.training import Train
from edgeforge.results.files import QAT_FAKE_QUANT_FILE, QAT_ONNX_FILE, QAT_TORCH_FILE, QAT_TRAINING_FILE
from edgeforge.results.variant import TORCH_QAT, Variant, write_variants

if TYPE_CHECKING:
    import torch

    from edgeforge.quantize.torch.fx_quantize import Quantized


def quantization_aware_training(job: Job) -> None:
    """Write qat_int8.pt, qat_fake_quant.pt, qat_fp32.onnx, ranges.npz and qat_training.json.

    Raises RecipeError when the model cannot be traced, or `skip` names no module of it; StageFailed when this PyTorch
    no longer has the mode, MissingDependency without torchao.
    """
    import torch

    from edgeforge.export.onnx import write_onnx
    from edgeforge.quantize.torch.int8 import SIMULATED, use_engine
    from edgeforge.runtimes.torch_script import save_torch_script

    settings, engine = job.recipe.quantize.qat, job.recipe.quantize.torch.engine
    assert settings
    _require(settings.mode)
    if settings.mode != "pt2e":
        use_engine(engine)
    calibration = torch.from_numpy(read_calibration(job.inputs["calibration"]))
    made = _fine_tuned(job, calibration)
    if made is None:
        return  # another process of this training writes the results
    preprocessing = deployed_preprocessing(job)
    example = calibration[:1]
    extra: dict[str, Any] = {"output_scale": made.ranges.output_scale}
    if settings.mode == "pt2e":  # a fake-quant model itself
        arithmetic = SIMULATED
        save_torch_script(job.output / QAT_TORCH_FILE, made.integer, example, preprocessing)
    else:
        arithmetic = f"engine {engine}"
        save_torch_script(job.output / QAT_TORCH_FILE, made.integer, example, preprocessing, engine=engine)
        save_torch_script(job.output / QAT_FAKE_QUANT_FILE, made.fake_quant, example, preprocessing)
        extra |= {"engine": engine, "fake_quant": QAT_FAKE_QUANT_FILE}
    write_onnx(made.float_twin, preprocessing, job.output / QAT_ONNX_FILE)
    write_ranges(job.output, made.ranges)
    detail = f"{settings.mode}, {settings.epochs} epoch(s) of fine-tuning, {arithmetic}"
    if settings.skip:
        detail += f"; in float: {', '.join(settings.skip)}"
    write_variants(job.output, [Variant(TORCH_QAT, "torch", "int8", QAT_TORCH_FILE, detail, extra=extra)])


def _require(mode: str) -> None:
    if mode == "pt2e":
        require_torchao()
    else:
        require_torch_ao("eager" if mode == "eager" else "FX", fix="set quantize.qat.mode: pt2e")


def _fine_tuned(job: Job, calibration: torch.Tensor) -> Quantized | None:
    """Return the network after training; None in all but the first of several training processes."""
    from edgeforge.torchvision_import import import_torchvision

    import_torchvision()
    import pytorch_lightning as pl

    from edgeforge.quantize.torch import eager_quantize, fx_quantize
    from edgeforge.quantize.torch.eager_quantize import eager_network
    from edgeforge.quantize.torch.fx_graph import quantizable_graph
    from edgeforge.quantize.torch.pt2e import quantize as pt2e
    from edgeforge.quantize.torch.pt2e.graph import exported_network
    from edgeforge.train.network.load import network_weights, trained_network
    from edgeforge.train.qat_callback import FreezeForQuantization
    from edgeforge.train.stage import best_checkpoint, fit, training_row

    settings = job.recipe.quantize.qat
    assert settings
    pl.seed_everything(job.recipe.seed, verbose=False)
    network = trained_network(job)
    require_whole_layers(network)
    dense = bool(job.recipe.quantize.tflite.per_channel_dense)
    source: Any
    how: Any
    if settings.mode == "eager":
        source, how = eager_network(network, settings.skip), eager_quantize
    elif settings.mode == "pt2e":
        source = exported_network(network, job.files["model"], calibration[:1], settings.skip)
        how = pt2e
    else:
        source, how = quantizable_graph(network, job.files["model"], settings.skip), fx_quantize
    prepared = how.prepare(source, calibration[:1], training=True, per_channel_dense=dense)
    # Ranges begin where calibration puts them: from zero they would clip the first steps.
    _fake_quantize(prepared.eval(), False)
    _calibrate(prepared, calibration)
    _fake_quantize(prepared.train(), True)
    rest = FreezeForQuantization(
        settings.epochs / 2 if settings.freeze_bn_after is None else settings.freeze_bn_after,
        0.75 * settings.epochs if settings.freeze_observers_after is None else settings.freeze_observers_after,
    )
    # What is learned stays what it was; how long and how fast is `qat`'s own.
    tuning = Train(
        epochs=settings.epochs, lr=settings.lr, batch_size=settings.batch_size, optimizer=settings.optimizer,
        class_weights=job.recipe.train.class_weights, head_weights=job.recipe.train.head_weights,
        value_loss=job.recipe.train.value_loss, augment=job.recipe.train.augment, logger=job.recipe.train.logger,
    )  # fmt: skip
    trainer = fit(job, prepared, tuning, section="quantize.qat", callbacks=[rest])
    if not trainer.is_global_zero:
        return None
    prepared.load_state_dict(network_weights(best_checkpoint(trainer)))
    row = training_row(job, prepared, trainer)
    (job.output / QAT_TRAINING_FILE).write_text(row.model_dump_json(indent=1))
    made: Quantized = how.finish(prepared, source, calibration)
    return made


def require_whole_layers(network: torch.nn.Module) -> None:
    """Raise RecipeError for a layer that TFLite has only in pieces, whose ranges nobody has learned."""
    from torch.nn.modules.conv import _ConvTransposeNd

    for name, module in network.named_modules():
        if isinstance(module, _ConvTransposeNd) and module.groups > 1:
            raise RecipeError(
                f"quantize.qat: '{name}' is a transposed convolution of {module.groups} groups, which TFLite has only "
                "in pieces: what is learned of it is of none of them",
                fix=f"give '{name}' groups=1, or leave quantize.qat out: quantized after training (tflite-int8) it is "
                "right",
            )


def _fake_quantize(prepared: torch.nn.Module, on: bool) -> None:
    module: Any
    for module in prepared.modules():  # of torch.ao or of torchao
        if hasattr(module, "enable_fake_quant"):
            module.enable_fake_quant(on)


def _calibrate(prepared: torch.nn.Module, calibration: torch.Tensor) -> None:
    import torch

    with torch.no_grad():
        for batch in calibration.split(50):
            prepared(batch)
