"""Archives that are downloaded for what is in them."""

from dataclasses import dataclass
from pathlib import Path

from multibox.download.fetch import Progress, RemoteFile, fetch
from multibox.download.unpack import unpack
from multibox.errors import RunFailed


@dataclass(frozen=True)
class Archive:
    """A published archive.

    Attributes:
        file: a tar archive, compressed or not, or a zip archive.
        content: a file or folder that it alone brings; where it is missing, the archive is downloaded again.
    """

    file: RemoteFile
    content: str


def get_archive(archive: Archive, folder: str | Path, *, progress: Progress | None = None) -> Path:
    """Download an archive and unpack it beside itself, unless that is done.

    The archive is removed then, and an empty ``ARCHIVE.unpacked`` left in its place.

    Args:
        archive: what to download.
        folder: where to.
        progress: told while it downloads and while it unpacks.

    Returns:
        where :attr:`Archive.content` lies.

    Raises:
        BadInput: a member would lie outside of the folder; or another file of the archive's name is there.
        RunFailed: it cannot be had, is damaged or is not what it was, or the disk is full.
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
