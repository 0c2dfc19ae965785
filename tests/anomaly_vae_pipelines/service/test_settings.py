"""Settings and keys: where they come from, and what is said of wrong ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.service.settings import read_settings


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each fills in what the one before left open."""
    config = tmp_path / "serve.toml"
    config.write_text('port = 1\nmax-rows = 2\nlog_level = "error"\n[models]\na = "a.avae"\n')
    monkeypatch.setenv("ANOMALY_VAE_MAX_ROWS", "3")
    monkeypatch.setenv("ANOMALY_VAE_PORT", "4")
    settings = read_settings(str(config), port=5)
    assert (settings.port, settings.max_rows, settings.log_level) == (5, 3, "error")
    assert settings.models == {"a": "a.avae"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prot = 1", "did you mean 'port'"),
        ("port = 99999", "setting 'port'"),
        ('max_rows = "many"', "setting 'max_rows'"),
        ("port =", "is not TOML"),
    ],
)
def test_a_wrong_file_is_told_why(tmp_path: Path, text: str, said: str) -> None:
    """By name, with the way out."""
    config = tmp_path / "serve.toml"
    config.write_text(text)
    with pytest.raises(InputError, match=said):
        read_settings(str(config))
