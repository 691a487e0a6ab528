"""EdgeForge: from a PyTorch CNN to a board, proven before flashing."""

__version__ = "0.1.0"
