"""TopicConsumer: a member of a consumer group that reads one topic (extra ``kafka``)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from importlib.util import find_spec
from typing import Any

from anomaly_vae.errors import MissingExtraError
from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.io.kafka.address import TopicAddress
from anomaly_vae_pipelines.io.kafka.offsets import Message, Offsets
from anomaly_vae_pipelines.io.kafka.settings import BROKERS

CONNECT_SECONDS = 10.0
"""Seconds in which a broker must answer at the start."""

WAIT_SECONDS = 0.5
"""The longest wait in the client, in which Ctrl-C and SIGTERM have no effect."""

FETCHED = 256
"""Messages that are taken from the client at a time."""

BATCH_BYTES = 1 << 22
"""Bytes of messages after which a batch ends, which bounds memory."""


class TopicConsumer:
    """Reads batches of messages, and commits their offsets when ``commit`` is called.

    Its partitions change only during ``read``. If others got them meanwhile because it was too slow, the
    brokers refuse its offsets.

    Parameters
    ----------
    address : TopicAddress
    settings : dict of str to str
        Those of ``consumer_settings``.
    on_trouble : callable
        Called with a message about a broker that is away; the client tries again by itself.

    Raises
    ------
    MissingExtraError
        If confluent-kafka is not installed.
    SourceError
        If a setting is not valid, no broker answers, authentication fails, or there is no such topic; later
        if the topic or the right to read it is gone.
    """

    def __init__(
        self, address: TopicAddress, settings: dict[str, str], on_trouble: Callable[[str], object]
    ) -> None:
        require_client()
        import confluent_kafka

        self._kafka: Any = confluent_kafka
        self.address, self._brokers, self._on_trouble = address, settings[BROKERS], on_trouble
        self._offsets, self._errors, self._is_away = Offsets(), list[Any](), False
        # The log of the client would fill stderr; its errors also come to ``error_cb``.
        own = {"log_level": "0", **settings, "error_cb": self._errors.append}
        try:
            self._client: Any = confluent_kafka.Consumer(own)
        except (confluent_kafka.KafkaException, ValueError) as error:
            raise SourceError(str(address), None, f"{_text(error)}; see --kafka-config") from error
        with ExitStack() as on_error:
            on_error.callback(self._client.close)
            self._check_topic()
            self._client.subscribe(
                [address.topic], on_assign=self._assign, on_revoke=self._revoke, on_lost=self._revoke
            )
            on_error.pop_all()

    def close(self) -> None:
        """Leave the group, so that others have the partitions at once."""
        self._client.close()

    @property
    def is_at_end(self) -> bool:
        """Whether all messages of the partitions of this consumer have been read."""
        return self._offsets.is_at_end

    def read(self, seconds: float) -> list[Message]:
        """The messages that come in this time, fewer if they are large; in the order of their offsets."""
        self._commit()
        until, n_bytes = time.monotonic() + seconds, 0
        while n_bytes < BATCH_BYTES and (left := until - time.monotonic()) > 0:
            for event in self._client.consume(FETCHED, min(left, WAIT_SECONDS)):
                n_bytes += self._take(event)
        if self._errors:
            self._report_away(self._errors[0].str())
            self._errors.clear()
        return self._offsets.waiting

    def commit(self) -> None:
        """Commit the offsets of all messages that ``read`` returned; their results must be on disk."""
        self._offsets.write()
        self._commit()

    def _commit(self) -> None:
        """Commit what can be committed; what the brokers do not accept now is tried again by ``read``."""
        if not (pending := self._offsets.pending):
            return
        topic = self.address.topic
        places = [self._kafka.TopicPartition(topic, number, end) for number, end in pending.items()]
        try:
            answered = self._client.commit(offsets=places, asynchronous=False)
        except self._kafka.KafkaException as error:
            self._report_away(f"offsets cannot be committed ({_text(error)})")
            return
        self._offsets.commit({place.partition: place.offset for place in answered if place.error is None})

    def _assign(self, _: Any, places: Iterable[Any]) -> None:
        self._offsets.assign(place.partition for place in places)

    def _revoke(self, _: Any, places: Iterable[Any]) -> None:
        self._offsets.revoke(place.partition for place in places)

    def _take(self, event: Any) -> int:
        """Take the message in an event, and return its bytes; 0 for another event.

        Raises SourceError if reading cannot go on.
        """
        error, codes = event.error(), self._kafka.KafkaError
        if error is None:
            self._is_away = False
            self._offsets.take(Message(event.partition(), event.offset(), event.key(), event.value()))
            return len(event.value() or b"")
        if error.code() == codes._PARTITION_EOF:
            self._offsets.end(event.partition())
        elif error.code() == codes._MAX_POLL_EXCEEDED:
            late = "other consumers have its partitions, because a batch took too long; it joins again"
            self._on_trouble(f"{self.address}: {late}")
        elif error.retriable():
            self._errors.append(error)
        else:
            raise self._failure(error)
        return 0

    def _check_topic(self) -> None:
        """Raise SourceError if the topic cannot be read."""
        until = time.monotonic() + CONNECT_SECONDS
        while True:
            try:
                found = self._client.list_topics(self.address.topic, timeout=1.0)
                break
            except self._kafka.KafkaException as error:
                self._client.poll(0)  # calls error_cb
                known = [item for item in self._errors if item.code() in self._denied()]
                if known or time.monotonic() > until:
                    raise self._failure((known or [error.args[0]])[0]) from error
        self._errors.clear()
        if (wrong := found.topics[self.address.topic].error) is not None:
            raise self._failure(wrong)

    def _denied(self) -> tuple[int, ...]:
        codes = self._kafka.KafkaError
        return (codes._AUTHENTICATION, codes.SASL_AUTHENTICATION_FAILED, codes._SSL)

    def _failure(self, error: Any) -> SourceError:
        """What went wrong, in one line, with the way out."""
        codes = self._kafka.KafkaError
        file = "in the file of --kafka-config"
        away = f"no broker answers; check {self._brokers}, and security.protocol {file}"
        ways = {
            **dict.fromkeys((codes._TRANSPORT, codes._ALL_BROKERS_DOWN, codes._TIMED_OUT), away),
            **dict.fromkeys(self._denied(), f"check security.protocol, sasl.* and ssl.* {file}"),
            codes.UNKNOWN_TOPIC_OR_PART: "create the topic, or check its name",
            codes.TOPIC_AUTHORIZATION_FAILED: "the user of the file of --kafka-config may not read the topic",
            codes.GROUP_AUTHORIZATION_FAILED: "the user of the file of --kafka-config may not use the group",
        }
        way = ways.get(error.code(), "")
        return SourceError(str(self.address), None, f"{error.str()}{'; ' if way else ''}{way}")

    def _report_away(self, problem: str) -> None:
        """Report once that brokers do not answer, until messages come again."""
        if not self._is_away:
            self._is_away = True
            self._on_trouble(f"{self.address}: {problem}; it is tried again")


def require_client() -> None:
    """Raise MissingExtraError if confluent-kafka is not installed."""
    if find_spec("confluent_kafka") is None:
        raise MissingExtraError("a kafka:// SOURCE needs confluent-kafka: pip install 'anomaly-vae[kafka]'")


def _text(error: Any) -> str:
    """What a KafkaException or a ValueError says."""
    first = error.args[0] if error.args else error
    return str(first.str() if hasattr(first, "str") else first)
