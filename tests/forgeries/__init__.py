"""Thousands of forged model files, and how loading and scoring handle them."""
