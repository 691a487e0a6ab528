"""What other libraries are known to say, and what EdgeForge says instead, a file a library: wording.py reads it.

The first kind that fits counts. tests/unit/foreign/ makes each library say each of them.
"""

from edgeforge.foreign.kinds.kind import Kind
from edgeforge.foreign.kinds.lightning import LIGHTNING
from edgeforge.foreign.kinds.numpy import NUMPY
from edgeforge.foreign.kinds.onnx import ONNX
from edgeforge.foreign.kinds.pillow import PILLOW
from edgeforge.foreign.kinds.pyserial import SERIAL
from edgeforge.foreign.kinds.python import FILES as PYTHON_FILES
from edgeforge.foreign.kinds.python import PYTHON
from edgeforge.foreign.kinds.pytorch import FILES as PYTORCH_FILES
from edgeforge.foreign.kinds.pytorch import NETWORK
from edgeforge.foreign.kinds.pyyaml import YAML
from edgeforge.foreign.kinds.tflite import TFLITE
from edgeforge.foreign.kinds.typer import COMMAND_LINE

FILES = (*PYTORCH_FILES, *PYTHON_FILES, *NUMPY, *PILLOW)
KINDS = (*YAML, *COMMAND_LINE, *NETWORK, *FILES, *ONNX, *TFLITE, *SERIAL, *LIGHTNING, *PYTHON)

__all__ = ["FILES", "KINDS", "LIGHTNING", "NETWORK", "ONNX", "PYTHON", "SERIAL", "TFLITE", "Kind"]
