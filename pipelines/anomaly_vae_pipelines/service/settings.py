"""Settings of the service: from the command line, the environment and a TOML file, in this order."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, PositiveFloat, PositiveInt, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.errors import UnknownNameError
from anomaly_vae_pipelines.io.toml import load_toml

PREFIX = "ANOMALY_VAE_"
"""Prefix of settings in the environment: ``ANOMALY_VAE_MAX_ROWS``."""

MIB = 1 << 20


class Settings(BaseSettings):
    """Settings of a service. Sizes are in bytes, times in seconds."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8080, ge=0, le=65_535, description="Port to listen on; 0 chooses a free one.")
    models: dict[str, str] = Field(
        default_factory=dict, description="Models by name: a file, or a directory of versions."
    )

    max_body_bytes: PositiveInt = Field(default=16 * MIB, description="Of a request, also decompressed.")
    max_rows: PositiveInt = Field(default=10_000, description="Of one request; images are rows.")
    max_in_flight: PositiveInt = Field(default=256, description="Requests in flight at once.")
    max_buffered_bytes: PositiveInt = Field(default=256 * MIB, description="Bodies held in memory at once.")
    max_wait: PositiveFloat = Field(default=0.5, description="To be read and scored; then the status is 503.")
    request_timeout: PositiveFloat = Field(default=30.0, description="From the first byte to the answer.")
    batch_wait: float = Field(
        default=0.002, ge=0.0, le=1.0, description="Longest wait for rows of other requests."
    )
    drain_timeout: PositiveFloat = Field(default=30.0, description="For open requests after SIGTERM.")
    reload_interval: float = Field(
        default=2.0, ge=0.0, description="Between checks of the model files; 0 never checks."
    )

    isolate: Literal["never", "reloads", "always"] = Field(
        default="reloads", description="Model files that a child process with limits loads first."
    )

    ids: tuple[str, ...] = Field(
        default=(), description="Columns that name rows in the overview; the model need not read them."
    )
    history: str = Field(
        default="memory",
        min_length=1,
        description="Where anomalies are kept: memory, a file (30 days), or off: then no row is.",
    )
    verdicts_folder: Path | None = Field(
        default=None, description="Folder for verdicts about rows; none are taken without it."
    )
    keys_file: Path | None = Field(default=None, description="File of keys: a role and a hash on each line.")
    keys: str = Field(default="", description="The same keys, separated by commas.")
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    ssl_certfile: Path | None = Field(default=None, description="Certificate chain (PEM), for TLS.")
    ssl_keyfile: Path | None = Field(default=None, description="Private key of the certificate (PEM).")
    ssl_keyfile_password: str | None = Field(default=None, repr=False, description="Of the private key.")
    ssl_ca_certs: Path | None = Field(
        default=None, description="CA that must have signed the certificates of clients."
    )


def read_settings(config: str | None = None, **given: Any) -> Settings:
    """The settings of a TOML file, overridden by the environment, overridden by ``given``.

    Raises
    ------
    InputError
        If the file cannot be read, a setting is unknown, or a value is out of range.
    """
    content = {} if config is None else load_toml(config)
    table = {name.replace("-", "_"): value for name, value in content.items()}
    for name in table:
        if name not in Settings.model_fields:
            raise UnknownNameError(f"{config}: there is no setting {name!r}", name, Settings.model_fields)
    try:
        return Settings(**table | Settings().model_dump(exclude_unset=True) | given)
    except ValidationError as error:
        raise InputError(_first_problem(error, config)) from error


def _first_problem(error: ValidationError, config: str | None) -> str:
    """The problem of the first wrong setting, and where it may be set."""
    first = error.errors(include_url=False, include_input=False)[0]
    name = ".".join(map(str, first["loc"])) or "settings"
    where = f" (--{name.replace('_', '-')}, {PREFIX}{name.upper()}" + (f" or {config})" if config else ")")
    return f"setting {name!r}: {first['msg'].lower()}{where}"
