"""The passes, in the order in which they run."""

from __future__ import annotations

from edgeforge.passes import Pass
from edgeforge.targets.engine.network import Network
from edgeforge.targets.engine.passes.choose_kernels import ChooseKernels
from edgeforge.targets.engine.passes.drop_reshapes import DropReshapes
from edgeforge.targets.engine.passes.fold_pads import FoldPads
from edgeforge.targets.engine.passes.fuse_activations import FuseActivations
from edgeforge.targets.engine.passes.place_ends import PlaceEnds
from edgeforge.targets.engine.passes.plan_memory import PlanMemory
from edgeforge.targets.engine.passes.save_memory import SaveMemory
from edgeforge.targets.engine.passes.work_in_place import WorkInPlace

PASSES: tuple[Pass[Network], ...] = (
    FoldPads(),
    FuseActivations(),
    # After these two, which find neighbours by their tensors; before kernels are chosen, of which it needs none.
    DropReshapes(),
    ChooseKernels(),
    SaveMemory(),  # tries what the passes below make of it
    WorkInPlace(),  # asks the kernels
    PlanMemory(),  # asks them for scratch; no operator may change afterwards
    PlaceEnds(),
)
