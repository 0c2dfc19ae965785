"""Sinks: scored rows to CSV, JSON Lines or Parquet; a file is written completely or not at all."""
