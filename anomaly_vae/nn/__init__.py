"""Plain torch: q(z | x), p(x | z) and the ELBO as named per-row, per-feature terms in nats."""
