"""The runtimes: ONNX Runtime for .onnx and .ort, LiteRT for .tflite. Each is imported when a model of it is opened."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bundle import Bundle, BundleError

# In this order where the device has them: a Jetson's GPU, ARM's Compute Library, XNNPACK, and what is always there.
PROVIDERS = {
    "tensorrt": "TensorrtExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "acl": "ACLExecutionProvider",
    "xnnpack": "XnnpackExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
LITERT = "LiteRT"


def wanted_providers(available: list[str], asked: str | None = None) -> list[str]:
    """Return the execution providers to try, the fastest first; `asked` is one of PROVIDERS' keys."""
    if asked is None:
        return [provider for provider in PROVIDERS.values() if provider in available]
    if asked not in PROVIDERS:
        raise BundleError(f"'{asked}' is no execution provider: one of {', '.join(PROVIDERS)}")
    if PROVIDERS[asked] not in available:
        raise BundleError(f"this build of onnxruntime has no {PROVIDERS[asked]}; it has {', '.join(available)}")
    return list(dict.fromkeys([PROVIDERS[asked], PROVIDERS["cpu"]]))


def with_options(provider: str, threads: int | None) -> str | tuple[str, dict[str, str]]:
    """Return a provider as onnxruntime takes it: XNNPACK has a thread pool of its own, with one thread by default."""
    if provider == PROVIDERS["xnnpack"]:
        return provider, {"intra_op_num_threads": str(threads or os.cpu_count() or 1)}
    return provider


def runtime_of(name: str) -> Any:
    """Return the module of a runtime. Raises BundleError where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        reason = f"{name.partition('.')[0]} is not installed for {sys.executable}, or does not load: {error}"
        raise BundleError(f"{reason}; run ./install.sh, then use .venv/bin/python") from error


class OnnxModel:
    """A model of ONNX Runtime on the first execution provider that takes it.

    notes: which providers had to be left out, and why.
    """

    def __init__(self, path: Path, threads: int | None, provider: str | None) -> None:
        self.notes: list[str] = []
        self._runtime = runtime_of("onnxruntime")
        providers = wanted_providers(self._runtime.get_available_providers(), provider)
        self.session = self._session(path, providers, threads)
        source, target = self.session.get_inputs()[0], self.session.get_outputs()[0]
        self.shape = tuple(source.shape)  # 1,C,H,W
        self._input, self._output = source.name, target.name

    def _session(self, path: Path, providers: list[str], threads: int | None) -> Any:
        options = self._runtime.SessionOptions()
        options.log_severity_level = 4
        if threads:
            options.intra_op_num_threads = threads
            options.inter_op_num_threads = 1
        if PROVIDERS["xnnpack"] in providers:  # the two pools would take each other's processor while they spin
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        for place in range(len(providers)):
            wanted = [with_options(provider, threads) for provider in providers[place:]]
            try:
                return self._runtime.InferenceSession(str(path), options, providers=wanted)
            except Exception as error:
                if place == len(providers) - 1:
                    raise not_loaded(path, f"onnxruntime {self._runtime.__version__}") from error
                self.notes.append(f"{providers[place]} is not used: it does not take this model")
        raise BundleError("this build of onnxruntime has no execution provider that is known here")

    @property
    def providers(self) -> list[str]:
        """The execution providers in use, in their order."""
        return list(self.session.get_providers())

    def seen(self, tensor: NDArray[Any]) -> NDArray[Any]:
        """Return inputs (N,C,H,W float32) as the model holds them, N,H*W*C: as they are."""
        return tensor.transpose(0, 2, 3, 1).reshape(len(tensor), -1)

    def prepared(self, tensor: NDArray[Any]) -> Callable[[], Any]:
        """Return a call that runs one input (1,C,H,W float32): what a benchmark times."""
        feed, wanted, session = {self._input: tensor}, [self._output], self.session
        return lambda: session.run(wanted, feed)

    def run(self, tensor: NDArray[Any]) -> NDArray[Any]:
        """Return the logits (1,classes float32) of one input (1,C,H,W float32)."""
        found: NDArray[Any] = self.session.run([self._output], {self._input: tensor})[0]
        return found


class LiteRTModel:
    """A model of LiteRT, by XNNPACK's kernels where that takes it, else by LiteRT's own."""

    def __init__(self, path: Path, threads: int | None) -> None:
        self.notes: list[str] = []
        self.providers = [LITERT]
        litert = runtime_of("ai_edge_litert.interpreter")
        kinds = litert.OpResolverType
        threads = threads or os.cpu_count() or 1
        for kernels in (kinds.AUTO, kinds.BUILTIN_WITHOUT_DEFAULT_DELEGATES):
            try:
                self._interpreter = litert.Interpreter(
                    str(path), num_threads=threads, experimental_op_resolver_type=kernels
                )
                self._interpreter.allocate_tensors()
                break
            except (ValueError, RuntimeError) as error:
                if kernels is not kinds.AUTO or "XNNPACK" not in str(error):
                    raise not_loaded(path, "LiteRT") from error
                self.notes.append("XNNPACK is not used: it does not take this model")
        source, target = self._interpreter.get_input_details()[0], self._interpreter.get_output_details()[0]
        self._source, self._target = source, target
        height, width = (1, 1, *(int(size) for size in source["shape"][1:-1]))[-2:]  # of N,H,W,C, N,W,C or N,C
        self.shape = (int(source["shape"][0]), int(source["shape"][-1]), height, width)

    def prepared(self, tensor: NDArray[Any]) -> Callable[[], Any]:
        """Return a call that runs one input (1,C,H,W float32): what a benchmark times."""
        values, interpreter = self._quantized(tensor), self._interpreter
        source, target = self._source["index"], self._target["index"]

        def call() -> Any:
            interpreter.set_tensor(source, values)
            interpreter.invoke()
            return interpreter.get_tensor(target)

        return call

    def run(self, tensor: NDArray[Any]) -> NDArray[Any]:
        """Return the logits (1,classes float32) of one input (1,C,H,W float32)."""
        return _real(self.prepared(tensor)(), self._target)

    def seen(self, tensor: NDArray[Any]) -> NDArray[Any]:
        """Return inputs (N,C,H,W float32) as the model holds them, N,H*W*C: rounded where it is quantized."""
        held = [_real(self._quantized(one[None]), self._source).reshape(-1) for one in tensor]
        return np.stack(held)

    def _quantized(self, tensor: NDArray[Any]) -> NDArray[Any]:
        """Return an input as the model takes it: rounded as TFLite's QUANTIZE does, halves away from zero."""
        values = np.ascontiguousarray(tensor.transpose(0, 2, 3, 1)).reshape(self._source["shape"])
        scale, zero_point = self._source["quantization"]
        if not scale:
            return values.astype(self._source["dtype"])
        limits = np.iinfo(self._source["dtype"])
        scaled = values / np.float32(scale)
        whole = np.trunc(scaled)
        # Adding a half and truncating would round 0.49999997 up: that sum is 1 in 32 bits.
        rounded = whole + np.copysign(abs(scaled - whole) >= 0.5, scaled) + zero_point
        return np.clip(rounded, limits.min, limits.max).astype(self._source["dtype"])


def _real(values: NDArray[Any], details: dict[str, Any]) -> NDArray[Any]:
    """Return a tensor's values (float32) as they are meant. details: LiteRT's of the tensor."""
    scale, zero_point = details["quantization"]
    if not scale:
        return np.asarray(values, np.float32)
    return (values.astype(np.float32) - np.float32(zero_point)) * np.float32(scale)


def load_model(bundle: Bundle, variant: str, threads: int | None, provider: str | None) -> Any:
    """Return a variant's model, OnnxModel or LiteRTModel. Raises BundleError for one that its runtime refuses."""
    path = bundle.model_file(variant)
    if path.suffix == ".tflite":
        model: Any = LiteRTModel(path, threads)
        if provider is not None:
            model.notes.append(f"--provider {provider} is ONNX Runtime's: {variant} runs on {LITERT}")
    else:
        model = OnnxModel(path, threads, provider)
    if tuple(model.shape) != (1, *bundle.shape):
        raise BundleError(f"{path} takes {list(model.shape)}, preprocessing.json says {list(bundle.shape)}")
    return model


def not_loaded(path: Path, runtime: str) -> BundleError:
    """Return what is said of a model that a runtime refuses."""
    advice = "install what its requirements file names, or copy the bundle again"
    return BundleError(f"{path} cannot be loaded by {runtime}: {advice}")
