from pyspark.sql import SparkSession

from anomaly_vae_pipelines.engines.spark import score_frame

spark = SparkSession.builder.appName("score").getOrCreate()
scored = score_frame(spark.read.parquet("logs"), "model.avae", columns=["code"])
scored.write.parquet("scored")
