"""What stages find out, as types, and the files in which they hand it on."""
