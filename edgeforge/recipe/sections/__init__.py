"""The parts of a recipe that have a file of their own, and what every part is."""
