"""Random changes of what is trained on."""
