"""``python -m anomaly_vae_pipelines.cli``, the same as ``anomaly-vae``."""

from anomaly_vae_pipelines.cli.main import main

main()
