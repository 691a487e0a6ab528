"""How a person's files are opened: as what they are, once, and no more of them than there is room for."""
