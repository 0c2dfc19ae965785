"""TopicAddress: ``kafka://HOST:PORT,HOST:PORT/TOPIC``, the only form of URL of a topic that is read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from anomaly_vae.errors import InputError

SCHEME = "kafka://"
BROKERS_VARIABLE = "KAFKA_BOOTSTRAP_SERVERS"
"""The environment variable of brokers."""

GRAMMAR = "kafka://HOST:PORT,HOST:PORT/TOPIC"

_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*)|\[[0-9A-Fa-f:.]+\])"
_BROKER = re.compile(rf"{_HOST}(?::(?P<port>\d{{1,5}}))?")
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")


def is_topic(source: str) -> bool:
    """Whether a source is the URL of a topic rather than a path."""
    return source.startswith(SCHEME)


@dataclass(frozen=True)
class TopicAddress:
    """A topic, and the brokers to ask first.

    Attributes
    ----------
    topic : str
    brokers : tuple of str
        Each as ``host`` or ``host:port``; empty if the URL names none.
    """

    topic: str
    brokers: tuple[str, ...] = ()

    @classmethod
    def parse(cls, url: str) -> Self:
        """The address in a URL; raises InputError for any other form than ``GRAMMAR``.

        Without brokers the URL is ``kafka:///TOPIC``.

        >>> TopicAddress.parse("kafka://broker1:9092,broker2/orders")
        TopicAddress(topic='orders', brokers=('broker1:9092', 'broker2'))
        """
        if "@" in url:  # not repeated, because a password may be in it
            raise InputError(
                "a URL of a topic has no user or password, which others on this machine could see; write "
                "sasl.username and sasl.password into the file of --kafka-config"
            )
        if "?" in url or "#" in url:
            raise _wrong(url, "settings of the client go into the file of --kafka-config")
        hosts, slash, topic = url.removeprefix(SCHEME).partition("/")
        if not slash:
            raise _wrong(url, f"without brokers, which {BROKERS_VARIABLE} then names, kafka:///TOPIC")
        if not _TOPIC.fullmatch(topic) or topic in (".", ".."):
            raise _wrong(url, f"{topic!r} is not the name of one topic (letters, digits, '.', '_' and '-')")
        brokers = tuple(hosts.split(",")) if hosts else ()
        for broker in brokers:
            found = _BROKER.fullmatch(broker)
            if found is None or not 0 < int(found["port"] or 1) < 1 << 16:
                raise _wrong(url, f"{broker!r} is not HOST or HOST:PORT")
        return cls(topic, brokers)

    def __str__(self) -> str:
        return f"{SCHEME}{','.join(self.brokers)}/{self.topic}"


def _wrong(url: str, why: str) -> InputError:
    return InputError(f"{url}: wanted {GRAMMAR}; {why}")
