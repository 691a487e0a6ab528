"""What other libraries raise, told in the words of EdgeForge: the cause, and a remedy."""
