"""A sketch that hears: features of a microphone's samples by the C code that the desk runs, and what they mean."""
