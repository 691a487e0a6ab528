"""A network of sound on continuous recordings: what it detects, and how often it is wrong."""
