"""Builds side by side: judged (judge.py), as a table (table.py) and as a page (page.py)."""
