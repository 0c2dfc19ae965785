"""Outputs that are also inputs, by whatever path."""

from __future__ import annotations

import os

import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.io.overwriting import check_no_overwriting, check_not_read_back


def test_pipes_devices_and_other_files_can_be_both(tmp_path):
    """A terminal or /dev/null is not a file that could be lost, and URLs are compared as they are written."""
    check_no_overwriting(
        {"-o": "-", "--rejected": None, "other": str(tmp_path / "o")}, ["-", str(tmp_path / "i")]
    )
    check_no_overwriting({"-o": os.devnull}, [os.devnull])
    with pytest.raises(InputError, match="read as s3://b/k"):
        check_no_overwriting({"-o": "s3://b/k"}, ["s3://b/k"])
    with pytest.raises(InputError, match="read as"):
        check_no_overwriting({"-o": f"file://{tmp_path}/i"}, [str(tmp_path / "i")])


@pytest.mark.parametrize("spelling", ["a.csv", "./a.csv", "hard.csv", "soft.csv"])
def test_an_output_is_compared_with_inputs_and_outputs(tmp_path, monkeypatch, spelling):
    """By path, hard link or symbolic link; the message names the option and the other file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text("a\n")
    os.link("a.csv", "hard.csv")
    os.symlink("a.csv", "soft.csv")
    with pytest.raises(InputError, match=rf"^-o {spelling}: is the file that is read as a\.csv"):
        check_no_overwriting({"-o": spelling}, ["a.csv"])
    with pytest.raises(InputError, match=rf"^--rejected {spelling}: is the file that -o writes"):
        check_no_overwriting({"-o": "a.csv", "--rejected": spelling}, [])


def test_an_output_in_a_watched_folder_needs_another_suffix(tmp_path):
    """A suffix of compression does not make a difference; other folders and names are allowed."""
    check_not_read_back("-o", str(tmp_path / "out.txt"), tmp_path, [".csv"])
    check_not_read_back("-o", str(tmp_path.parent / "out.csv"), tmp_path, [".csv"])
    check_not_read_back("-o", None, tmp_path, [".csv"])
    with pytest.raises(InputError, match="choose another folder"):
        check_not_read_back("-o", str(tmp_path / "out.csv.gz"), tmp_path, [".csv"])
