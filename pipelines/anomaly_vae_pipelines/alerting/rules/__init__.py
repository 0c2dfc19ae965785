"""Rules: scored rows in, matches out."""
