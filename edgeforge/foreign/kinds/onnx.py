"""What the onnx package and ONNX Runtime say."""

from edgeforge.foreign.kinds.kind import WHOLE, Kind

ONNX = (
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
    Kind(
        r"must be topologically sorted, however input '(.*?)' of node",
        "its graph is not whole, or goes in a circle: nothing makes '{0}' before it is read",
        "export it again",
    ),
    Kind(
        r"input (\d+) is marked single but has an empty string",
        "its graph is not whole: an operator lacks its input {0}",
    ),
    Kind(
        r"No opset import for domain '(.*?)'",
        "it has operators of the domain '{0}', and does not say of which version",
        "export the model without operators of another domain",
    ),
    Kind(
        r"external TensorProto .*?should be a relative path, but it is an absolute path: (\S+)|"
        r"should be file inside the \S+ but the '(.+?)' points outside",
        "its weights lie in {0}, outside of its folder, and are not read",
        "save it with its weights beside it",
    ),
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
        r"returned while running (\w+) node.*[Ff]ailed to allocate memory",
        "operator {0} asks for more memory than it may take",
        "make it smaller; if it is meant, EDGEFORGE_MAX_MEMORY=4G before the command helps",
    ),
    Kind(
        r"returned while running (\w+) node",
        "operator {0} cannot compute with this input",
    ),
)
