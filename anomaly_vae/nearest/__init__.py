"""Nearest normal rows: the least change that brings an anomalous row back above the threshold."""
