"""What a .tflite file made anywhere says of itself, what a person says of it, and what then is left to ask."""
