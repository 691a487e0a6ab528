"""Rewrites of the network, a file each; their order stands in order.py."""
