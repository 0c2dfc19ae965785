"""``anomaly-vae serve``: scores over HTTP."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from anomaly_vae_pipelines.cli.exit_codes import Terminated
from anomaly_vae_pipelines.cli.printing import printable

if TYPE_CHECKING:
    from anomaly_vae_pipelines.service.http.keys import Role

_PACKAGES = ("httptools", "msgspec", "prometheus_client", "pydantic_settings", "starlette", "uvicorn")


@click.command("serve")
@click.argument("models", nargs=-1, metavar="[NAME=]MODEL...")
@click.option("--host", help="Address to listen on. [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65_535), help="Port; 0 chooses a free one. [default: 8080]")
@click.option("--keys-file", metavar="FILE", help="File of API keys, as --new-key prints them.")
@click.option("--verdicts-folder", metavar="FOLDER", help="Store verdicts about rows, NAME.jsonl per model.")
@click.option("--id", "ids", multiple=True, metavar="COLUMN", help="Column that names rows. Repeatable.")
@click.option("--history", metavar="FILE", help="Keep anomalies for 30 days in a SQLite file.")
@click.option("--no-history", is_flag=True, help="Keep no row; the default keeps the last in memory.")
@click.option("--ssl-certfile", metavar="FILE", help="Certificate chain (PEM): serve over TLS.")
@click.option("--ssl-keyfile", metavar="FILE", help="Private key of the certificate (PEM).")
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), help="[default: info]")
@click.option("--config", metavar="FILE", help="TOML file of settings; options given here override it.")
@click.option(
    "--new-key",
    type=click.Choice(["score", "verdict", "admin"]),
    help="Print a new API key and its line for --keys-file, and exit.",
)
def command(
    models: tuple[str, ...], config: str | None, new_key: Role | None, no_history: bool, **given: Any
) -> None:
    """Serve MODELs over HTTP, until SIGTERM or Ctrl-C.

    A MODEL is a file that fit wrote, or a directory of versions (1.avae, 2.avae ...), of which the highest
    is the default. Its name is that of the file without suffix, unless NAME= is given. A file that changes
    is checked and then replaces the old model between two requests; if it cannot be loaded, the old model
    is still served.

    \b
        /             web page: overview, and scoring a CSV file or images
        /v1/overview  rates, severities and anomalies of the last day
        /v1/score     rows as JSON, CSV or Arrow; image files
        /v1/verdicts  what people said about rows, for anomaly-vae learn
        /v2           the Open Inference Protocol (KServe, Triton)
        /metrics      for Prometheus
        /docs         API reference with examples

    Options override the environment (ANOMALY_VAE_MAX_ROWS), which overrides --config.
    """  # noqa: D301 (click wants the control character)
    require_service()
    if new_key is not None:
        from anomaly_vae_pipelines.service.http import keys

        key, line = keys.new_key(new_key)
        click.echo(f"key   {key}   (for the client; it is not stored)\nline  {line}")
        return
    from anomaly_vae_pipelines.service.models.files import model_paths
    from anomaly_vae_pipelines.service.server import serve
    from anomaly_vae_pipelines.service.settings import read_settings

    if no_history:
        if given["history"] is not None:
            raise click.UsageError("--history and --no-history exclude each other; give one of them")
        given["history"] = "off"
    settings = read_settings(
        config, **{name: value for name, value in given.items() if value not in (None, ())}
    )
    with suppress(Terminated):  # the normal end of a service
        serve(model_paths(models, settings.models), settings, _print_url)


def require_service() -> None:
    """Raise MissingExtraError if the packages of the service are not installed."""
    try:
        for package in _PACKAGES:
            import_module(package)
    except ImportError as error:
        from anomaly_vae.errors import MissingExtraError

        raise MissingExtraError(
            f"the service needs {error.name}; pip install 'anomaly-vae[serve]'"
        ) from error


def _print_url(url: str) -> None:
    click.echo(printable(f"serving on {url} (stop with Ctrl-C)"), err=True)
