import daft
import pyarrow as pa

from anomaly_vae_pipelines import ArrowScorer

scorer = ArrowScorer("model.avae", columns=["code"])
logs = daft.read_parquet("logs/*.parquet")
scored = pa.concat_tables(scorer(pa.Table.from_batches([batch])) for batch in logs.to_arrow_iter())
daft.from_arrow(scored).write_parquet("scored")
