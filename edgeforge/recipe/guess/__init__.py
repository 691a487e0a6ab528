"""What `edgeforge init` can tell of a user's files."""
