"""Drift: how rows differ from those of calibration, by column, and when they began to."""

from anomaly_vae.drift.monitor import DriftMonitor
from anomaly_vae.drift.report import ColumnDrift, DriftReport

__all__ = ["ColumnDrift", "DriftMonitor", "DriftReport"]
