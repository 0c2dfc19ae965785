"""``python -m pipelines.cli``, the same as ``anomaly-vae``."""

from pipelines.cli.main import main

main()
