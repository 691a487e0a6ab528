"""Data sources, their splits and the representative dataset."""
