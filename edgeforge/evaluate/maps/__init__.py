"""Maps, a class for each pixel: how well they cover the true ones, and pictures of them."""
