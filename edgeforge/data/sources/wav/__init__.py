"""The source `wav`: recordings of sound, a folder a class, as pictures of their features."""
