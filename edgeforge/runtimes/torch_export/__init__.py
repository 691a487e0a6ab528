"""torch.export files (.pt2): loaded as data, and run."""
