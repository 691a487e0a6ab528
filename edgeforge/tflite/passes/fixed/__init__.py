"""A model whose shapes the file leaves free, made one of fixed shapes: what a board takes."""
