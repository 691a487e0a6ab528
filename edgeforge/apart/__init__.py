"""Work on a stranger's file in a process of its own, with limits: whatever an engine does there is one line here."""
