import polars as pl

from anomaly_vae_pipelines import ArrowScorer

scorer = ArrowScorer("model.avae", columns=["code"])
scored = pl.from_arrow(scorer(pl.read_parquet("logs/*.parquet").to_arrow()))
scored.write_parquet("scored")
