"""Sinks as they stand in a TOML file: each table ``[[sink]]`` becomes one object, or one for each address.

Every sink has ``kind``, and may have ``name`` (by default its kind), ``severity`` (the least that it
wants) and ``timeout``. Beside those:

    jsonl          path, "-" for standard output
    webhook        url or url_env; secret_env
    alertmanager   url or url_env
    apprise        urls_env: addresses with blanks between

What ends in ``_env`` names a variable of the environment: no secret stands in the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.alerting.config.toml import Table
from anomaly_vae_pipelines.alerting.delivery.apprise_sink import apprise_sink
from anomaly_vae_pipelines.alerting.delivery.sinks import AlertmanagerSink, JsonLinesSink, Sink, WebhookSink
from anomaly_vae_pipelines.alerting.records import SEVERITIES


@dataclass(frozen=True)
class _Common:
    """What every sink has."""

    name: str
    severity: str
    timeout: float


Environ = Mapping[str, str]


def read_sinks(table: Table, environ: Environ) -> Sequence[Sink]:
    """The sinks of a table; raises InputError for what isn't right in it."""
    kind = table.choice("kind", _KINDS)
    if kind is None:
        raise table.missing("kind", f"one of {', '.join(_KINDS)}")
    sinks = _KINDS[kind](table, _common(table, kind), environ)
    table.done()
    return sinks


def _common(table: Table, kind: str) -> _Common:
    name, timeout = table.text("name") or kind, table.seconds("timeout")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", name):
        raise table.mistake("name", "letters, digits, - . and _ (it names a directory)", name)
    if timeout == 0:
        raise table.mistake("timeout", "a duration longer than 0", "0s")
    return _Common(name, table.choice("severity", SEVERITIES) or SEVERITIES[0], timeout or 10.0)


def _jsonl(table: Table, common: _Common, environ: Environ) -> Sequence[Sink]:
    path = table.text("path")
    if path is None:
        raise table.missing("path", 'the name of a file, or "-" for standard output')
    return [JsonLinesSink(common.name, path, common.severity, common.timeout)]


def _webhook(table: Table, common: _Common, environ: Environ) -> Sequence[Sink]:
    secret = _variable(table, "secret_env", environ)
    return [WebhookSink(common.name, _url(table, environ), secret, common.severity, common.timeout)]


def _alertmanager(table: Table, common: _Common, environ: Environ) -> Sequence[Sink]:
    return [AlertmanagerSink(common.name, _url(table, environ), common.severity, common.timeout)]


def _apprise(table: Table, common: _Common, environ: Environ) -> Sequence[Sink]:
    urls = (_variable(table, "urls_env", environ) or "").split()
    if not urls:
        raise table.missing("urls_env", "the environment variable that holds the addresses")
    # One sink an address: if one of two fails, the other doesn't get the alert twice.
    names = [common.name, *(f"{common.name}-{i}" for i in range(2, len(urls) + 1))]
    return [
        apprise_sink(name, url, common.severity, common.timeout)
        for name, url in zip(names, urls, strict=True)
    ]


def _url(table: Table, environ: Environ) -> str:
    """The address, from the file or the environment; no message shows it."""
    table.only_one("url", "url_env")
    url = table.text("url") or _variable(table, "url_env", environ)
    if url is None:
        raise table.missing("url", "an address, or url_env, the environment variable that holds it")
    if not _is_http(url):
        raise InputError(f"{table.where}: the address wants to be http:// or https:// and a host")
    return url


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _variable(table: Table, key: str, environ: Environ) -> str | None:
    """The value of the variable that a key names; raises InputError where it isn't set."""
    variable = table.text(key)
    if variable is None:
        return None
    value = environ.get(variable, "").strip()
    if not value:
        raise InputError(f"{table.where}: {key} names {variable}, and that isn't set; export it first")
    return value


_KINDS: dict[str, Callable[[Table, _Common, Environ], Sequence[Sink]]] = {
    "jsonl": _jsonl,
    "webhook": _webhook,
    "alertmanager": _alertmanager,
    "apprise": _apprise,
}
