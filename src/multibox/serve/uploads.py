"""Bodies of requests: read within limits, and never onto the disk."""

import asyncio
import base64
import binascii
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from multibox.serve.refused import Refused
from multibox.serve.settings import Settings

FIELDS = 16
"""Parts of a form that are no files."""

HEADER = 4096
"""Bytes of a part's header field or value."""

NAME = 255
"""Signs that a picture's name may have."""

LONG = 1 << 18
"""Bytes of a body that take long enough to parse to do it in another thread."""

PARSERS = ThreadPoolExecutor(2, "parse")
"""Threads that parse long bodies: of their own, as others wait for the network; few, as JSON takes much memory."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class Upload:
    """An uploaded file.

    Attributes:
        name: as the client calls it; never a path of this machine.
        content: its bytes.
    """

    name: str
    content: bytes


@dataclass(frozen=True)
class Form:
    """A form's parts.

    Attributes:
        files: those with a file name, by field.
        fields: the others as text.
    """

    files: dict[str, list[Upload]] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)


async def read_body(request: Request) -> bytes:
    """Read a request's body; how long it may be, :class:`~multibox.serve.security.Guard` sees to.

    Raises:
        Refused: it is compressed, or breaks off.
    """
    if request.headers.get("content-encoding", "identity") != "identity":
        raise Refused(415, "compressed", "the body is compressed; send it without Content-Encoding")
    try:
        return await request.body()
    except ClientDisconnect:
        raise Refused(400, "broken-off", "the body breaks off; send it again") from None


async def read_form(request: Request, settings: Settings) -> Form:
    """Read a request's multipart form into memory.

    Raises:
        Refused: it is no such form, too long, or has too many parts.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise Refused(415, "not-a-form", "the body is to be multipart/form-data with a boundary")
    body = await read_body(request)
    return await aside(lambda: parse_form(body, options[b"boundary"], settings), len(body))


async def aside(work: Callable[[], Result], length: int) -> Result:
    """Do work on a body: in another thread where it is long, as no other request is heard meanwhile otherwise."""
    return work() if length < LONG else await asyncio.get_running_loop().run_in_executor(PARSERS, work)


def parse_form(body: bytes, boundary: bytes, settings: Settings) -> Form:
    """Parse a multipart form (RFC 7578).

    Raises:
        Refused: it is damaged, or has too many parts.
    """
    parts = _Parts(settings.max_images + FIELDS)
    try:
        parser = MultipartParser(boundary, parts.callbacks())  # type: ignore[arg-type]
        parser.write(body)
        parser.finalize()
    except (FormParserError, ValueError) as error:
        raise Refused(400, "bad-form", f"the form cannot be read: {error}") from None
    if not parts.whole:
        raise Refused(400, "bad-form", "the form breaks off; its last line is to be the boundary and --")
    return parts.form


class _Parts:
    """Collects the parts of a form as the parser comes to them."""

    def __init__(self, most: int):
        self.form = Form()
        self.whole = False
        self._most = most
        self._count = 0
        self._name, self._value = bytearray(), bytearray()
        self._disposition = b""
        self._content: list[bytes] = []

    def callbacks(self) -> dict[str, Any]:
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._header(self._name, data[start:end]),
            "on_header_value": lambda data, start, end: self._header(self._value, data[start:end]),
            "on_header_end": self._header_end,
            "on_part_data": lambda data, start, end: self._content.append(data[start:end]),
            "on_part_end": self._end,
            "on_end": self._finish,
        }

    def _begin(self) -> None:
        self._count += 1
        if self._count > self._most:
            raise Refused(413, "too-many-parts", f"the form has more than {self._most} parts; send fewer pictures")
        self._disposition, self._content = b"", []

    def _header(self, into: bytearray, data: bytes) -> None:
        into += data
        if len(into) > HEADER:
            raise Refused(400, "bad-form", f"a part's header is longer than {HEADER} bytes")

    def _header_end(self) -> None:
        if self._name.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._name.clear()
        self._value.clear()

    def _end(self) -> None:
        _, options = parse_options_header(self._disposition)
        if b"name" not in options:
            raise Refused(400, "bad-form", "a part has no name; give it Content-Disposition: form-data; name=...")
        name = options[b"name"].decode(errors="replace")
        content = b"".join(self._content)
        if b"filename" in options:
            called = options[b"filename"].decode(errors="replace")[:NAME]
            self.form.files.setdefault(name, []).append(Upload(called, content))
        else:
            self.form.fields[name] = content.decode(errors="replace")

    def _finish(self) -> None:
        self.whole = True


def parse_json(body: bytes) -> dict[str, Any]:
    """Parse a JSON object.

    Raises:
        Refused: it is none.
    """
    try:
        values = json.loads(body)
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "it is nested too deeply or not UTF-8"
        raise Refused(400, "bad-json", f"the body is not JSON: {reason}") from None
    if not isinstance(values, dict):
        raise Refused(400, "bad-json", "the body is to be a JSON object")
    return values


def decode_base64(text: Any) -> bytes:
    """The bytes of a base64 string, which may be a ``data:`` URL.

    Raises:
        Refused: it is none.
    """
    if not isinstance(text, str):
        raise Refused(400, "bad-base64", "a picture's data is to be a string in base64")
    try:
        return base64.b64decode(text.partition(";base64,")[2] if text.startswith("data:") else text, validate=True)
    except (binascii.Error, ValueError):
        raise Refused(400, "bad-base64", "a picture's data is not base64 (RFC 4648)") from None
