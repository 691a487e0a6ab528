"""Where things lie in the arena: blocks, the greedy plan, the search for the least."""
