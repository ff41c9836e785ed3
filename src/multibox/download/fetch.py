"""Downloads over HTTP that resume after a broken connection and are verified before use.

They use ``urllib``, because no library does all of this: pooch, ``torch.hub`` and ``keras.utils.get_file`` restart a
file after a break, ``huggingface_hub`` only downloads from its own hub, and ``requests`` adds dependencies but cannot
resume.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from io import FileIO
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

from multibox.errors import BadInput, RunFailed
from multibox.writing import locked

Progress = Callable[[str, int, int], None]
"""Function called with the name of the task, the number of bytes done, and the total number of bytes (0 if unknown)."""

WAITS = (1, 2, 4, 8, 16)
"""Seconds to wait before each further attempt. The waits start again from the first after an attempt that received
bytes."""

TIMEOUT = 30
"""Seconds without a byte after which a connection counts as broken."""

LOCK = ".multibox.lock"
"""Name of the lock file that a process holds while it downloads into a folder."""

_CHUNK = 1 << 20
_PASSING = {408, 416, 425, 429, 500, 502, 503, 504}
"""HTTP status codes after which another attempt may succeed. After 416, the whole file is requested again."""


@dataclass(frozen=True)
class RemoteFile:
    """A file that is published on the web.

    Attributes:
        urls: URLs of the file. The first is tried first, and the others are mirrors.
        checksum: Checksum as ``sha256:HEX`` or ``md5:HEX``. HEX may be only the first digits, if the publisher gives no
            more. Empty if no checksum is known.
        size: Number of bytes of the file. 0 if unknown.
        size_is_exact: Whether ``size`` is exact. If so, a file of another size is refused.
    """

    urls: tuple[str, ...]
    checksum: str = ""
    size: int = 0
    size_is_exact: bool = True

    @property
    def name(self) -> str:
        """Name of the file, without folders."""
        return unquote(urlsplit(self.urls[0]).path.rpartition("/")[2])

    @property
    def check(self) -> str:
        """How the download is verified: ``sha256``, ``md5``, ``size`` or ``nothing``."""
        if self.checksum:
            return self.checksum.partition(":")[0]
        return "size" if self.size and self.size_is_exact else "nothing"


def fetch(
    file: RemoteFile, target: str | Path, *, progress: Progress | None = None, waits: Sequence[float] = WAITS
) -> Path:
    """Download a file, or the missing rest of it. The file gets its name once it is complete and verified.

    Bytes received so far are in ``TARGET.part`` beside it. ``TARGET.part.json`` says which file on the server they
    belong to. A later call continues there, unless the file on the server has changed or the server cannot send parts.

    Args:
        file: File to download.
        target: Path of the file to write. An existing file is only verified.
        progress: Function called after each piece that is received or verified, see :data:`Progress`.
        waits: Seconds to wait before each further attempt after a broken connection.

    Returns:
        Path of the downloaded file, which is ``target``.

    Raises:
        BadInput: If the target exists and is a different file.
        RunFailed: If the file is not available, is not the expected one, or the disk is full.
    """
    target, progress = Path(target), progress or (lambda what, done, total: None)
    if target.exists():
        fault = _fault(file, target, progress)
        if fault:
            raise BadInput(target, f"exists, but {fault}; move it away or remove it")
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with _alone_in(target.parent):
        part = _Part(target)
        url = _first_that_works(file, part, progress, waits)
        fault = _fault(file, part.path, progress)
        if fault:
            part.discard()
            raise RunFailed(f"{url}: {fault}; the received bytes were removed; run the command again")
        part.path.replace(target)
        part.discard()
    return target


def _alone_in(folder: Path) -> AbstractContextManager[None]:
    """Lock a folder so that no other process downloads into it: two processes writing one file would damage it."""
    busy = RunFailed(f"{folder}: another process is downloading into it; wait until it has ended")
    return locked(folder / LOCK, busy)


def _first_that_works(file: RemoteFile, part: "_Part", progress: Progress, waits: Sequence[float]) -> str:
    failures = []
    for url in sorted(file.urls, key=lambda url: url != part.url):  # One that has been begun is gone on with.
        try:
            _transfer(url, file, part, progress, waits)
            return url
        except _Unavailable as failure:
            failures.append(f"{url}: {failure}")
    kept = f"; {part.path} holds the bytes received so far, run the command again to resume" if part.size else ""
    raise RunFailed("; ".join(failures) + kept)


class _Unavailable(Exception):  # noqa: N818
    """Raised if a URL does not serve the file. A mirror may serve it."""


class _Broken(Exception):  # noqa: N818
    """Raised if a connection ended before the file was complete. The next connection may bring the rest."""


class _Unreachable(_Broken):
    """Raised if no connection could be made."""


class _Part:
    """The bytes of a file received so far, and the file on the server they belong to.

    Attributes:
        path: Path of the file with the received bytes.
        url: URL that the bytes came from.
        validators: Headers ``ETag`` and ``Last-Modified`` of the response that brought the bytes.
        total: Number of bytes of the whole file. 0 if unknown.
    """

    def __init__(self, target: Path):
        self.path = target.with_name(f"{target.name}.part")
        self._facts_path = target.with_name(f"{target.name}.part.json")
        try:
            facts = json.loads(self._facts_path.read_bytes())
            self.url, self.total = str(facts["url"]), int(facts["total"])
            self.validators = {str(name): str(value) for name, value in facts["validators"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            self.discard()

    @property
    def size(self) -> int:
        """Number of bytes received."""
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def validator(self) -> str:
        """Value by which the server can confirm that the file is unchanged. Empty if the server gave none."""
        tag = self.validators.get("ETag", "")
        is_strong = tag and not tag.startswith("W/")  # A weak one may not be asked with (RFC 9110, section 13.1.5).
        return tag if is_strong else self.validators.get("Last-Modified", "")

    def discard(self) -> None:
        """Discard everything received."""
        self.path.unlink(missing_ok=True)
        self._facts_path.unlink(missing_ok=True)
        self.url, self.total, self.validators = "", 0, {}

    def begin(self, url: str, total: int, validators: dict[str, str]) -> None:
        """Start a new file of received bytes, which a server is about to send."""
        self.discard()
        self.url, self.total, self.validators = url, total, validators
        self._facts_path.write_text(json.dumps({"url": url, "total": total, "validators": validators}), "utf-8")


def _transfer(url: str, file: RemoteFile, part: _Part, progress: Progress, waits: Sequence[float]) -> None:
    """Complete the received bytes from one URL, over as many connections as needed."""
    left, furthest, answered = list(waits), part.size, False
    while not (part.url == url and 0 < part.total == part.size):
        try:
            with _ask(url, part) as response:
                answered = True
                _receive(response, url, file, part, progress)
            return
        except _Broken as broken:
            if isinstance(broken, _Unreachable) and not answered:
                raise _Unavailable(f"no connection ({broken}); check the network") from None
            reason = str(broken)
        if part.size > furthest:
            left, furthest = list(waits), part.size
        if not left:
            raise _Unavailable(f"{reason}, also after {len(waits)} further tries")
        time.sleep(left.pop(0))


def _ask(url: str, part: _Part) -> HTTPResponse:
    headers = {"User-Agent": "multibox", "Accept-Encoding": "identity"}
    if part.size and part.url == url and (part.validator or part.total):
        headers["Range"] = f"bytes={part.size}-"
        if part.validator:
            headers["If-Range"] = part.validator
    try:
        return urlopen(Request(url, headers=headers), timeout=TIMEOUT)
    except HTTPError as error:
        if error.code == 416:  # what we have is longer than what there is now
            part.discard()
        kind = _Broken if error.code in _PASSING else _Unavailable
        raise kind(f"HTTP {error.code} {error.reason}") from None
    except URLError as error:
        raise _Unreachable(_words(error.reason)) from None
    except (OSError, HTTPException) as error:
        raise _Broken(_words(error)) from None


def _receive(response: HTTPResponse, url: str, file: RemoteFile, part: _Part, progress: Progress) -> None:
    """Append what a server sends to the received bytes."""
    validators = {name: response.headers[name] for name in ("ETag", "Last-Modified") if response.headers[name]}
    if response.status == 206:
        start, total = _range(response.headers["Content-Range"])
        is_other = any(part.validators.get(name, value) != value for name, value in validators.items())
        if is_other or start != part.size or total != (part.total or total):
            part.discard()
            raise _Broken("the file on the server has changed meanwhile")
    else:
        length = response.headers["Content-Length"] or ""
        total = int(length) if length.isdecimal() else 0
        if total and file.size and file.size_is_exact and total != file.size:
            raise _Unavailable(f"the file on the server has {total:,} bytes, not {file.size:,}")
        part.begin(url, total, validators)
    size = part.size
    _need_space(part.path.parent, total - size)
    with open(part.path, "ab", buffering=0) as out:
        while piece := _read(response):
            _write(out, piece, part.path)
            size += len(piece)
            progress(file.name, size, total)
    if size < total:
        raise _Broken("the connection broke")


def _read(response: HTTPResponse) -> bytes:
    """Read the bytes that have arrived so far, so that a broken connection loses none of them. Empty at the end."""
    try:
        return response.read1(_CHUNK)
    except (OSError, HTTPException) as error:
        raise _Broken(_words(error)) from None


def _range(header: str | None) -> tuple[int, int]:
    """First byte and size of the whole file from a header such as ``bytes 5-9/10``. (-1, 0) for any other."""
    span, _, total = (header or "").removeprefix("bytes ").partition("/")
    start = span.partition("-")[0]
    return (int(start), int(total)) if start.isdecimal() and total.isdecimal() else (-1, 0)


def _need_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise RunFailed(
            f"{folder}: {needed / 1e9:.1f} GB more are needed and {free / 1e9:.1f} GB are free; "
            "make room or give another folder"
        )


def _write(out: FileIO, piece: bytes, path: Path) -> None:
    try:
        while piece:
            piece = piece[out.write(piece) :]
    except OSError as error:
        raise RunFailed(f"{path}: {error.strerror}; make room, then run the command again to resume") from None


def _words(reason: object) -> str:
    return " ".join(str(reason).split()) or type(reason).__name__


def _fault(file: RemoteFile, path: Path, progress: Progress) -> str:
    """Reason why a complete file is not the expected one. Empty if it is."""
    algorithm, _, expected = file.checksum.partition(":")
    size = path.stat().st_size
    if expected:
        digest = hashlib.new(algorithm)
        with open(path, "rb") as content:
            while piece := content.read(_CHUNK):
                digest.update(piece)
                progress(f"checking {file.name}", content.tell(), size)
        found = digest.hexdigest()
        return "" if found.startswith(expected) else f"its {algorithm} is {found}, not {expected}"
    if file.check == "size" and size != file.size:
        return f"it has {size:,} bytes, not {file.size:,}"
    return ""
