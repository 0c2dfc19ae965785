"""Places to names and bytes."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

import fsspec
import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.errors import OutputExistsError, SinkError, SourceError
from anomaly_vae_pipelines.io.files import (
    compression_of,
    expand,
    file_digest,
    format_suffix,
    opened,
    replacing,
    size_of,
    upload,
)


def left_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def write(path: Path, *, force: bool = False, meanwhile: Callable[[], object] = bool) -> None:
    with replacing(str(path), force=force) as temporary:
        temporary.write_text("new")
        meanwhile()


def raiser(error: type[BaseException]) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def test_patterns_become_the_files_they_match_in_order(tmp_path):
    """A name with a star in it that exists is a name."""
    for name in ("b.csv", "a.csv", "c.txt", "odd[1].csv"):
        (tmp_path / name).touch()
    assert [Path(path).name for path in expand([f"{tmp_path}/*.csv"])] == ["a.csv", "b.csv", "odd[1].csv"]
    assert expand([f"{tmp_path}/odd[1].csv", "-"]) == [f"{tmp_path}/odd[1].csv", "-"]
    with pytest.raises(SourceError, match="matches no file"):
        expand([f"{tmp_path}/*.xls"])


def test_the_suffix_of_a_format_is_under_that_of_a_compression():
    """``a.csv.gz`` is CSV, compressed; so are URLs."""
    assert [format_suffix(name) for name in ("a.CSV", "a.b.jsonl.zst", "s3://b.c/key.parquet", "-")] == [
        ".csv", ".jsonl", ".parquet", "",
    ]  # fmt: skip
    assert [compression_of(name) for name in ("a.csv", "a.csv.gz", "a.bz2")] == [None, "gzip", "bz2"]


def test_urls_are_files_of_another_system():
    """What fsspec knows can be read, measured, matched and written."""
    memory = fsspec.filesystem("memory")
    memory.pipe("/bucket/a.csv", b"a\n1\n")
    with opened("memory://bucket/a.csv") as packed:
        assert packed.stream.read(100) == b"a\n1\n"
    assert size_of("memory://bucket/a.csv") == 4
    assert expand(["memory://bucket/*.csv"]) == ["memory:///bucket/a.csv"]
    with pytest.raises(SourceError, match="cannot be opened"), opened("memory://bucket/none.csv"):
        pass
    with pytest.raises(InputError, match="nosuch://"), opened("nosuch://a"):
        pass


def test_an_upload_is_the_file(tmp_path):
    """Byte for byte."""
    (tmp_path / "a").write_bytes(b"x" * 3_000_000)
    upload(tmp_path / "a", "memory://up/a")
    assert fsspec.filesystem("memory").cat("/up/a") == b"x" * 3_000_000


def test_an_existing_file_is_replaced_only_if_asked(tmp_path):
    """Whether it exists is asked at the start and at the end."""
    path = tmp_path / "out"
    with pytest.raises(OutputExistsError):
        write(path, meanwhile=lambda: path.write_text("theirs"))
    assert path.read_text() == "theirs"
    with pytest.raises(OutputExistsError, match="--force"):
        write(path)
    write(path, force=True)
    assert (path.read_text(), left_in(tmp_path)) == ("new", ["out"])


@pytest.mark.parametrize("trouble", [KeyboardInterrupt, SystemExit, ValueError, MemoryError])
def test_trouble_leaves_the_old_file_and_nothing_else(tmp_path, trouble):
    """Whatever is raised inside, the output is as it was."""
    path = tmp_path / "out"
    path.write_text("old")
    with pytest.raises(trouble):
        write(path, force=True, meanwhile=raiser(trouble))
    assert (path.read_text(), left_in(tmp_path)) == ("old", ["out"])


def test_a_replaced_file_keeps_its_permissions(tmp_path):
    """The new file has the permissions of the old one."""
    path = tmp_path / "out"
    path.write_text("old")
    path.chmod(0o640)
    write(path, force=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_link_is_followed(tmp_path):
    """The file that a link leads to is replaced, not the link."""
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    write(link, force=True)
    assert link.is_symlink()
    assert target.read_text() == "new"


@pytest.mark.parametrize("name", ["", "missing/out"], ids=["directory", "no directory"])
def test_a_path_that_cannot_be_a_file_is_rejected(tmp_path, name):
    """The message names the place."""
    with pytest.raises(InputError, match="directory"):
        write(tmp_path / name)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_device_is_never_replaced():
    """A device cannot be an output file."""
    with pytest.raises(InputError, match="pipe or a device"):
        write(Path("/dev/full"), force=True)
    assert Path("/dev/full").is_char_device()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_forbidden_place_is_named(tmp_path):
    """What the operating system refuses is a failure that names the output."""
    tmp_path.chmod(0o500)
    with pytest.raises(SinkError, match="Permission denied"):
        write(tmp_path / "out")


def test_a_digest_depends_on_the_content_alone(tmp_path):
    """Equal content has one digest under any name; one changed bit has another."""
    contents = {"a": b"rows", "b": b"rows", "c": b"rowr", "empty": b""}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    digests = {name: file_digest(str(tmp_path / name)) for name in contents}
    assert digests["a"] == digests["b"] != digests["c"]
    assert all(
        digests[name] == hashlib.sha256(content).hexdigest()[:16] for name, content in contents.items()
    )


def test_a_missing_file_has_no_digest(tmp_path):
    """An OSError names it."""
    with pytest.raises(FileNotFoundError, match="gone"):
        file_digest(str(tmp_path / "gone"))
