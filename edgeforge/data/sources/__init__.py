"""Where images and labels come from: one source a file."""
