import io
import shutil
import stat
import tarfile
import zipfile

import numpy as np
import pytest

from multibox.download.unpack import unpack
from multibox.errors import BadInput, RunFailed

FILES = {"a/b/one.txt": b"one", "two.txt": b"", "three.bin": bytes(70_000)}


def make_tar(path, files, mode="w", **facts):
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            for fact, value in facts.items():
                setattr(info, fact, value)
            archive.addfile(info, io.BytesIO(content))
    return path


def make_zip(path, files, mode=0):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, content)
    return path


def unpacked(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz", "zip"])
def test_files_and_folders(tmp_path, mode):
    archive = tmp_path / "archive"
    make_zip(archive, FILES) if mode == "zip" else make_tar(archive, FILES, mode)
    told = []
    for _ in range(2):  # over what is there
        unpack(archive, tmp_path / "out", progress=lambda *facts: told.append(facts))
        assert unpacked(tmp_path / "out") == FILES
    assert told[-1] == ("unpacking archive", 70_003, 70_003)


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "..", "C:/x", "C:x", "a\\..\\x"])
@pytest.mark.parametrize("make", [make_tar, make_zip])
def test_names_that_lead_out(tmp_path, make, name):
    archive = make(tmp_path / "archive", {"good.txt": b"good", name: b"bad"})
    with pytest.raises(BadInput, match="would lie outside of the folder; nothing was unpacked"):
        unpack(archive, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["archive"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_tar(tmp_path, kind):
    archive = make_tar(tmp_path / "archive", {"link": b""}, type=kind, linkname="/etc/passwd")
    with pytest.raises(BadInput, match="'link' is a link, a device or encrypted"):
        unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("mode", [stat.S_IFLNK | 0o777, stat.S_IFIFO | 0o600])
def test_links_and_devices_in_zip(tmp_path, mode):
    archive = make_zip(tmp_path / "archive", {"link": b"/etc/passwd"}, mode)
    with pytest.raises(BadInput, match="'link' is a link, a device or encrypted"):
        unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("make", [make_zip, lambda path, files: make_tar(path, files, "w:gz")])
def test_damaged_archives(tmp_path, make):
    archive = make(tmp_path / "archive", FILES)
    whole = archive.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"<html>not found</html>", b""):
        archive.write_bytes(damaged)
        with pytest.raises(RunFailed, match=r"archive: damaged .*; remove it and download it again"):
            unpack(archive, tmp_path / "out")


def test_a_tar_whose_bytes_changed(tmp_path):
    archive = make_tar(tmp_path / "archive", {"one": np.random.default_rng(0).bytes(100_000)}, "w:gz")
    content = bytearray(archive.read_bytes())
    content[50_000] ^= 0xFF  # of numbers that gzip stores as they are
    archive.write_bytes(content)
    with pytest.raises(RunFailed, match=r"archive: damaged \(CRC check failed"):
        unpack(archive, tmp_path / "out")


def test_a_zip_whose_bytes_changed(tmp_path):
    archive = make_zip(tmp_path / "archive", {"one": bytes(1000)})
    with zipfile.ZipFile(archive) as file:
        place = file.infolist()[0].header_offset + 30 + len("one")
    content = bytearray(archive.read_bytes())
    content[place + 1] ^= 0xFF
    archive.write_bytes(content)
    with pytest.raises(RunFailed, match="damaged"):
        unpack(archive, tmp_path / "out")


def test_too_little_room(tmp_path, monkeypatch):
    archive = make_tar(tmp_path / "archive", FILES, "w:gz")
    monkeypatch.setattr("multibox.download.unpack.disk_usage", lambda folder: shutil._ntuple_diskusage(1, 1, 70_002))
    with pytest.raises(RunFailed, match="make room"):
        unpack(archive, tmp_path / "out")
    assert unpacked(tmp_path / "out") == {}
