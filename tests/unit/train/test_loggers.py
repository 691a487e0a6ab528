"""`train.logger` writes into the build folder what Lightning's own loggers write."""

import csv
from pathlib import Path

import pytest
from places import ROOT

from edgeforge.builder.plan import make_plan
from edgeforge.builder.stage import Job
from edgeforge.builder.store import Store
from edgeforge.errors import MissingDependency
from edgeforge.pipeline import STAGES
from edgeforge.recipe.load import load_recipe
from edgeforge.recipe.schema import Recipe
from edgeforge.recipe.sections.training import Train
from edgeforge.train.callbacks import ReportProgress
from edgeforge.train.loggers import chosen_logger


def logged(tmp_path: Path, logger: str | None) -> list[Path]:
    """Log one figure; return the files that this wrote."""
    settings = Train(logger=logger)  # type: ignore[arg-type]
    recipe = Recipe.model_validate({"name": "toy", "data": {"source": "digits"}, "model": {"name": "digits_cnn"},
                                    "train": settings.model_dump()})  # fmt: skip
    logs = tmp_path / "toy" / "logs"
    logs.mkdir(parents=True)
    job = Job("train", recipe, {}, tmp_path, tmp_path, lambda share, text: None, facts={"logs": str(logs)})
    for made in chosen_logger(job, settings):
        made.log_metrics({"val_accuracy": 0.5}, step=3)
        made.save()
        made.finalize("success")
    return sorted(path for path in logs.rglob("*") if path.is_file())


def test_none_is_chosen_unless_asked_for(tmp_path: Path) -> None:
    assert logged(tmp_path, None) == []


def test_csv(tmp_path: Path) -> None:
    files = {path.name: path for path in logged(tmp_path, "csv")}
    rows = list(csv.DictReader(files["metrics.csv"].open()))
    assert rows == [{"step": "3", "val_accuracy": "0.5"}]
    assert files["metrics.csv"].parent == tmp_path / "toy/logs/csv/train/version_0"


def test_tensorboard_without_tensorflow(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    files = logged(tmp_path, "tensorboard")
    events = [path for path in files if path.name.startswith("events.out.tfevents")]
    assert len(events) == 1 and events[0].parent == tmp_path / "toy/logs/tensorboard/train/version_0"
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(events[0])).Reload().Scalars("val_accuracy")
    assert [(one.step, one.value) for one in read] == [(3, 0.5)]


def test_mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow")
    pytest.importorskip("alembic")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert [path.name for path in logged(tmp_path, "mlflow")] == ["mlflow.db"]
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'toy/logs/mlflow.db'}")
    runs = client.search_runs([client.get_experiment_by_name("toy").experiment_id])
    assert [(run.info.run_name, run.data.metrics) for run in runs] == [("train", {"val_accuracy": 0.5})]


def test_a_missing_package_is_told_before_anything_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def versions(names: tuple[str, ...], _version_of: object) -> dict[str, str]:
        return {name: "missing" if name == "tensorboard" else "1" for name in names}

    monkeypatch.setattr("edgeforge.builder.plan.library_versions", versions)
    loaded = load_recipe(ROOT / "recipes" / "digits.yaml", ("train.logger=tensorboard",))
    with pytest.raises(MissingDependency) as error:
        make_plan(loaded, STAGES, Store(tmp_path))
    assert error.value.reason == "tensorboard is not installed: this needs the extra [tensorboard]"
    assert error.value.fix == "pip install 'edgeforge-toolchain[tensorboard]'" and error.value.exit_code == 3


class FakeTrainer:
    """What the callback reads of a Trainer."""

    max_epochs, num_training_batches, current_epoch, sanity_checking = 3, 2, 0, False

    def __init__(self) -> None:
        self.callback_metrics: dict[str, float] = {}


def test_a_figure_is_told_of_the_epoch_that_it_is_of() -> None:
    told: list[tuple[float, str]] = []
    callback, trainer = ReportProgress(lambda share, text: told.append((round(share, 3), text))), FakeTrainer()
    trainer.sanity_checking = True
    callback.on_validation_end(trainer, None)  # type: ignore[arg-type]
    trainer.sanity_checking = False
    for epoch, accuracy in enumerate((0.5, 0.75)):
        trainer.current_epoch = epoch
        callback.on_train_batch_end(trainer, None, None, None, 1)  # type: ignore[arg-type]
        trainer.callback_metrics = {"val_accuracy": accuracy}
        callback.on_validation_end(trainer, None)  # type: ignore[arg-type]
    assert told == [
        (0.333, "epoch 1/3"),
        (0.333, "epoch 1/3: val. acc. 50.00 %"),
        (0.667, "epoch 2/3 (1: val. acc. 50.00 %)"),
        (0.667, "epoch 2/3: val. acc. 75.00 %"),
    ]
