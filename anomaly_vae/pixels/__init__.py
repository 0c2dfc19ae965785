"""What an image is before a network sees it: brightness, scales, gradients, and where a defect shows."""
