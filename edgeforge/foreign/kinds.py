"""What other libraries are known to say, and what EdgeForge says instead: the table that wording.py reads.

Each kind has a pattern that is searched in the library's whole message, the cause in EdgeForge's words, where {0},
{1}, … are what the pattern's groups found, and a remedy; empty where only the caller knows one. The first that fits
counts. tests/unit/foreign/ makes each library say each of them.
"""

from __future__ import annotations

from typing import NamedTuple


class Kind(NamedTuple):
    """One known message of another library."""

    says: str
    cause: str
    remedy: str = ""


IMAGES = "or larger images (data.size)"
WHOLE = "copy or save it again"

NETWORK = (  # PyTorch, while a network runs
    Kind(
        r"mat1 and mat2 shapes cannot be multiplied \((\d+)x(\d+) and (\d+)x(\d+)\)",
        "a dense layer is given {1} values where it takes {2}",
        "set its in_features to {1}, or data.size and data.channels to what the network was made for",
    ),
    Kind(
        r"Expected size for first two dimensions of batch2 tensor to be: \[(.+?)\] but got: \[(.+?)\]",
        "a matrix product is given a second factor of {1} where it takes {0}",
        "look at the shapes of its two factors",
    ),
    Kind(
        r"Dimension out of range \(expected to be in range of \[(-?\d+), (-?\d+)\], but got (-?\d+)\)",
        "dimension {2} is asked for of a tensor whose dimensions are {0} to {1}",
        "an image is (batch, channels, height, width): has it been flattened or reduced before?",
    ),
    Kind(
        r"Given groups=\d+, weight of size .+ expected input\[.+\] to have (\d+) channels, but got (\d+) channels",
        "a convolution is given {1} channels where it takes {0}",
        "set its in_channels to {1}, or data.channels to what the network was made for",
    ),
    Kind(
        r"Calculated padded input size per channel: \((.+?)\)\. Kernel size: \((.+?)\)",
        "a kernel of {1} is larger than its input of {0}",
        f"take a smaller kernel, more padding, fewer strides before it, {IMAGES}",
    ),
    Kind(
        r"Given input size: \((.+?)\)\. Calculated output size: \(.+?\)\. Output size is too small",
        "a pooling of an input of {0} leaves nothing",
        f"take fewer poolings and strides, {IMAGES}",
    ),
    Kind(
        r"Expected .* input to conv(\d)d, but got input of size: (\[.*?\])",
        "a convolution in {0} dimensions is given a tensor of the shape {1}",
        "an image is (batch, channels, height, width): has it been flattened before?",
    ),
    Kind(
        r"running_mean should contain (\d+) elements not (\d+)",
        "a batch norm is given {0} channels where it takes {1}",
        "set its num_features to {0}",
    ),
    Kind(
        r"expected (\d)D.* input \(got (\d)D input\)",
        "a layer takes tensors of {0} dimensions and is given one of {1}",
        "look at what flattens or reshapes before it",
    ),
    Kind(
        r"Expected more than 1 value per channel when training",
        "a batch norm cannot train on one value for each channel",
        "raise train.batch_size, or take the batch norm behind the last pooling away",
    ),
    Kind(
        r"Given normalized_shape=(\[.+?\]), expected .* but got input of size(\[.+?\])",
        "a layer norm over {0} is given a tensor of the shape {1}",
        "set its normalized_shape to the sizes of the last dimensions",
    ),
    Kind(
        r"shape '(\[.+?\])' is invalid for input of size (\d+)",
        "{1} values do not fit into the shape {0}",
        "use x.flatten(1), or correct the sizes in view or reshape",
    ),
    Kind(
        r"view size is not compatible with input tensor's size and stride",
        "view() cannot be used on a tensor whose values do not lie in order",
        "use .reshape(…) there",
    ),
    Kind(
        r"The size of tensor a \((\d+)\) must match the size of tensor b \((\d+)\) at non-singleton dimension (\d+)",
        "two tensors that are to be combined have the sizes {0} and {1} in dimension {2}",
        "look at the strides, paddings and channels of the two paths",
    ),
    Kind(
        r"Sizes of tensors must match except in dimension (\d+)\. Expected size (\d+) but got size (\d+)",
        "tensors that are to be joined along dimension {0} have the sizes {1} and {2} in another",
        "look at the strides and paddings of the paths",
    ),
    Kind(
        r"stack expects each tensor to be equal size, but got (\[.+?\]) at entry \d+ and (\[.+?\])",
        "tensors that are to be stacked have the shapes {0} and {1}",
        "look at the strides and paddings of the paths",
    ),
    Kind(
        r"input\.dim\(\) = (\d+) is not equal to len\(dims\) = (\d+)",
        "permute() is given {1} dimensions for a tensor that has {0}",
        "name every dimension once",
    ),
    Kind(
        r"number of channels in input, but got weight of shape \[(\d+)\] and input of shape (\[.+?\])",
        "a normalization of {0} channels is given a tensor of the shape {1}",
        "set its number of channels to the second of these",
    ),
    Kind(
        r"Padding size should be less than the corresponding input dimension, but got: padding (\(.+?\))",
        "a reflecting padding of {0} is wider than its input",
        f"take a narrower padding, {IMAGES}",
    ),
    Kind(
        r"must have the same dtype, but got (\w+) and (\w+)|Input type \((\w+)\) and bias type \((\w+)\)",
        "a layer is given values of another type than its weights: {0} and {1}",
        "keep the network and what it makes in float32",
    ),
    Kind(
        r"Expected all tensors to be on the same device|is not on the expected device",
        "tensors lie on different devices",
        "make tensors in forward with device=x.device, or keep them with register_buffer",
    ),
    Kind(
        r"CUDA out of memory",
        "the GPU has no memory left",
        "lower train.batch_size, or train on the CPU: trainer.accelerator: cpu",
    ),
    Kind(
        r"can't allocate memory: you tried to allocate (\d+ bytes)|Unable to allocate (.+?) for an array",
        "there is not memory enough: {0} more are asked for",
        "lower train.batch_size or data.size, or take a machine with more memory",
    ),
    Kind(
        r"Torch not compiled with CUDA enabled|Found no NVIDIA driver",
        "this PyTorch knows no GPU",
        "take .cuda() out of the network; trainer.accelerator chooses the device",
    ),
    Kind(
        r"index (-?\d+) is out of bounds for dimension (\d+) with size (\d+)",
        "entry {0} is asked for in dimension {1}, which has {2}",
        "look at the indices in forward",
    ),
    Kind(
        r"Boolean value of Tensor with more than one value is ambiguous",
        "a tensor of several values is used as a condition",
        "use .any() or .all(), better no branch at all: boards run one path",
    ),
    Kind(
        r'Module \[(\w+)\] is missing the required "forward" function',
        "{0} has no method forward",
        "define forward(self, x) in it",
    ),
    Kind(
        r"Could not run 'aten::(\w+)[\w.]*' with arguments from the 'QuantizedCPU' backend",
        "PyTorch has no quantized kernel for {0}",
        "replace that operator, or keep its module in float (skip)",
    ),
    Kind(
        r"Could not run 'quantized::(\w+)[\w.]*' with arguments from the 'CPU' backend",
        "the quantized operator {0} is given float values",
        "quantize what comes before it too, or keep its module in float (skip)",
    ),
    Kind(
        r"Could not guard on data-dependent expression|used as inputs to control flow",
        "forward branches on the values of a tensor",
        "take the branch out: boards and exporters know one path",
    ),
    Kind(
        r"Could not extract specialized integer from data-dependent|not 'Proxy'",
        "forward takes a number out of a tensor (item(), int() or the like)",
        "compute with the tensor itself: exporters know no values",
    ),
    Kind(
        r"is not supported for tensor subclasses|invalid __array_struct__",
        "forward leaves PyTorch, for NumPy or the like",
        "use torch's own functions there",
    ),
    Kind(
        r"Error when translating node .*?target=torch\.ops\.aten\.(\w+)",
        "ONNX has no operator for {0}",
        "replace it in the network",
    ),
)

FILES = (  # what is wrong with a file of weights, a model, arrays, an image
    Kind(r"The provided filename .* does not exist|File doesn't exist|Could not open '", "there is no such file"),
    Kind(r"unpack_from requires a buffer", "it is cut short or damaged", WHOLE),
    Kind(r"failed locating file constants\.pkl", "it is a checkpoint of torch.save, not a TorchScript file"),
    Kind(r"PytorchStreamReader failed", "it is cut short or damaged, or no file of PyTorch at all", WHOLE),
    Kind(
        r"Weights only load failed[\s\S]*Unsupported global: GLOBAL (\S+)",
        "it holds more than tensors ({0}), and reading that would run its code",
    ),
    Kind(r"Weights only load failed", "it is no checkpoint of PyTorch, or a damaged one"),
    Kind(
        r"Cannot use ``weights_only=True`` with TorchScript archives",
        "it is a TorchScript file, a whole network",
        "name it as model.name instead",
    ),
    Kind(r"ran into an error when deserializing the saved file", "it is a file of PyTorch of another kind"),
    Kind(r"Error while deserializing", "it is no safetensors file, or a damaged one"),
    Kind(r"File is not a zip file", "it is cut short, damaged, or of another kind"),
    Kind(r"Bad CRC-32 for file '(.+?)'", "its part {0} is damaged", WHOLE),
    Kind(
        r"Cannot load file containing pickled data|contains pickled \(object\) data|invalid load key",
        "it is no file of NumPy arrays",
    ),
    Kind(r"Object arrays cannot be loaded", "an array in it holds Python objects, not numbers"),
    Kind(r"cannot reshape array of size (\d+) into shape \(?([\d,]+?),?\)", "{0} values do not fill the shape ({1})"),
    Kind(
        r"could not convert string '(.*?)' to float\d* at row (\d+), column (\d+)",
        "'{0}' is no number (column {2}, {1} lines above it)",
    ),
    Kind(r"could not convert string to float: (?:np\.str_\()?'(.*?)'", "'{0}' is no number"),
    Kind(r"number of columns changed from (\d+) to (\d+) at row (\d+)", "line {2} has {1} columns, not {0}"),
    Kind(r"operands could not be broadcast together with shapes (\(.+?\)) (\(.+?\))", "arrays of {0} and {1} meet"),
    Kind(r"file signature not found|truncated file", "it is no HDF5 file, or a damaged one"),
    Kind(r"object '(.+?)' doesn't exist", "it holds no '{0}'"),
    Kind(r"cannot identify image file", "it is not an image that Pillow can read"),
    Kind(r"image file is truncated", "the image is cut short"),
    Kind(r"broken data stream", "the image is damaged"),
    Kind(r"no element found|not well-formed|mismatched tag", "it is not whole XML"),
    Kind(r"unexpected end of data", "a quotation mark is not closed"),
    Kind(r"expected after '\"'", "text stands behind a closing quotation mark"),
)

ONNX = (  # the onnx package and ONNX Runtime
    Kind(r"Error parsing message|[Pp]rotobuf parsing failed", "it is no ONNX file, or a damaged one", WHOLE),
    Kind(r"does not have a graph|does not have an ir_version", "it is empty, or no ONNX file"),
    Kind(
        r"model ir_version (\d+) is higher than the checker's \((\d+)\)|"
        r"Unsupported model IR version: (\d+), max supported IR version: (\d+)",
        "it is written in ONNX's format {0}, and {1} is the newest that can be read here",
        "save it with an older onnx, or set model.ir_version = {1} before saving",
    ),
    Kind(
        r"Opset (\d+) is under development",
        "it asks for ONNX's operators of version {0}, which are newer than this ONNX Runtime",
        "export it with a lower opset_version",
    ),
    Kind(
        r"should be stored in (.+?), but it|cannot get file size: No such file or directory \[(.+?)\]",
        "its weights lie in a file of their own, {0}, which is not there",
        "copy that file beside it",
    ),
    Kind(r"No Op registered for (\w+)", "ONNX has no operator {0}", "replace it in the model"),
    Kind(
        r"([\w.]+:\w+)\(-?\d+\) is not a registered function",
        "its operator {0} is not one of ONNX's own",
        "export the model without operators of another domain",
    ),
    Kind(
        r"Could not find an implementation for (\w+)\((\d+)\)",
        "ONNX Runtime cannot run operator {0} of version {1}",
        "export the model with a newer opset_version, or replace the operator",
    ),
    Kind(r"Node input '(.+?)' is not a graph input", "its graph is not whole: nothing makes '{0}'", "export it again"),
    Kind(r"Field '(.+?)' of '(.+?)' is required but missing", "its graph is not whole: a {1} lacks its {0}"),
    Kind(
        r"Got invalid dimensions for input: (\S+) for the following indices\s+index: (\d+) Got: (\d+) Expected: (\d+)",
        "its input '{0}' takes {3} in dimension {1} and is given {2}",
    ),
    Kind(r"Invalid rank for input: (\S+) Got: (\d+) Expected: (\d+)", "its input '{0}' has {2} dimensions, not {1}"),
    Kind(
        r"Unexpected input data type\. Actual: \(tensor\((\w+)\)\) , expected: \(tensor\((\w+)\)\)",
        "its input is {1}, not {0}",
        "export it with a float32 input",
    ),
    Kind(r"Op \((\w+)\) \[ShapeInferenceError\]", "the shapes at operator {0} do not fit together", "export it again"),
    Kind(
        r"returned while running (\w+) node",
        "operator {0} cannot compute with this input",
    ),
)

TFLITE = (  # LiteRT, TFLM, and TensorFlow's converter
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

SERIAL = (
    Kind(r"Could not configure port", "it is no serial port", "name the board's port, as the Arduino IDE shows it"),
    Kind(r"Not a valid baudrate: (.+)", "{0} is no speed of a serial port", "for instance --baud 115200"),
)

LIGHTNING = (
    Kind(
        r"invalid accelerator name: `accelerator='(.+?)'`",
        "there is no accelerator '{0}'",
        "set trainer.accelerator to auto, cpu, cuda, mps or tpu",
    ),
    Kind(r"No supported gpu backend found", "there is no GPU here", "set trainer.accelerator to auto or cpu"),
    Kind(
        r"Precision '(.+?)' is invalid",
        "there is no precision '{0}'",
        "set trainer.precision to 32-true, 16-mixed or bf16-mixed",
    ),
    Kind(
        r"invalid strategy name: `strategy='(.+?)'`",
        "there is no strategy '{0}'",
        "set trainer.strategy to auto, ddp, ddp_spawn or fsdp",
    ),
    Kind(
        r"invalid value (.+?) for (limit_\w+)",
        "{1} is {0}",
        "set trainer.{1} to a share from 0.0 to 1.0, or to a whole number of batches",
    ),
    Kind(
        r"devices=.* value is not a valid input|`devices` selected with",
        "devices is no number of devices that are here",
        "set trainer.devices to auto, or to a whole number from 1",
    ),
    Kind(
        r"duration='(.+?)'\)` is not a valid duration",
        "max_time '{0}' is no time",
        "write trainer.max_time as DD:HH:MM:SS",
    ),
)

PYTHON = (  # Python itself, about code that is the user's own
    Kind(r"missing \d+ required positional arguments?: (.+)", "it also needs {0}"),
    Kind(r"got an unexpected keyword argument '(\w+)'", "it takes no '{0}'"),
    Kind(r"takes (.+?) positional arguments? but (\d+) (?:was|were) given", "it takes {0} values and is given {1}"),
    Kind(r"(too many|not enough) values to unpack \((expected .+?)[,)]", "{0} values are unpacked ({1})"),
    Kind(r"'(\w+)' object has no attribute '(\w+)'", "a {0} has no '{1}'", "look at the spelling, or define it"),
    Kind(r"name '(\w+)' is not defined", "'{0}' is not defined", "look at the spelling, or import it"),
    Kind(
        r"cannot import name '(\w+)' from '([\w.]+)'", "{1} has no '{0}'", "look at the spelling, and at {1}'s version"
    ),
    Kind(r"'NoneType' object is not callable", "something is called that is None", "look at where it is set"),
)

YAML = (
    Kind(r"found character '\\t'", "a tab, where YAML takes spaces alone", "put spaces there"),
    Kind(
        r"mapping values are not allowed here",
        "a colon where none may stand",
        "put a text with a colon in quotes, and look at the indentation",
    ),
    Kind(
        r"while parsing a flow (sequence|mapping)",
        "a bracket before this is not closed, or an entry in it lacks its comma",
        "close it: [a, b] or {{key: value}}",
    ),
    Kind(
        r"while parsing a block (mapping|collection)|unindent does not match|expected the node content",
        "the indentation does not fit the lines above",
        "put the keys of one section below one another",
    ),
    Kind(r"could not find expected ':'", "a key lacks its colon", "write key: value"),
    Kind(r"while scanning a quoted scalar", "a quotation mark is not closed", "close it"),
    Kind(r"found undefined alias '?(\w+)", "the alias '{0}' is not defined", "define it with &{0}, or quote it"),
    Kind(r"found character .* that cannot start any token", "a character that YAML keeps for itself", "quote it"),
    Kind(r"could not determine a constructor for the tag '(.+?)'", "a tag, {0}: a recipe is data", "remove it"),
    Kind(r"expected a single document", "a second document: a recipe is one", "remove the line ---"),
)

COMMAND_LINE = (  # typer, which says nothing else to a person
    Kind(r"Missing argument '(.+?)'", "'{0}' is missing"),
    Kind(r"Missing option '(.+?)'", "{0} is missing"),
    Kind(r"No such command '(.+?)'\. Did you mean '(.+?)'", "there is no command '{0}' (did you mean '{1}'?)"),
    Kind(r"No such command '(.+?)'", "there is no command '{0}'"),
    Kind(r"No such option: (\S+) \(Possible options: (.+?)\)", "there is no option {0} (did you mean {1}?)"),
    Kind(r"No such option: (\S+)", "there is no option {0}"),
    Kind(r"Got unexpected extra argument(?:s|\(s\))? \((.+?)\)", "nothing more is taken, and there is more: {0}"),
    Kind(r"[Oo]ption '?(--?[\w-]+)'? requires an argument", "{0} is given no value"),
    Kind(r"Invalid value for '(.+?)': Input should be greater than or equal to (\S+)", "{0}: give {1} or more"),
    Kind(r"Invalid value for '(.+?)': Input should be less than or equal to (\S+)", "{0}: give {1} or less"),
    Kind(r"Invalid value for '(.+?)': '?(.*?)'? is not a valid (\w+)", "{0}: '{1}' is no {2}"),
    Kind(r"Invalid value for '(.+?)': Input should be a valid (\w+)", "{0}: it is no {1}"),
)

KINDS = (*YAML, *COMMAND_LINE, *NETWORK, *FILES, *ONNX, *TFLITE, *SERIAL, *LIGHTNING, *PYTHON)
