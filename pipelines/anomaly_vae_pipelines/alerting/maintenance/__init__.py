"""What can be done about alerts outside of a run: see their status, send them again, try the sinks."""
