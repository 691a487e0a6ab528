"""What is measured of networks of sound."""
