import ray

from anomaly_vae import TabularVAEDetector, save
from anomaly_vae_pipelines.engines.ray import fit, score

logs = ray.data.read_parquet("logs")
detector = fit(logs.drop_columns(["code"]), TabularVAEDetector(random_state=0))
save(detector, "model.avae")
score(logs, "model.avae", columns=["code"]).write_parquet("scored")
