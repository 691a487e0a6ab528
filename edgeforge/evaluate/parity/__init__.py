"""Float against int8 layer by layer, and every runtime against every other."""
