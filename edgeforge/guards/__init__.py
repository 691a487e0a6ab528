"""What keeps a stranger's file, a kill or a full disk from doing harm: deleting, starting processes, escaping text."""
