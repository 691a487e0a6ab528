"""Accuracy, latency, agreement, and the statistics that judge them."""
