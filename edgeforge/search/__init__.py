"""The search for the networks that are best within limits: trials are builds, Optuna chooses them."""
