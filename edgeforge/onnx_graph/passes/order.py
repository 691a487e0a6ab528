"""The order in which an ONNX graph is rewritten on its way to TFLite."""

from __future__ import annotations

from edgeforge.onnx_graph.passes.average_as_pool import AverageAsPool
from edgeforge.onnx_graph.passes.flatten_channels_last import FlattenChannelsLast
from edgeforge.onnx_graph.passes.fold_constants import FoldConstants
from edgeforge.onnx_graph.passes.forms.average_of_one import AverageOfOne
from edgeforge.onnx_graph.passes.forms.gelu_by_tanh import GeluByTanh
from edgeforge.onnx_graph.passes.forms.index_of_concatenation import IndexOfConcatenation
from edgeforge.onnx_graph.passes.forms.two_dimensions import TwoDimensions
from edgeforge.onnx_graph.passes.forms.uneven_split import UnevenSplit
from edgeforge.onnx_graph.passes.gather_as_reshape import GatherAsReshape
from edgeforge.onnx_graph.passes.hard_sigmoid_by_relu6 import HardSigmoidByRelu6
from edgeforge.onnx_graph.passes.max_pool_padded_first import MaxPoolPaddedFirst
from edgeforge.onnx_graph.passes.name_nodes import NameNodes
from edgeforge.onnx_graph.passes.norm_as_root import NormAsRoot
from edgeforge.onnx_graph.passes.onnx_pass import OnnxPass

TO_TFLITE: tuple[NameNodes | OnnxPass, ...] = (
    NameNodes(),  # first: the others call what they add after the node that they add it for
    FoldConstants(),  # before all that looks for constants
    GatherAsReshape(),  # behind it: the indices are constants by then
    IndexOfConcatenation(),
    UnevenSplit(),
    TwoDimensions(),  # before the pools: it makes some
    AverageOfOne(),  # behind TwoDimensions, before it is taken for a pool
    AverageAsPool(),
    GeluByTanh(),
    HardSigmoidByRelu6(),
    NormAsRoot(),
    MaxPoolPaddedFirst(),  # behind the gates: it looks for what they have become, a clip at zero
    FlattenChannelsLast(),  # last: it reads N,C,H,W shapes, and the transposes that it adds are N,H,W,C
)
