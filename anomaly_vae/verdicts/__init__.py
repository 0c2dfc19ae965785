"""Verdicts: what people said about rows, and the correction of scores that is learned from it."""
