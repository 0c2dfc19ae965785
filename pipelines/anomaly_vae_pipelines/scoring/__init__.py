"""Scoring: blocks of rows or images in, scored rows with reasons out."""
