"""Sinks: scored rows to CSV, JSON Lines or Parquet, whole or not at all."""
