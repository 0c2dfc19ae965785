"""Settings and keys: where they come from, and what is said of wrong ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.service.http.keys import new_key, read_keys
from anomaly_vae_pipelines.service.models.files import places_of
from anomaly_vae_pipelines.service.settings import Settings, read_settings


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


def test_a_key_opens_what_its_line_says(tmp_path: Path) -> None:
    """From the file and from the environment; nothing else opens anything."""
    (score, score_line), (admin, admin_line) = new_key("score"), new_key("admin")
    file = tmp_path / "keys"
    file.write_text(f"# of the line\n\n{score_line}  # alice\n")
    keys = read_keys(Settings(keys_file=file, keys=admin_line))
    assert keys
    assert (keys.role_of(score), keys.role_of(admin)) == ("score", "admin")
    for wrong in ("", "x", score_line, score_line.split(":")[1], score + " ", "\udc80"):
        assert keys.role_of(wrong) is None
    assert not read_keys(Settings())
    assert score not in repr(keys)


@pytest.mark.parametrize(
    "line", ["score", "root sha256:" + "0" * 64, "score sha256:" + "0" * 63, "score md5:00"]
)
def test_a_line_that_is_no_key_is_refused(line: str) -> None:
    """A key that nobody can use would shut the door by mistake."""
    with pytest.raises(InputError, match="wanted a role"):
        read_keys(Settings(keys=line))


def test_models_are_called_by_their_files_or_as_they_are_named(tmp_path: Path) -> None:
    """A directory holds versions, the others one."""
    (tmp_path / "a.avae").touch()
    (tmp_path / "b").mkdir()
    for version in ("1", "10", "9"):
        (tmp_path / "b" / f"{version}.avae").touch()
    a, b = places_of([f"{tmp_path}/a.avae", f"c={tmp_path}/b"], {})
    assert [(file.name, file.version) for file in (*a.files(), *b.files())] == [
        ("a", "1"),
        ("c", "1"),
        ("c", "10"),
        ("c", "9"),
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "no model to serve"),
        (["none.avae"], "no such file"),
        (["a.avae", "a=a.avae"], "two models are called 'a'"),
        (["=a.avae"], "no name of a model"),
        (["empty"], "without .avae files"),
    ],
)
def test_wrong_models_are_told_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    """Before anything is loaded."""
    monkeypatch.chdir(tmp_path)
    Path("a.avae").touch()
    Path("empty").mkdir()
    with pytest.raises(InputError, match=said):
        places_of(arguments, {})
