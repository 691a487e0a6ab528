"""The files in which stages hand their results on, each named once.

Models are named by the stage that makes them and listed in VARIANTS_FILE.
"""

# data, calibration
DATA_FILE = "data.npz"
FINDINGS_FILE = "findings.json"
PREPROCESSING_FILE = "preprocessing.json"
CALIBRATION_FILE = "calibration.npz"
CALIBRATION_ROW_FILE = "calibration.json"
# train, prune
CHECKPOINT = "model.ckpt"
METRICS_FILE = "metrics.csv"
TRAINING_FILE = "training.json"
PRUNING_FILE = "pruning.json"
# every stage that makes models
VARIANTS_FILE = "variants.json"
RANGES_FILE = "ranges.npz"  # what PyTorch's quantized model knows of its tensors
QAT_TRAINING_FILE = "qat_training.json"
ENGINE_FILE = "engine.json"  # inside a .pt
MIXED_FILE = "mixed.json"
# measuring
DENSE_FILE = "dense.json"
TFLM_FILE = "tflm.json"
PREDICTIONS_FILE = "predictions.npz"
MEASUREMENTS_FILE = "measurements.json"
PARITY_FILE = "parity.json"
LATENCY_FILE = "latency.json"
# targets
FIT_FILE = "fit.json"
TARGETS_FILE = "targets.json"
EDGE_TPU_FILE = "edge_tpu.json"
BUNDLE_ROW_FILE = "bundle-row.json"  # what the report says of the bundle
DESK_FILE = "desk.json"
# the report
JSON_FILE, HTML_FILE = "report.json", "report.html"
