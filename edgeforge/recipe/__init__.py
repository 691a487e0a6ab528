"""The recipe: its schema, loading it with every mistake by its line, and writing one to begin with."""
