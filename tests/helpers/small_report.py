"""A small report of every part; test data, not measurements."""

from edgeforge.results.rows.calibration import CalibrationRow, Finding
from edgeforge.results.rows.report import Agreement, Check, Drop, Latency, Metrics, Report, TargetRow, VariantRow
from edgeforge.results.rows.training import EpochRow, TrainingRow


def variant(name: str, runtime: str, correct: int, size: int, drop: str = "tie") -> VariantRow:
    """Return a variant's row: `correct` of 100 images are right."""
    low, high = correct / 100 - 0.02, correct / 100 + 0.02
    return VariantRow(
        name=name, runtime=runtime, precision="int8", size_bytes=size, arena_bytes=3520,
        metrics=Metrics(images=100, correct=correct, top1=correct / 100, top1_low=low, top1_high=high,
                        precision_macro=0.9, recall_macro=0.9, confusion=[[50, 0], [100 - correct, correct - 50]]),
        drop=Drop(points=1.0, only_reference_right=1, only_variant_right=0, p_value=0.01, verdict=drop),
        latency_ms=Latency(p50=0.5, p99=0.9, threads=1, runs=100, ratio=0.5, ratio_low=0.4, ratio_high=0.6,
                           verdict="better"),
        agreement=Agreement(top1=0.99, max_abs_logit=0.1, sqnr_db=30.0),
        checks=[Check(name="no float tensor", passed=True, detail="all 13")],
    )  # fmt: skip


def small_report() -> Report:
    """Return the report."""
    target = TargetRow(
        board="pico", title="Pico", fits=False, reason="too <large>", flash_bytes=10, flash_limit_bytes=5,
        ram_bytes=10, ram_limit_bytes=20, arena_bytes=9, arena_head_bytes=4, arena_tail_bytes=5,
    )  # fmt: skip
    failed = VariantRow(name="torch-eager-int8", runtime="torch", precision="int8", status="failed",
                        reason="no <FloatFunctional>")  # fmt: skip
    return Report(
        recipe="tiny", seed=1, classes=["cat", "<dog>"], input_shape=[1, 8, 8], normalize={}, toolchain={"torch": "2"},
        split={"train": 10, "val": 5, "test": 100}, machine={"cpu": "x", "cores": 2, "system": "Linux", "vnni": False},
        variants=[variant("torch-fp32", "torch", 98, 5000, "reference"), failed,
                  variant("tflite-int8", "litert", 97, 1000, "worse"), variant("tflm-int8", "tflm", 97, 1000)],
        targets=[target], findings=[Finding(severity="error", what="look <here>", remedy="mend")],
        calibration=CalibrationRow(samples=10, per_class={"cat": 5}, source="training split", minimum=0, maximum=1),
        training=TrainingRow(epochs=[EpochRow(epoch=0, train_loss=1.0, val_loss=1.0, val_accuracy=0.9)], best_epoch=0,
                             stopped_early=False, parameters=100),
        stages=[], recipe_yaml="name: tiny",
    )  # fmt: skip
