"""Unpacks untrusted archives so that nothing is written outside the target folder."""

import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from gzip import BadGzipFile
from lzma import LZMAError
from pathlib import Path, PurePosixPath, PureWindowsPath
from shutil import copyfileobj, disk_usage
from typing import IO

from multibox.errors import BadInput, RunFailed

_DAMAGES = (tarfile.TarError, zipfile.BadZipFile, zlib.error, LZMAError, EOFError, NotImplementedError, BadGzipFile)


@dataclass(frozen=True)
class _Member:
    """A file or folder of an archive.

    Attributes:
        name: Path in the archive.
        kind: ``file``, ``folder`` or ``other`` (such as a link).
        size: Number of bytes when unpacked.
        open: Function that opens the member's bytes for reading.
    """

    name: str
    kind: str
    size: int
    open: Callable[[], IO[bytes]]


def unpack(archive: str | Path, folder: str | Path, *, progress: Callable[[str, int, int], None] | None = None) -> None:
    """Unpack a tar archive, compressed or not, or a zip archive into a folder, over existing files.

    Every member is verified before the first is written. Owners, permissions and times of the archive are ignored.

    Args:
        archive: Path of the archive.
        folder: Folder to unpack into. It is created if missing.
        progress: Function called with the name of the task, the number of bytes written, and the number of all bytes.

    Raises:
        BadInput: If a member has an absolute name, leads out of the folder, or is neither a file nor a folder (such as
            a link or a device). Nothing is written.
        RunFailed: If the archive is damaged, or the disk has too little space.
    """
    archive, folder = Path(archive), Path(folder)
    try:
        with _members(archive) as members:
            places = [_place(archive, member, folder) for member in members]
            total, done = sum(member.size for member in members), 0
            folder.mkdir(parents=True, exist_ok=True)
            free = disk_usage(folder).free
            if total > free:
                raise RunFailed(
                    f"{archive}: unpacking needs {total / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free; make room"
                )
            for member, place in zip(members, places, strict=True):
                _write(member, place)
                done += member.size
                if progress:
                    progress(f"unpacking {archive.name}", done, total)
    except _DAMAGES as error:
        reason = str(error).partition("\n")[0].rstrip(":")  # tarfile lists what each decompressor said
        raise RunFailed(f"{archive}: damaged ({reason}); remove it and download it again") from None


@contextmanager
def _members(archive: Path) -> Iterator[Sequence[_Member]]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as file:
            yield [_zip_member(file, info) for info in file.infolist()]
    else:
        with tarfile.open(archive) as file:
            yield [_tar_member(file, info) for info in file.getmembers()]
            while file.fileobj and file.fileobj.read(1 << 20):
                pass  # gzip's checksum comes last, and tar does not read so far


def _zip_member(file: zipfile.ZipFile, info: zipfile.ZipInfo) -> _Member:
    mode = stat.S_IFMT(info.external_attr >> 16)
    kind = "folder" if info.is_dir() else "file"
    if mode not in (0, stat.S_IFDIR if info.is_dir() else stat.S_IFREG) or info.flag_bits & 1:
        kind = "other"
    return _Member(info.filename, kind, info.file_size, lambda: file.open(info))


def _tar_member(file: tarfile.TarFile, info: tarfile.TarInfo) -> _Member:
    kind = "file" if info.isfile() else "folder" if info.isdir() else "other"

    def content() -> IO[bytes]:
        opened = file.extractfile(info)
        assert opened is not None
        return opened

    return _Member(info.name, kind, info.size, content)


def _place(archive: Path, member: _Member, folder: Path) -> Path:
    name = PurePosixPath(member.name)
    if member.kind == "other":
        raise BadInput(archive, f"{member.name!r} is a link, a device or encrypted; nothing was unpacked")
    leads_out = name.is_absolute() or ".." in name.parts or "\\" in member.name or PureWindowsPath(name).drive
    if leads_out or "\0" in member.name:
        raise BadInput(archive, f"{member.name!r} would lie outside of the folder; nothing was unpacked")
    return folder / name


def _write(member: _Member, place: Path) -> None:
    if member.kind == "folder":
        place.mkdir(parents=True, exist_ok=True)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    with member.open() as source, open(place, "wb") as out:
        copyfileobj(source, out, 1 << 20)
