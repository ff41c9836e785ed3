"""Archives that are downloaded for their content."""

from dataclasses import dataclass
from pathlib import Path

from multibox.download.fetch import Progress, RemoteFile, fetch
from multibox.download.unpack import unpack
from multibox.errors import RunFailed


@dataclass(frozen=True)
class Archive:
    """A published archive.

    Attributes:
        file: A tar archive, compressed or not, or a zip archive.
        content: A file or folder that only this archive contains. If it is missing, the archive is downloaded again.
    """

    file: RemoteFile
    content: str


def get_archive(archive: Archive, folder: str | Path, *, progress: Progress | None = None) -> Path:
    """Download an archive and unpack it beside itself, unless that has been done.

    The archive is removed afterwards, and an empty ``ARCHIVE.unpacked`` remains in its place.

    Args:
        archive: Archive to download.
        folder: Folder to unpack into.
        progress: Function called while it downloads and unpacks.

    Returns:
        Path of :attr:`Archive.content`.

    Raises:
        BadInput: If a member would be extracted outside the folder, or a different file with the archive's name exists.
        RunFailed: If the archive is not available, damaged or has changed, or the disk is full.
    """
    folder = Path(folder)
    content, done = folder / archive.content, folder / f"{archive.file.name}.unpacked"
    if done.exists() and content.exists():
        return content
    path = fetch(archive.file, folder / archive.file.name, progress=progress)
    unpack(path, folder, progress=progress)
    if not content.exists():
        raise RunFailed(f"{path}: {archive.content} is not in it; it is not the archive that was expected")
    done.touch()
    path.unlink()
    return content
