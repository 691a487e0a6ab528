"""Pictures with a mask each, in which every pixel is a class."""
