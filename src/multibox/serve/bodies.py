"""Bodies of HTTP requests, read within size limits and kept in memory. Nothing is written to disk."""

import asyncio
import logging
import sys
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from multibox.serve.refused import Refused
from multibox.serve.settings import Settings

FIELDS = 16
"""Largest number of form fields that are not files."""

NAME = 255
"""Largest number of characters of an uploaded image's name. The rest is cut off."""

LONG = 1 << 18
"""Size in bytes from which a request's body is parsed in another thread."""

PARSERS = ThreadPoolExecutor(2, "parse")
"""Threads that parse long bodies. There are only two, because parsing JSON takes much memory."""

logging.getLogger("python_multipart").setLevel(logging.ERROR)  # It would print a line for each damaged form.

Result = TypeVar("Result")


@dataclass(frozen=True)
class Upload:
    """An uploaded file.

    Attributes:
        name: File name that the client sent. It is never used as a path.
        content: Bytes of the file.
    """

    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class Form:
    """A parsed multipart form.

    Attributes:
        files: Uploaded files of each form field, by field name.
        fields: Text of each form field that is no file, by field name.
    """

    files: dict[str, list[Upload]] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)


class _InMemory(MultiPartParser):
    """Starlette's form parser, changed to keep every file in memory and to notice truncated forms."""

    spool_max_size = sys.maxsize
    complete = False

    def on_end(self) -> None:
        self.complete = True


async def read_body(request: Request) -> bytes:
    """Read the body of a request. :class:`~multibox.serve.security.Guard` limits its length.

    Raises:
        Refused: If the body is compressed or truncated.
    """
    refuse_compressed(request)
    try:
        return await request.body()
    except ClientDisconnect:
        raise Refused(400, "broken-off", "the body is truncated; send it again") from None


async def read_form(request: Request, settings: Settings) -> Form:
    """Read a request's multipart form (RFC 7578) into memory.

    Raises:
        Refused: If the body is not a multipart form, is damaged or truncated, or has too many parts.
    """
    refuse_compressed(request)
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise Refused(415, "not-a-form", "the body is not multipart/form-data with a boundary; send such a form")
    parser = _InMemory(
        request.headers, _chunks(request), max_files=settings.max_images + 1, max_fields=FIELDS, max_part_size=LONG
    )
    try:
        parts = await parser.parse()
    except ClientDisconnect:
        raise Refused(400, "broken-off", "the body is truncated; send it again") from None
    except MultiPartException as error:
        if error.message.startswith("Too many"):
            text = f"the form has too many parts; send at most {settings.max_images} images"
            raise Refused(413, "too-many-parts", text) from None
        raise Refused(400, "bad-form", f"the form cannot be parsed: {error.message}") from None
    except (FormParserError, ValueError) as error:
        raise Refused(400, "bad-form", f"the form cannot be parsed: {error}") from None
    if not parser.complete:
        raise Refused(400, "bad-form", "the form is truncated; end it with the boundary and --")
    form = Form()
    for name, part in parts.multi_items():
        if isinstance(part, UploadFile):
            form.files.setdefault(name, []).append(Upload((part.filename or "")[:NAME], await part.read()))
        else:
            form.fields[name] = part
    return form


def only_image(form: Form) -> Upload:
    """The one file in a form's field ``image``.

    Raises:
        Refused: If the form has not exactly one.
    """
    files = form.files.get("image", [])
    if len(files) != 1:
        raise Refused(422, "bad-field", f"image: the form has {len(files)} files; send exactly one")
    return files[0]


async def aside(work: Callable[[], Result], length: int) -> Result:
    """Parse a body, in another thread if it is long, so that other requests need not wait."""
    return work() if length < LONG else await asyncio.get_running_loop().run_in_executor(PARSERS, work)


def refuse_compressed(request: Request) -> None:
    """Refuse a request with a compressed body, because its unpacked size is unknown.

    Raises:
        Refused: If the request has a Content-Encoding header.
    """
    if request.headers.get("content-encoding", "identity") != "identity":
        raise Refused(415, "compressed", "the body is compressed; send it without Content-Encoding")


async def _chunks(request: Request) -> AsyncGenerator[bytes]:
    async for chunk in request.stream():
        yield chunk
