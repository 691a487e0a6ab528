"""What is known of boards, TFLM libraries, Arduino platforms and code sizes: TOML files and their readers."""
