"""Where a search keeps what it has found: its journal, and copies of its artifacts."""
