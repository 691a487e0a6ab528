"""`train.logger`: each epoch's figures in TensorBoard, MLflow or a csv file, by Lightning's own loggers.

They are written while training runs, into the build folder and not into the store: they hold wall-clock times, which
no result may.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from edgeforge.builder.stage import Job
from edgeforge.recipe.sections.training import Train

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger


def chosen_logger(job: Job, settings: Train) -> list[Logger]:
    """Return the logger that the recipe asks for, a new version or run each time; none where it asks for none."""
    if settings.logger is None or "logs" not in job.facts:
        return []
    from pytorch_lightning.loggers import CSVLogger, MLFlowLogger, TensorBoardLogger

    logs = Path(job.facts["logs"])
    # TensorBoard takes what it needs of TensorFlow from TensorFlow, where it is installed, unless it finds this module.
    sys.modules.setdefault("tensorboard.compat.notf", ModuleType("notf"))
    logger: Logger
    if settings.logger == "tensorboard":
        logger = TensorBoardLogger(logs / "tensorboard", name=job.stage)
    elif settings.logger == "csv":
        logger = CSVLogger(logs / "csv", name=job.stage, flush_logs_every_n_steps=1)
    else:
        place = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{logs / 'mlflow.db'}"
        logger = MLFlowLogger(experiment_name=logs.parent.name, run_name=job.stage, tracking_uri=place)
    logger.log_hyperparams(settings.model_dump(mode="json", exclude_none=True) | {"seed": job.recipe.seed})
    return [logger]
