"""The user's network: from a class, a finished file or a checkpoint."""
