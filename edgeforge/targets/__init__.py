"""Boards, and what is put on them."""
