"""Which kernels there are: the portable ones stand with their operators, those of cores in a folder each."""
