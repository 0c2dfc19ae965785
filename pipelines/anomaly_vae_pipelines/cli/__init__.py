"""The command line ``anomaly-vae``: one command a file, which parses, calls one function and prints."""
