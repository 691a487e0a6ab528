"""Rewrites of an ONNX graph, a pass a file; `order.py` says in which order they run, and why.

Each computes the same function, and a node that stays keeps its name, by which later stages find its module.
"""
