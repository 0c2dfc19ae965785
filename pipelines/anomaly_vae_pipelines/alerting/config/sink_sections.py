"""Sinks as they stand in a TOML file: the keys of each table ``[[sink]]``, and the sinks that they make.

A key that ends in ``_env`` names an environment variable, so that no secret stands in the file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.alerting.config.sections import PositiveSeconds, Section, Severity, Text
from anomaly_vae_pipelines.alerting.delivery.apprise_sink import apprise_sink
from anomaly_vae_pipelines.alerting.delivery.signatures import key_of
from anomaly_vae_pipelines.alerting.delivery.sinks import AlertmanagerSink, JsonLinesSink, Sink, WebhookSink
from anomaly_vae_pipelines.io.files import check_output

_NAME = Field(
    pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$",
    description="up to 64 letters, digits, - . and _ (it names a directory)",
)
_PATH = Field(description='the name of a file, or "-" for standard output')
_URLS = Field(description="the environment variable that holds the addresses")

Environ = Mapping[str, str]


class SinkSection(Section):
    """The keys that every sink has."""

    kind: str = ""
    name: Annotated[str, _NAME]
    severity: Severity = "info"
    timeout: PositiveSeconds = 10.0

    def sinks(self, environ: Environ) -> Sequence[Sink]:
        """The sinks, one for each address; raises InputError if one cannot be made."""
        raise NotImplementedError


class JsonLinesSection(SinkSection):
    """A file of JSON Lines."""

    path: Annotated[Text, _PATH]

    def sinks(self, environ: Environ) -> Sequence[Sink]:
        if self.path != "-":
            check_output(self.path, force=True)
        return [JsonLinesSink(self.name, self.path, severity=self.severity, timeout=self.timeout)]


class AlertmanagerSection(SinkSection):
    """Prometheus Alertmanager."""

    url: Text | None = None
    url_env: Text | None = None

    @model_validator(mode="after")
    def _check_url(self) -> Self:
        if self.url is not None and self.url_env is not None:
            raise ValueError("give only one of url, url_env")
        if self.url is None and self.url_env is None:
            raise ValueError("url is missing; give a URL, or url_env, the environment variable that holds it")
        return self

    def address(self, environ: Environ) -> str:
        """The URL, from the file or the environment; no message shows it."""
        url = self.url or variable("url_env", self.url_env, environ)
        if not is_http(url):
            key = "url" if self.url else "url_env"
            raise InputError(f"{key} must hold a URL that starts with http:// or https:// and names a host")
        return url

    def sinks(self, environ: Environ) -> Sequence[Sink]:
        url = self.address(environ)
        return [AlertmanagerSink(self.name, url, severity=self.severity, timeout=self.timeout)]


class WebhookSection(AlertmanagerSection):
    """A receiver of JSON."""

    secret_env: Text | None = None

    def sinks(self, environ: Environ) -> Sequence[Sink]:
        secret = variable("secret_env", self.secret_env, environ) if self.secret_env else None
        try:
            key_of(secret or "")
        except ValueError:
            raise InputError(
                f"secret_env names {self.secret_env}, whose value starts with whsec_ and must then "
                "be base64; correct it, or remove the prefix"
            ) from None
        url = self.address(environ)
        return [WebhookSink(self.name, url, secret, severity=self.severity, timeout=self.timeout)]


class AppriseSection(SinkSection):
    """The services of Apprise; a sink for each address, so that one that fails does not repeat the others."""

    urls_env: Annotated[Text, _URLS]

    def sinks(self, environ: Environ) -> Sequence[Sink]:
        urls = variable("urls_env", self.urls_env, environ).split()
        names = [self.name, *(f"{self.name}-{i}" for i in range(2, len(urls) + 1))]
        pairs = zip(names, urls, strict=True)
        return [apprise_sink(name, url, self.severity, self.timeout) for name, url in pairs]


SINKS: Mapping[str, type[SinkSection]] = {
    "jsonl": JsonLinesSection,
    "webhook": WebhookSection,
    "alertmanager": AlertmanagerSection,
    "apprise": AppriseSection,
}
"""Sections by ``kind``."""


def variable(key: str, name: str | None, environ: Environ) -> str:
    """The value of the environment variable that a key names; raises InputError if it is not set."""
    value = environ.get(name or "", "").strip()
    if not value:
        raise InputError(f"{key} names {name}, which is not set; export it first")
    return value


def is_http(url: str) -> bool:
    """Whether a text is a URL of HTTP with a host."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
