"""Scoring and fitting on engines that run on many machines: Ray and Spark; and models in MLflow."""
