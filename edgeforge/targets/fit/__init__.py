"""Does a model fit a board: tensor arena, flash and RAM, predicted without it."""
