"""The parts of a model file: its container, its tree, what a file may describe, and its self-test."""
