"""The tensor arenas in the terminal and on the page."""
