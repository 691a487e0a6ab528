"""Which of PyTorch's quantizations this installation has: torch.ao's are to leave PyTorch, torchao is a package."""

from __future__ import annotations

import importlib

from edgeforge.errors import MissingDependency, StageFailed

# Each with a module that it cannot do without.
TORCH_AO = {
    "dynamic": "torch.ao.quantization.quantize",
    "eager": "torch.ao.quantization.quantize",
    "FX": "torch.ao.quantization.quantize_fx",
}


def require_torch_ao(kind: str, fix: str) -> None:
    """Raise StageFailed when this PyTorch has no quantization of that kind: dynamic, eager or FX."""
    try:
        importlib.import_module(TORCH_AO[kind])
    except ImportError as error:
        raise StageFailed(f"this PyTorch no longer has {kind} quantization", fix=fix) from error


def require_torchao() -> None:
    """Raise MissingDependency without torchao's PT2E."""
    try:
        importlib.import_module("torchao.quantization.pt2e.quantize_pt2e")
    except ImportError as error:
        raise MissingDependency("torchao, which has PT2E, is not installed", fix="pip install torchao") from error
