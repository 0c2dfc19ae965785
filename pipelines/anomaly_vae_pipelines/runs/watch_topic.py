"""TopicWatcher: scores the messages of a Kafka topic as they come, and passes them to an observer.

The order makes it at least once: the alerts of a batch are on disk, then the checkpoint with the state of the
observer, and only then are the offsets committed. After a crash between two of these steps the messages of
the batch come again.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from anomaly_vae_pipelines.io.kafka.address import TopicAddress
from anomaly_vae_pipelines.io.kafka.consumer import TopicConsumer
from anomaly_vae_pipelines.plurals import counted, listed
from anomaly_vae_pipelines.runs.observing import Observing
from anomaly_vae_pipelines.scoring.adapters import Messages
from anomaly_vae_pipelines.sources.messages import MessageSource

_MOST_NAMED = 5


class TopicWatcher:
    """Passes the messages of a topic to an observer as they arrive.

    Parameters
    ----------
    observing : Observing
        What is done with rows.
    consumer : TopicConsumer
        Reads the messages; closed with the watcher.
    messages : callable
        Makes a source of a batch of them.
    key_column : str or None
        Column for the keys of messages.
    interval : float
        Seconds in which the messages of a batch are collected.

    Raises
    ------
    SourceError
        For a checkpoint of something else.
    """

    n_lost = 0

    def __init__(
        self,
        observing: Observing,
        consumer: TopicConsumer,
        messages: Messages,
        *,
        key_column: str | None = None,
        interval: float = 1.0,
    ) -> None:
        self.observing, self._consumer, self._messages = observing, consumer, messages
        self._key_column, self._interval = key_column, interval
        self._topic = consumer.address.topic
        with ExitStack() as on_error:
            on_error.callback(consumer.close)
            with observing.valid_checkpoint():
                if observing.saved and observing.saved["topic"] != self._topic:
                    raise ValueError("of another topic")
            on_error.pop_all()

    @property
    def is_waiting(self) -> bool:
        """Whether the partitions of this consumer are not known yet, or have messages that were not read."""
        return not self._consumer.is_at_end

    def poll(self) -> int:
        """Read the messages that come within the interval; returns their number."""
        batch = self._consumer.read(self._interval)
        if batch:
            is_first = not self.observing.counts.n_rows
            others = self.observing.observer.columns
            with self._messages(self._topic, batch, others=others, key_column=self._key_column) as source:
                for _ in self.observing.observe(source):
                    self.save()
            self._consumer.commit()
            if is_first:
                self._report_absent(source, len(batch))
        return len(batch)

    def close(self) -> None:
        """Leave the group, so that others have the partitions at once."""
        self._consumer.close()

    def wait(self, seconds: float) -> None:
        """Return at once: ``poll`` waits for messages."""

    def save(self) -> None:
        """Save the state of the observer to the checkpoint; positions are the committed offsets."""
        self.observing.save(topic=self._topic)

    def _report_absent(self, source: MessageSource, n_messages: int) -> None:
        """Report columns that no message of the first batch has."""
        if source.absent:
            names = listed(sorted(source.absent), _MOST_NAMED)
            first = counted(n_messages, "message")
            self.observing.on_trouble(
                f"{source.name}: none of the first {first} has {names}, which the model, a rule or --id "
                f"reads; a field that is absent counts as a missing cell"
            )


def default_checkpoint(address: TopicAddress) -> Path:
    """Return the default checkpoint of the watch of a topic: a hidden file in the current folder."""
    return Path(f".{address.topic}.watch")
