"""Metrics for Prometheus, at ``/metrics``.

Requests are counted when they end; the metrics of models are read when Prometheus asks for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from anomaly_vae_pipelines.service.models.registry import Registry
from anomaly_vae_pipelines.service.models.statistics import LEAST

MEDIA = "text/plain; version=1.0.0; charset=utf-8"

disable_created_metrics()  # type: ignore[no-untyped-call]  # they would add a second series per metric

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_NAMED = ("model", "version")


class Metrics:
    """Counters of one service and its models; each service of a process has its own."""

    def __init__(self, models: Registry) -> None:
        self._collectors = CollectorRegistry()
        self._requests = Counter(
            "anomaly_vae_requests",
            "Requests answered, by route and HTTP status.",
            ("route", "status"),
            registry=self._collectors,
        )
        self._seconds = Histogram(
            "anomaly_vae_request_duration_seconds",
            "Time from the first byte of a request to the last one of its answer.",
            ("route",),
            buckets=_SECONDS,
            registry=self._collectors,
        )
        self.in_flight = Gauge(
            "anomaly_vae_requests_in_flight", "Requests in flight.", registry=self._collectors
        )
        self.reload_failures = Counter(
            "anomaly_vae_model_reload_failures",
            "Model files that could not be loaded; the older model was still served.",
            _NAMED,
            registry=self._collectors,
        )
        self._collectors.register(_Models(models))
        self._known: dict[tuple[str, int], tuple[Counter, Histogram]] = {}

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        found = self._known.get((route, status))
        if found is None:
            found = self._requests.labels(route, str(status)), self._seconds.labels(route)
            self._known[route, status] = found
        found[0].inc()
        found[1].observe(seconds)

    def page(self) -> bytes:
        """All metrics in the text format of Prometheus."""
        return generate_latest(self._collectors)


class _Models(Collector):
    """The metrics of the models of a registry."""

    def __init__(self, models: Registry) -> None:
        self._models = models

    def collect(self) -> Iterator[Metric]:
        rows = CounterMetricFamily("anomaly_vae_rows", "Rows scored.", labels=_NAMED)
        anomalies = CounterMetricFamily("anomaly_vae_anomalies", "Rows below the threshold.", labels=_NAMED)
        scores = HistogramMetricFamily(
            "anomaly_vae_score_nats",
            "Scores, in nats; buckets end at quantiles of calibration scores.",
            labels=_NAMED,
        )
        drift = _gauge(
            "score_drift",
            "Kolmogorov-Smirnov distance, 0 to 1, of the last 5,000 to 10,000 scores from calibration; "
            f"absent for fewer than {LEAST} rows.",
        )
        drift_rows = _gauge("score_drift_rows", "Rows whose scores that distance is about.")
        columns = GaugeMetricFamily(
            "anomaly_vae_column_drift",
            "Total variation distance, 0 to 1, of a column of recent rows from calibration; only of columns "
            "that drift.",
            labels=(*_NAMED, "column"),
        )
        column_rows = _gauge(
            "column_drift_rows", "Recent rows whose columns are compared; absent if none are kept."
        )
        threshold = _gauge("threshold_nats", "The threshold; absent if each key has its own.")
        waiting = _gauge("rows_waiting", "Rows waiting for their scores.")
        info = InfoMetricFamily("anomaly_vae_model", "The served model.", labels=_NAMED)
        loaded = _gauge("model_loaded_timestamp_seconds", "When the model was loaded.")
        load = _gauge("model_load_seconds", "Time that loading the model took.")
        for served in self._models.all():
            labels = (served.name, served.version)
            now = served.statistics.snapshot()
            rows.add_metric(labels, now.n_rows)
            anomalies.add_metric(labels, now.n_anomalies)
            ends = [*(f"{edge:.6g}" for edge in now.edges), "+Inf"]
            cumulative = map(float, accumulate(now.counts))
            scores.add_metric(labels, list(zip(ends, cumulative, strict=True)), now.total)
            if now.drift is not None:
                drift.add_metric(labels, now.drift)
            drift_rows.add_metric(labels, now.n_recent)
            if (recent := served.recent_drift) is not None:
                column_rows.add_metric(labels, recent.n_rows)
                for column in recent.columns() or ():
                    if column.effect is not None:
                        columns.add_metric((*labels, column.name), column.effect)
            if served.offset is not None:
                threshold.add_metric(labels, served.offset)
            waiting.add_metric(labels, self._models.get(*labels)[1].n_rows)
            info.add_metric(labels, {"id": served.model_id, "kind": served.kind})
            loaded.add_metric(labels, served.loaded_at.timestamp())
            load.add_metric(labels, served.seconds)
        yield from (rows, anomalies, scores, drift, drift_rows, columns, column_rows)
        yield from (threshold, waiting, info, loaded, load)


def _gauge(name: str, about: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"anomaly_vae_{name}", about, labels=_NAMED)
