"""A model file in the terminal and as a page: layers, graph, memory over time, what differs from another."""
