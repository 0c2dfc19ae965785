"""Transforms and statistics of images: brightness, scales, gradients, complexity and surprises."""
