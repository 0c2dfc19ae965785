"""Files, URLs and streams: names to bytes and back, atomic replacement, threads in order."""
