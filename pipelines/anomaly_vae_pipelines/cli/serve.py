"""``anomaly-vae serve``: scores over HTTP."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import click

from anomaly_vae_pipelines.cli.exit_codes import Terminated
from anomaly_vae_pipelines.cli.printing import printable


@click.command("serve")
@click.argument("models", nargs=-1, metavar="[NAME=]MODEL...")
@click.option("--host", help="Address to listen on. [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65_535), help="Port; 0 takes a free one. [default: 8080]")
@click.option("--keys-file", metavar="FILE", help="File of keys, as --new-key prints them.")
@click.option("--ssl-certfile", metavar="FILE", help="Certificate chain (PEM): serve over TLS.")
@click.option("--ssl-keyfile", metavar="FILE", help="Private key of the certificate (PEM).")
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), help="[default: info]")
@click.option("--config", metavar="FILE", help="TOML file of settings; what is given here wins.")
@click.option(
    "--new-key",
    type=click.Choice(["score", "admin"]),
    help="Print a new key and the line of --keys-file that makes it known, and end.",
)
def command(models: tuple[str, ...], config: str | None, new_key: str | None, **given: Any) -> None:
    """Serve MODELs over HTTP, until SIGTERM or Ctrl-C.

    A MODEL is a file that fit made, called by its name without suffix unless NAME= says otherwise, or a
    directory of versions (1.avae, 2.avae ...), of which the highest is the default. A file that changes is
    loaded, checked and swapped in between two requests; one that cannot be used is refused, and the old
    model serves on.

    \b
        /             a page to score a CSV file or images by hand
        /v1/score     rows as JSON, CSV or Arrow; image files
        /v2           the Open Inference Protocol (KServe, Triton)
        /metrics      for Prometheus
        /docs         all of it, with examples

    Settings come from here, from the environment (ANOMALY_VAE_MAX_ROWS) and from --config, in this order.
    """  # noqa: D301 (click wants the control character)
    require_service()
    if new_key is not None:
        _print_key(new_key)
        return
    from anomaly_vae_pipelines.service.models.files import places_of
    from anomaly_vae_pipelines.service.server import serve
    from anomaly_vae_pipelines.service.settings import read_settings

    settings = read_settings(config, **{name: value for name, value in given.items() if value is not None})
    with suppress(Terminated):  # which is how a service is meant to end
        serve(places_of(models, settings.models), settings, _say_where)


def require_service() -> None:
    """Raise MissingExtraError where the packages of the service are not installed."""
    try:
        import httptools  # noqa: F401
        import msgspec  # noqa: F401
        import prometheus_client  # noqa: F401
        import pydantic_settings  # noqa: F401
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        from anomaly_vae.errors import MissingExtraError

        raise MissingExtraError(
            f"the service needs {error.name}; pip install 'anomaly-vae[serve]'"
        ) from error


def _print_key(role: Any) -> None:
    from anomaly_vae_pipelines.service.http.keys import new_key

    key, line = new_key(role)
    click.echo(f"key   {key}   (give it to whoever will use it; it is not kept)")
    click.echo(f"line  {line}")


def _say_where(url: str) -> None:
    click.echo(printable(f"serving on {url} (Ctrl-C ends it)"), err=True)
