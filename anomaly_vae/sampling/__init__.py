"""Samples of streams of rows of any length, in one pass and bounded memory."""
