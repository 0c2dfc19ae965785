import duckdb
import pyarrow.parquet as pq

from anomaly_vae_pipelines import ArrowScorer

scorer = ArrowScorer("model.avae", columns=["code"])
batches = duckdb.sql("from 'logs/*.parquet'").fetch_record_batch(100_000)  # one batch in memory at a time
with pq.ParquetWriter("scored", scorer.schema(batches.schema)) as writer:
    for batch in batches:
        writer.write_batch(scorer(batch))
