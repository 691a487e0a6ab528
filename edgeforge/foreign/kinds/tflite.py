"""What LiteRT, TFLM and TensorFlow's converter say."""

from edgeforge.foreign.kinds.kind import Kind

TFLITE = (
    Kind(r"should be 'TFL3'|identifier .* should be", "it is no .tflite file"),
    Kind(r"Mmap of .* failed", "it is empty"),
    Kind(
        r"Didn't find op for builtin opcode '(\w+)' version '(\d+)'",
        "LiteRT here does not know operator {0} in version {1}",
        "convert it with an older TensorFlow, or replace the operator",
    ),
    Kind(
        r"Didn't find op for builtin opcode '(\w+)'", "there is no kernel for operator '{0}'", "replace it in the model"
    ),
    Kind(
        r"unresolved custom op: (\w+)",
        "its operator {0} is a custom one, which nothing but its maker's runtime has",
        "replace it in the model",
    ),
    Kind(
        r"registration from op code CUSTOM|Select TensorFlow op\(s\)",
        "it holds an operator of TensorFlow's or of somebody's own",
        "convert it with tf.lite.OpsSet.TFLITE_BUILTINS alone, or replace the operator",
    ),
    Kind(r"Tensor (\d+) is invalidly specified", "tensor {0} has fewer values than its shape says", "convert it again"),
    Kind(
        r"Node number (\d+) \((\w+)\) failed to prepare",
        "layer {0} ({1}) has types or shapes that its kernel does not take",
        "convert it again, or replace the layer",
    ),
    Kind(
        r"no_integer_overflow_from_quantization was not true\.\s+Node (?:number )?(\w+) \((?:number )?(\w+)\)",
        "layer {0} ({1}) hardly answers: in steps of its output's scale its clamp, such as ReLU6's 6, exceeds 32 bits",
        "look for a dead layer before it, or calibrate with other inputs, and convert it again",
    ),
    Kind(
        r"quantization\.type != kTfLite|input->type != output->type|input_type == output_type",
        "a layer has types or a quantization that its kernel does not take",
        "convert it again with full integer quantization",
    ),
    Kind(
        r"Dimension mismatch\. Got (\d+) but expected (\d+) for dimension (\d+)",
        "its input takes {1} in dimension {2} and is given {0}",
    ),
    Kind(r"Got value of type (\w+) but expected type (\w+) for input", "its input is {1}, not {0}"),
    Kind(r"failed to allocate tensors", "its tensors do not fit into the arena, or a layer is not supported"),
    Kind(
        r"'tf\.(\w+)' op is neither a custom op nor a flex op",
        "TFLite has no operator for tf.{0}",
        "replace it in the model",
    ),
)
