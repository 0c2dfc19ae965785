"""Transforms and statistics of images in torch: brightness, scales, gradients; and their complexity."""
