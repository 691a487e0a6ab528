"""The Arduino project: sketch, op resolver, test vectors, and a board on its serial port."""
