"""What report.json is made of, row by row."""
