"""Plain PyTorch: q(z | x), p(x | z) and the ELBO as named terms per row and feature, in nats."""
