"""The container: bounds that hold before memory is taken, and damage that is seen."""

from __future__ import annotations

import io
import struct
import tracemalloc
import warnings
from pathlib import Path
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZipFile

import numpy as np
import pytest

from anomaly_vae import ModelFileError, load, read_metadata
from anomaly_vae.model_file import archive
from tests.anomaly_vae import forging
from tests.anomaly_vae.conftest import refusal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return forging.put(tmp_path / "model.avae", forging.detector())


def an_array(members: forging.Members) -> str:
    return next(name for name in members if name.endswith(".npy"))


def header(shape: object, descr: object = "<f4", order: object = False, version: int = 1) -> bytes:
    """An array member that declares what it likes and holds nothing."""
    text = repr({"descr": descr, "fortran_order": order, "shape": shape}).encode().ljust(117) + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(text)) + text


class TestContainer:
    def test_members_are_stored_and_no_larger_than_the_file(self, path: Path) -> None:
        """What a file says is what it weighs, which is why a bomb cannot be one."""
        with ZipFile(path) as archive:
            sizes = [info.file_size for info in archive.infolist()]
            assert all(info.compress_type == 0 for info in archive.infolist())
        assert sum(sizes) < path.stat().st_size

    @pytest.mark.parametrize("compression", [ZIP_DEFLATED, ZIP_BZIP2])
    def test_a_zip_bomb_is_refused_before_it_is_inflated(self, compression: int, path: Path) -> None:
        """A small file that would grow to 64 MB is refused in a fraction of that memory."""
        members = forging.read(path)
        forging.write(path, members | {an_array(members): bytes(2**26)}, compression)
        assert path.stat().st_size < 2**20
        tracemalloc.start()
        try:
            message = refusal(path)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert "at most" in message or "is compressed" in message
        assert peak < 2**23

    def test_a_compressed_member_is_refused(self, path: Path) -> None:
        """Even one that does not grow: `save` writes none."""
        forging.write(path, forging.read(path), ZIP_DEFLATED)
        message = refusal(path)
        assert "compressed" in message or "at most" in message
        with pytest.raises(ModelFileError, match="compressed"):
            read_metadata(path)

    def test_max_bytes_is_a_bound(self, path: Path) -> None:
        """A file of that many bytes is read, one byte more is not."""
        size = path.stat().st_size
        load(path, max_bytes=size)
        assert f"larger than {size - 1:,} bytes" in refusal(path, max_bytes=size - 1)

    def test_two_members_of_a_name_are_refused(self, path: Path) -> None:
        """Two readers could take two different ones."""
        with warnings.catch_warnings(), ZipFile(path, "a") as archive:
            warnings.simplefilter("ignore", UserWarning)
            archive.writestr("metadata.json", "{}")
        assert "two members of the same name" in refusal(path)
        with pytest.raises(ModelFileError, match=r"no metadata\.json"):
            read_metadata(path)

    @pytest.mark.parametrize("name", ["evil.py", "../1.npy", "1.npz", "a.npy", "/1.npy", "1.npy\n", "x/"])
    def test_a_member_of_another_name_is_refused(self, name: str, path: Path) -> None:
        """A model file holds two JSON texts and numbered arrays."""
        forging.write(path, forging.read(path) | {name: b""})
        assert "which no model file has" in refusal(path)

    def test_too_many_members_are_refused(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """As many as the bound are read, one more is not, and no object is made of any."""
        n_members = len(forging.read(path))
        monkeypatch.setattr(archive, "_MAX_MEMBERS", n_members)
        load(path)
        monkeypatch.setattr(archive, "_MAX_MEMBERS", n_members - 1)
        monkeypatch.setattr(archive, "ZipFile", None)
        assert f"holds {n_members} members; at most {n_members - 1} are read" in refusal(path)

    @pytest.mark.parametrize("name", ["metadata.json", "schema.json"])
    def test_a_large_text_is_refused(self, name: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """JSON grows in memory, so it has a bound of its own."""
        monkeypatch.setitem(archive._MAX_JSON_BYTES, name, 100)
        assert f"member {name} is larger than 100 bytes" in refusal(path)

    def test_a_damaged_member_is_seen(self, path: Path) -> None:
        """One bit of a weight is enough."""
        content = path.read_bytes()
        weights = max(forging.read(path).items(), key=lambda item: len(item[1]) * item[0].endswith("y"))[1]
        damaged = content.replace(weights, weights[:-1] + bytes([weights[-1] ^ 1]))
        assert damaged != content
        path.write_bytes(damaged)
        assert "damaged" in refusal(path)
        assert refusal(path).endswith("; copy it again, or save the model again")

    def test_a_compressed_copy_is_refused_as_one(self, path: Path) -> None:
        """As a program makes it that unpacks and packs archives; the message says what to do."""
        members = forging.read(path) | {"9.npy": bytes(2**20)}
        with ZipFile(path, "w", ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        assert "is compressed or was changed" in refusal(path)
        assert refusal(path).endswith("; use the file as it was saved")

    def test_members_inside_each_other_are_refused(self, path: Path) -> None:
        """Members that share bytes would add up to more than the file."""
        inner = forging.zipped({"2.npy": bytes(2**20)})
        forging.write(path, forging.read(path) | {"1.npy": inner})
        with ZipFile(path, "a") as archive, ZipFile(io.BytesIO(inner)) as hidden:
            twin = hidden.getinfo("2.npy")
            twin.header_offset = archive.getinfo("1.npy").header_offset + 30 + len("1.npy")
            archive.filelist.append(twin)
            archive.comment = b"the directory is written again"
        with ZipFile(path) as archive:
            assert archive.getinfo("2.npy").file_size == 2**20
        assert "can be read" in refusal(path)

    def test_an_encrypted_member_is_refused(self, path: Path) -> None:
        """Its flag in the directory is enough; no password is asked for."""
        content = bytearray(path.read_bytes())
        content[content.index(b"PK\x01\x02") + 8] |= 1
        path.write_bytes(content)
        assert "encrypted" in refusal(path)


class TestArrays:
    @pytest.mark.parametrize(
        "data",
        [
            header((10**12,)),
            header((2**62, 2**62)),
            header((10**6, 10**6), "<f8", order=True),
            header((10**12,), version=2),
            header((10**12,), "<U0"),
            header((-1,)),
            header((-1, -1)) + b"....",
            header((0,)) + b"....",
        ],
        ids=[
            "long",
            "past 64 bits",
            "matrix",
            "version 2",
            "empty text",
            "negative",
            "twice negative",
            "too much",
        ],
    )
    def test_a_size_that_is_not_the_members_is_refused(self, data: bytes, path: Path) -> None:
        """A huge declared array takes no memory at all."""
        members = forging.read(path)
        forging.write(path, members | {an_array(members): data})
        tracemalloc.start()
        try:
            message = refusal(path)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert "declares shape" in message
        assert peak < 2**23

    @pytest.mark.parametrize(
        "data",
        [
            forging.npy(np.array([print], dtype=object)),
            header((0,), [("a", "<f4"), ("b", "|O")]),
            header((0,), [("a", "<f4")]),
            header((0,), "<c8"),
            header((0,), "|V8"),
        ],
        ids=["objects", "hidden objects", "records", "complex", "void"],
    )
    def test_only_plain_numbers_and_text_are_read(self, data: bytes, path: Path) -> None:
        """An object array is a pickle, and none of the others is in a fitted model."""
        members = forging.read(path)
        forging.write(path, members | {an_array(members): data})
        assert "not plain numbers or text" in refusal(path)

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"PK\x03\x04",
            b"\x80\x04.",
            b"\x93NUMPY\x01",
            b"\x93NUMPY\x03\x00" + header((0,))[8:],
            header("(0,"),
            header((1.5,)),
            header((0,), "nonsense"),
            header((0,))[:40],
            b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 65535,
        ],
    )
    def test_a_damaged_header_is_refused(self, data: bytes, path: Path) -> None:
        """A zip, a pickle or nonsense in the place of an array is never handed on."""
        members = forging.read(path)
        forging.write(path, members | {an_array(members): data})
        assert "damaged header" in refusal(path)

    def test_what_numpy_wrote_is_read(self) -> None:
        """Every kind of array that a fitted model holds passes, with its shape."""
        arrays = [
            np.float64(1.5),
            np.zeros((0, 3), dtype=np.float32),
            np.arange(6).reshape(2, 3)[:, ::-1],
            np.asfortranarray(np.eye(3)),
            np.array(["a", "bcd"]),
            np.array([b"a"]),
            np.array([True, False]),
            np.array(["2020-01-01"], dtype="datetime64[s]"),
            np.zeros(0, dtype="U"),
            np.arange(3, dtype=">i4"),
        ]
        for array in arrays:
            assert archive.check_array("1.npy", forging.npy(np.asarray(array))) == np.shape(array)
