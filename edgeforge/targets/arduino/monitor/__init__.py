"""A board over a serial port: what it is asked, what it answers, and how far that is from the desk's answers."""
