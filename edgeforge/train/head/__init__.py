"""What a trained network's primary head means: probabilities or logits, and from which output on it says yes."""
