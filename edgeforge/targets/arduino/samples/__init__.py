"""A sensor's samples on the serial line: recorded from a board, and replayed through it."""
