"""One Runner a runtime: layout and quantization of inputs and outputs are its business and nobody else's."""
