import mlflow
import pandas as pd

from anomaly_vae_pipelines.engines import mlflow as flavor

with mlflow.start_run():
    info = flavor.log_model("model.avae", name="orders")

rows = pd.read_parquet("logs")
scored = mlflow.pyfunc.load_model(info.model_uri).predict(rows)  # a DataFrame with the index of the rows
scored.to_parquet("scored")
detector = flavor.load_model(info.model_uri)  # the fitted detector
