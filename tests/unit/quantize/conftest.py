from pathlib import Path

import pytest
import torch
from torch import nn


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)  # layers this small wait for threads more than they compute


@pytest.fixture
def branching(tmp_path: Path) -> tuple[Path, nn.Module]:
    """A file, and the network in it, whose line 6 branches on a value: nothing that traces can follow it."""
    file = tmp_path / "branch.py"
    file.write_text(
        "import torch\nfrom torch import nn\n\nclass Branch(nn.Module):\n    def forward(self, x):\n"
        "        if x.sum() > 0:\n            return x\n        return -x\n"
    )
    scope: dict[str, type[nn.Module]] = {}
    exec(compile(file.read_text(), str(file), "exec"), scope)
    return file, scope["Branch"]()
