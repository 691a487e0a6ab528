"""Transposes and reshapes of a converter: joined, and moved to where they are few."""
