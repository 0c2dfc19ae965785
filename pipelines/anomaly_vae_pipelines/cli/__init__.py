"""The command line ``anomaly-vae``: one module per command, which parses, calls one function and prints."""
