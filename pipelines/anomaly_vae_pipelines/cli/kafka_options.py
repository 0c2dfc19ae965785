"""The options of a Kafka topic as SOURCE of ``watch``."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import click

from anomaly_vae_pipelines.cli.options import refuse_together
from anomaly_vae_pipelines.io.kafka.address import TopicAddress, is_topic
from anomaly_vae_pipelines.io.kafka.consumer import require_client
from anomaly_vae_pipelines.io.kafka.settings import consumer_settings

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = ("group", "kafka_config", "key_column")


class Topic(NamedTuple):
    """A topic to watch: its address, the settings of the client, and the column for the keys of messages."""

    address: TopicAddress
    settings: dict[str, str]
    key_column: str | None


def kafka_options(command: F) -> F:
    """``--group``, ``--kafka-config`` and ``--key-column``: how a topic is read."""
    group = click.option(
        "--group",
        metavar="NAME",
        help="Consumer group of a topic: its members share the partitions. Each model needs its own. "
        "[default: group.id in --kafka-config]",
    )
    config = click.option(
        "--kafka-config",
        metavar="FILE",
        help="Settings of the client of a topic, with passwords: lines key=value, as librdkafka names them.",
    )
    key = click.option(
        "--key-column", metavar="NAME", help="Name under which rules and the model see the key of a message."
    )
    return group(config(key(command)))


def topic_of(ctx: click.Context, source: str) -> Topic | None:
    """Return the topic that SOURCE names; None for a file or a directory.

    Raises UsageError for options of the other kind of source, InputError as ``consumer_settings`` does, and
    MissingExtraError.
    """
    if not is_topic(source):
        refuse_together(ctx, _OPTIONS, "a file or a directory; SOURCE would be kafka://HOST:PORT/TOPIC")
        return None
    refuse_together(ctx, ("given_format",), "a topic, whose messages are JSON objects; leave it out")
    address = TopicAddress.parse(source)
    params = ctx.params
    settings = consumer_settings(address, params["group"], params["kafka_config"], os.environ)
    require_client()
    return Topic(address, settings, params["key_column"])
