import ray

from anomaly_vae_pipelines.engines.ray import score

logs = ray.data.read_parquet("logs")
score(logs, "model.avae", columns=["code"]).write_parquet("scored")
