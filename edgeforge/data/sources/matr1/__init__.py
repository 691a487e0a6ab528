"""MATR1: lithium-ion cells and how long they lasted, in the three forms in which it is published."""
