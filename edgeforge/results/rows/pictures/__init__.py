"""Rows that hold pictures."""
