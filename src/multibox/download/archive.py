"""Archives that are downloaded, unpacked and then removed."""

from dataclasses import dataclass
from pathlib import Path

from multibox.download.fetch import Progress, RemoteFile, fetch
from multibox.download.unpack import unpack
from multibox.errors import RunFailed


@dataclass(frozen=True)
class Archive:
    """A published archive.

    Attributes:
        file: File to download: a tar archive, compressed or not, or a zip archive.
        content: Path in the archive of a file or folder that no other archive contains. If it is missing on disk, the
            archive is downloaded again.
    """

    file: RemoteFile
    content: str


def get_archive(archive: Archive, folder: str | Path, *, progress: Progress | None = None) -> Path:
    """Download an archive and unpack it into the folder it is downloaded to, unless that has been done before.

    The archive is removed afterwards, and an empty ``ARCHIVE.unpacked`` remains in its place.

    Args:
        archive: Archive to download.
        folder: Folder to unpack into.
        progress: Function called while the archive is downloaded and unpacked, see
            :data:`~multibox.download.fetch.Progress`.

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
        raise RunFailed(f"{path}: has no member {archive.content}, so it is not the expected archive")
    done.touch()
    path.unlink()
    return content
