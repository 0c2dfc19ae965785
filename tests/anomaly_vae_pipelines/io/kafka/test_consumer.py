"""Consumers of topics; those with the client of Kafka and a cluster are tested among the engines."""

from __future__ import annotations

import pytest

from anomaly_vae.errors import MissingExtraError
from anomaly_vae_pipelines.io.kafka import consumer


def test_without_the_client_the_message_names_the_extra(monkeypatch):
    """Not a traceback of an import."""
    monkeypatch.setattr(consumer, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'anomaly-vae\[kafka\]'"):
        consumer.require_client()
