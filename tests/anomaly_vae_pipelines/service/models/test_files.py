"""Names, versions and files of models, from the arguments of the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.service.models.files import model_paths


def test_models_are_called_by_their_files_or_as_they_are_named(tmp_path: Path) -> None:
    """A directory holds versions, the others one."""
    (tmp_path / "a.avae").touch()
    (tmp_path / "b").mkdir()
    for version in ("1", "10", "9"):
        (tmp_path / "b" / f"{version}.avae").touch()
    a, b = model_paths([f"{tmp_path}/a.avae", f"c={tmp_path}/b"], {})
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
        (["=a.avae"], "not a valid model name"),
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
        model_paths(arguments, {})
