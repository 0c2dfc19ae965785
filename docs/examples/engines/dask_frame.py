import dask.dataframe as dd
import pandas as pd
import pyarrow as pa

from anomaly_vae_pipelines import ArrowScorer

scorer = ArrowScorer("model.avae", columns=["code"])


def score(rows: pd.DataFrame) -> pd.DataFrame:
    return scorer(pa.Table.from_pandas(rows, preserve_index=False)).to_pandas()


logs = dd.read_parquet("logs")
logs.map_partitions(score, meta=score(logs.head(1))).to_parquet("scored")
