"""Which extra brings a package that is missing: `pip install` alone is the light core, for finished model files.

The one place that says so: to the command line, to a stage's worker and to the plan of a build. Packages of neither
the core nor an extra, such as one that the user's own model imports, are left to the caller.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from edgeforge.bundled import DISTRIBUTION
from edgeforge.errors import MissingDependency, some


class Extra(NamedTuple):
    """One extra of pyproject.toml: what it is for, and the packages that it names there."""

    brings: str
    packages: tuple[str, ...]


CORE = (
    "ai-edge-litert", "ai-edge-quantizer", "tflite-micro", "onnx", "onnxruntime", "flatbuffers", "numpy", "pydantic",
    "pyyaml", "typer", "rich", "jinja2", "matplotlib", "filelock", "psutil", "packaging", "pillow", "pyserial",
)  # fmt: skip
EXTRAS = {
    "train": Extra(
        "it builds recipes: trains, quantizes, exports",
        ("torch", "torchvision", "torchao", "pytorch-lightning", "torchmetrics", "torch-pruning", "scikit-learn",
         "scipy", "onnxscript", "onnx2tf", "safetensors", "h5py"),
    ),
    "tensorflow": Extra("onnx2tf's older way through TensorFlow", ("tensorflow", "tf-keras")),
    "serve": Extra(
        "`edgeforge serve`, and the load test of a bundle",
        ("fastapi", "uvicorn", "prometheus-client", "python-multipart"),
    ),
    "tensorboard": Extra("train.logger: tensorboard", ("tensorboard",)),
    "mlflow": Extra("train.logger: mlflow", ("mlflow-skinny", "sqlalchemy", "alembic")),
    "parquet": Extra("recordings in Parquet files: data.source: windows", ("pyarrow",)),
    "search": Extra("`edgeforge search`", ("optuna", "sqlalchemy", "psycopg", "fsspec")),
    "timm": Extra("networks of timm: models/timm_model.py", ("timm",)),
}  # fmt: skip
IMPORTED_AS = {  # where the name that Python imports is not pip's
    "sklearn": "scikit-learn",
    "PIL": "pillow",
    "serial": "pyserial",
    "yaml": "pyyaml",
    "keras": "tf-keras",
    "mlflow": "mlflow-skinny",
    "lightning_fabric": "pytorch-lightning",
}


def package_of(module: str) -> str:
    """Return pip's name of the package that a module belongs to: `scikit-learn` for `sklearn.datasets`."""
    root = module.partition(".")[0]
    return IMPORTED_AS.get(root, root.replace("_", "-").lower())


def extra_of(package: str) -> str | None:
    """Return the extra that brings a package; empty for one of the core, None for one that EdgeForge does not need."""
    if package in CORE:
        return ""
    return next((name for name, extra in EXTRAS.items() if package in extra.packages), None)


def missing(packages: Iterable[str]) -> MissingDependency:
    """Return the error that names packages which are not installed, and the extras that bring them."""
    names = list(dict.fromkeys(package_of(name) for name in packages))
    extras = list(dict.fromkeys(extra for name in names if (extra := extra_of(name))))
    listed = f"{some(names)} {'is' if len(names) == 1 else 'are'} not installed"
    if not extras:
        return MissingDependency(listed, fix=f"pip install {DISTRIBUTION}")
    needed = f"{'the extra' if len(extras) == 1 else 'the extras'} {' and '.join(f'[{extra}]' for extra in extras)}"
    return MissingDependency(f"{listed}: this needs {needed}", fix=f"pip install '{DISTRIBUTION}[{','.join(extras)}]'")


def missing_in(error: BaseException) -> MissingDependency | None:
    """Return what an error, or one of its causes, says of a package of EdgeForge's own that is not installed."""
    for one in _chain(error):
        if isinstance(one, MissingDependency):
            return one
        name = one.name if isinstance(one, ModuleNotFoundError) else None
        # A dotted name is a module that an installed package has not.
        if name and "." not in name and extra_of(package_of(name)) is not None:
            return missing([name])
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
