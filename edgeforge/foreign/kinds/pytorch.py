"""What PyTorch says: while a network runs, and of its files."""

from edgeforge.foreign.kinds.kind import IMAGES, WHOLE, Kind

NETWORK = (  # while a network runs
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
        r"empty_strided not supported on quantized tensors",
        "PyTorch has no quantized kernel for an operation there, such as + of two tensors",
        "write it as torch.ao.nn.quantized.FloatFunctional().add(a, b); FX and PT2E need no such thing",
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

FILES = (  # checkpoints, TorchScript files and safetensors
    Kind(r"The provided filename .* does not exist|File doesn't exist|Could not open '", "there is no such file"),
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
)
