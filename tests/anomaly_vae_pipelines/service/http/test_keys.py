"""API keys: where they come from, and which roles they have."""

from __future__ import annotations

from pathlib import Path

import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.service.http.keys import new_key, read_keys
from anomaly_vae_pipelines.service.settings import Settings


def test_a_key_opens_what_its_line_says(tmp_path: Path) -> None:
    """From the file and from the environment; nothing else opens anything."""
    (score, score_line), (admin, admin_line) = new_key("score"), new_key("admin")
    verdict, verdict_line = new_key("verdict")
    file = tmp_path / "keys"
    file.write_text(f"# of the line\n\n{score_line}  # alice\n")
    keys = read_keys(Settings(keys_file=file, keys=f"{admin_line},{verdict_line}"))
    assert keys
    assert [keys.role_of(key) for key in (score, verdict, admin)] == ["score", "verdict", "admin"]
    twice = read_keys(Settings(keys=f"{admin_line},score{admin_line.removeprefix('admin')}"))
    assert twice.role_of(admin) == "admin"
    for wrong in ("", "x", score_line, score_line.split(":")[1], score + " ", "\udc80"):
        assert keys.role_of(wrong) is None
    assert not read_keys(Settings())
    assert score not in repr(keys)


@pytest.mark.parametrize(
    "line", ["score", "root sha256:" + "0" * 64, "score sha256:" + "0" * 63, "score md5:00"]
)
def test_a_line_that_is_no_key_is_refused(line: str) -> None:
    """A key that no client can use would lock all clients out by mistake."""
    with pytest.raises(InputError, match="wanted a role"):
        read_keys(Settings(keys=line))
