"""A fault at every step: each system call of a run fails, or is the last one of its process, in turn."""
