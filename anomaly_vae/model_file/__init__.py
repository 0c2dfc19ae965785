"""The parts of a model file: its container, its tree, the objects that it may describe, and its self-test."""
