"""The files in which stages hand their results on, each named once.

Models are listed in VARIANTS_FILE. In the store no file has the recipe's name: a renamed recipe finds them all. Where
a person looks for them they have, see `published`.
"""

# data, calibration
DATA_FILE = "data.npz"
STREAMS_FILE = "streams.npz"
CLIPS_FILE = "clips.npz"
LISTENING_FILE = "listening.json"
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
PT2E_RANGES_FILE = "pt2e_ranges.npz"  # the same of PT2E's, beside FX's
QAT_TRAINING_FILE = "qat_training.json"
ENGINE_FILE = "engine.json"  # inside a .pt
ONNX_FLOAT_FILE, ONNX_INT8_FILE = "fp32.onnx", "int8.onnx"
ONNX_GIVEN_FILE, ONNX_GIVEN_FACTS = "given.onnx", "given.json"  # a quantized ONNX model that the recipe names
TORCH_FAKE_QUANT_FILE = "fx_fake_quant.pt"
QAT_TORCH_FILE, QAT_FAKE_QUANT_FILE, QAT_ONNX_FILE = "qat_int8.pt", "qat_fake_quant.pt", "qat_fp32.onnx"
QAT_FLOAT_FILE, QAT_INT8_FILE = "qat_float32.tflite", "qat_int8.tflite"
QDQ_FLOAT_FILE, QDQ_INT8_FILE = "qdq_float32.tflite", "qdq_int8.tflite"
ORIGINS_FILE = "origins.json"  # what each tensor of the .tflite files is in ONNX and PyTorch
MIXED_MODEL_FILE = "mixed.tflite"
MIXED_FILE = "mixed.json"
# measuring
DENSE_FILE = "dense.json"
TFLM_FILE = "tflm.json"
PREDICTIONS_FILE = "predictions.npz"
SELF_AGREEMENT_FILE = "self_agreement.json"  # of each runtime that has predicted
MEASUREMENTS_FILE = "measurements.json"
MISTAKES_FILE = "mistakes.json"
MAPS_FILE = "maps.json"
HEAD_FILE = "head.json"  # of train and prune: what is known of the primary head after them
ANSWERS_FILE = "answers.npz"  # in the build folder, for `edgeforge compare`
PARITY_FILE = "parity.json"
LATENCY_FILE = "latency.json"
# targets
FIT_FILE = "fit.json"
PACKED_FILE = "packed.tflite"  # of the stage fit: the model as it goes to the boards
SCORE_FILE = "score.json"  # of a search: accuracy on the validation images
TARGETS_FILE = "targets.json"
EDGE_TPU_FILE = "edge_tpu.json"
COMPILED_FILE = "compiled.json"
EMULATED_FILE = "emulated.json"  # what the report says of the engine
BUNDLE_ROW_FILE = "bundle-row.json"  # what the report says of the bundle
DESK_FILE = "desk.json"
# the report
JSON_FILE, HTML_FILE = "report.json", "report.html"

# In the build folder: what a build made before the recipe was changed, until a build of the recipe of today is whole.
EARLIER = "earlier"

# What stands before the names of a runtime's models in the build folder; {name} is the recipe's.
TORCH_PLACE, ONNX_PLACE, TFLITE_PLACE = "torch/{name}_", "onnx/{name}_", "tflite/{name}_"
PLACES = {"torch": TORCH_PLACE, "onnxruntime": ONNX_PLACE, "litert": TFLITE_PLACE}


def published(file: str, runtime: str, recipe: str) -> str:
    """Return where a model of a stage is in the build folder of the recipe so named: `tflite/digits_int8.tflite`."""
    return PLACES[runtime].format(name=recipe) + file


def torch_file(kind: str) -> str:
    """Return the file of a PyTorch variant such as `fx_int8`."""
    return f"{kind}.pt"


def tflite_file(variant: str) -> str:
    """Return the file of a TFLite variant such as `tflite-int8`."""
    return f"{variant.removeprefix('tflite-')}.tflite"
