"""Files are written whole or not at all, and refused early."""

import os
import stat

import pytest

from dqwatch.errors import UsageError
from dqwatch.reports.files import check_file, check_folder, write_text


def test_a_file_is_written_whole_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "a.json"
    write_text(str(path), "é")
    write_text(str(path), "zwei\n\n")
    assert path.read_bytes() == b"zwei\n"
    assert os.listdir(tmp_path) == ["a.json"]


def test_text_that_is_no_unicode_is_written_escaped(tmp_path):
    write_text(str(tmp_path / "a"), "x\udcff")
    assert (tmp_path / "a").read_bytes() == b"x\\udcff\n"


def test_permissions_are_those_of_the_umask_or_of_the_old_file(tmp_path):
    path = tmp_path / "a"
    old = os.umask(0o027)
    try:
        write_text(str(path), "x")
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        path.chmod(0o604)
        write_text(str(path), "y")
        assert stat.S_IMODE(path.stat().st_mode) == 0o604
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(old)


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "folder").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "folder" / "file")
    check_file(str(link), "--json")
    write_text(str(link), "x")
    assert link.is_symlink()
    assert (tmp_path / "folder" / "file").read_text() == "x\n"


def test_a_device_is_written_to_and_not_replaced():
    check_file(os.devnull, "--json")
    write_text(os.devnull, "x")
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


def test_checking_leaves_no_trace(tmp_path):
    check_file(str(tmp_path / "a"), "--json")
    check_folder(str(tmp_path / "b" / "c"), "--tables")
    assert os.listdir(tmp_path) == ["b"]
    assert os.listdir(tmp_path / "b" / "c") == []


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(UsageError, match=r"^--html .*: is a folder; give the name of a file$"):
        check_file(str(tmp_path), "--html")


@pytest.mark.parametrize("parent", ["absent", "file"])
def test_a_place_that_cannot_be_written_is_refused(tmp_path, parent):
    (tmp_path / "file").touch()
    path = str(tmp_path / parent / "a.json")
    with pytest.raises(UsageError, match=r"^--json .*a\.json: cannot write in "):
        check_file(path, "--json")
    with pytest.raises(UsageError, match=r"a\.json: cannot be written: "):
        write_text(path, "x")
    with pytest.raises(UsageError, match=r"^--tables .*: cannot make this folder: "):
        check_folder(str(tmp_path / "file" / "tables"), "--tables")


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a"
    path.write_text("old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(UsageError, match="cannot be written: No space left on device"):
        write_text(str(path), "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a"]
