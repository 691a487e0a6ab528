"""Operators taken into the ones before them."""
