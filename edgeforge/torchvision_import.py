"""Imports torchvision beside a torch build that its C++ operators do not load into."""

from __future__ import annotations

import sys
from typing import Any

_kept: list[Any] = []  # the library must live as long as the operators it defines

DETECTION_OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


def import_torchvision() -> None:
    """Make `import torchvision` work; call it before importing torchmetrics or Lightning, which import it.

    The registry's torchvision is a CUDA build. Beside a CPU build of torch its import ends with
    "operator torchvision::nms does not exist". Only detection models need those operators, so their
    schemas alone are defined, and only when the plain import fails.
    """
    try:
        import torchvision
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        import torch

        library = torch.library.Library("torchvision", "DEF")
        for schema in DETECTION_OPERATORS:
            library.define(schema)
        _kept.append(library)
        import torchvision  # noqa: F401
