"""Settings of a consumer: those of a properties file, as clients of librdkafka read it, and our own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.errors import SourceError
from anomaly_vae_pipelines.io.kafka.address import BROKERS_VARIABLE, TopicAddress

BROKERS, GROUP, RESET = "bootstrap.servers", "group.id", "auto.offset.reset"

OWN = {
    # Offsets are committed once the results of the rows before them are on disk.
    "enable.auto.commit": "false",
    "enable.auto.offset.store": "false",
    # Tells --once that all rows have been read.
    "enable.partition.eof": "true",
}
"""Settings on which the guarantees of a watch depend; a file cannot change them."""


def consumer_settings(
    address: TopicAddress, group: str | None, path: str | None, environ: Mapping[str, str]
) -> dict[str, str]:
    """The settings of a consumer of a topic.

    Parameters
    ----------
    address : TopicAddress
    group : str or None
        The consumer group; by default that of the file.
    path : str or None
        A properties file.
    environ : mapping of str to str
        The environment, whose KAFKA_BOOTSTRAP_SERVERS counts if neither the URL nor the file names brokers.

    Raises
    ------
    InputError
        If there are no brokers or no group, or for a mistake in the file; no message shows its values.
    """
    given = {RESET: "earliest"} | ({} if path is None else read_properties(path))
    brokers = ",".join(address.brokers) or given.get(BROKERS) or environ.get(BROKERS_VARIABLE)
    if not brokers:
        raise InputError(
            f"{address}: has no broker; wanted kafka://HOST:PORT/{address.topic}, {BROKERS} in the file of "
            f"--kafka-config, or {BROKERS_VARIABLE}"
        )
    member_of = group or given.get(GROUP)
    if not member_of:
        raise InputError(
            f"{address}: add --group NAME; the consumers of a group share the partitions of a topic, so each "
            f"model needs a group of its own"
        )
    return given | {BROKERS: brokers, GROUP: member_of} | OWN


def read_properties(path: str) -> dict[str, str]:
    """The settings in a file of lines ``key=value``; lines that are empty or start with ``#`` are skipped.

    Raises InputError if the file cannot be read, and for a line of another form, a key that is there twice
    and a key of ``OWN``.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(_lines(path), start=1):
        if not line or line.startswith("#"):
            continue
        key, equals, value = (part.strip() for part in line.partition("="))
        if not equals or not key:
            raise SourceError(path, number, "wanted key=value, such as security.protocol=SASL_SSL")
        if key in OWN:
            raise SourceError(
                path, number, f"{key} is always {OWN[key]}, so that no row is lost; remove the line"
            )
        if key in found:
            raise SourceError(path, number, f"{key} is there already; give each setting once")
        found[key] = value
    return found


def _lines(path: str) -> list[str]:
    try:
        return [line.strip() for line in Path(path).read_text(encoding="utf-8").splitlines()]
    except OSError as error:
        raise InputError(f"{path}: cannot be opened ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8; wanted lines of key=value") from error
