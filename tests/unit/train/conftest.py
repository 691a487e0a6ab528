"""Lightning imports torchvision, which here may need the help that the stages give it."""

import torch

from edgeforge.torchvision_import import import_torchvision

import_torchvision()
torch.set_num_threads(1)  # networks this small only wait for each other's threads
