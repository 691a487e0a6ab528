"""What is judged on the validation images, by which a search chooses."""
