"""Run a command in this process as a user would, and collect everything that it says."""

import asyncio
import os
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

from benchmarks.mutation.seed import Command
from multibox.cli import main
from multibox.cli.commands import one_line
from multibox.errors import BadInput
from multibox.importers.caffe import CAFFE
from multibox.importers.caffe_detector import plan_detector
from multibox.importers.caffe_file import read_caffemodel
from multibox.importers.caffe_net import text_net
from multibox.importers.peer import Misfit


@dataclass(frozen=True)
class Said:
    """What a command did and printed.

    Attributes:
        code: Exit code.
        out: Text on standard output.
        err: Text on standard error.
        noise: What libraries printed past Python, such as a line of libpng about a damaged image.
        error: Traceback of an exception that no command may end with. Empty if there is none.
    """

    code: int
    out: str
    err: str
    noise: str
    error: str


def run_command(command: Command) -> Said:
    """Run a command in the current folder.

    Args:
        command: Arguments of ``multibox``, or ``POST`` or ``READ`` and what a seed says of them.
    """
    out, err = (TextIOWrapper(BytesIO(), "utf-8", how, write_through=True) for how in ("strict", "backslashreplace"))
    error, code = "", 0
    with _noise() as noise, ExitStack() as stack:
        stack.enter_context(redirect_stdout(out))
        stack.enter_context(redirect_stderr(err))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("always")
        for hidden in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
            warnings.simplefilter("ignore", hidden)  # as Python does
        try:
            _call(command)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        except BaseException:
            error = traceback.format_exc()
    texts = (stream.buffer.getvalue().decode() for stream in (out, err))
    return Said(code, *texts, noise[0].strip(), error)


def _call(command: Command) -> None:
    if command[0] == "POST":
        _post(*command[1:])
    elif command[0] == "READ":
        _read(*command[1:])
    elif command[0] == "PLAN":
        _plan(command[1])
    else:
        main(list(command), prog_name="multibox")


def _refuse(words: object) -> None:
    print(one_line(f"multibox: {words}"), file=sys.stderr)
    sys.exit(2)


def _read(reader: str, path: str) -> None:
    """Call a reader of other projects' weights, and end as ``multibox import`` does."""
    module, _, function = reader.partition(":")
    try:
        getattr(import_module(f"multibox.importers.{module}"), function)(path)
    except BadInput as error:
        _refuse(error)


def _plan(path: str) -> None:
    """Plan the import of a network of Caffe from its weights or its text, up to the weights of each layer."""
    try:
        if path.endswith(".prototxt"):
            net = text_net(path)
            plan_detector(net, net, {}, ())
            return
        tensors = read_caffemodel(path)
        for part in CAFFE.plan(tensors, ()).parts:
            part.weights(tensors)
    except Misfit as misfit:
        _refuse(f"{path}: {misfit}")
    except BadInput as error:
        _refuse(error)


def _post(path: str, kind: str, file: str) -> None:
    """Send a body to the server. An answer from 400 to 499 is a refusal."""
    body = Path(file).read_bytes() if Path(file).is_file() else b""
    headers = {"Content-Type": kind} if kind else {}
    if kind == "multipart/form-data":
        headers["Content-Type"] = "multipart/form-data; boundary=b"
        if not body.startswith(b"--b"):
            head = b'--b\r\nContent-Disposition: form-data; name="images"; filename="a"\r\n\r\n'
            body = head + body + b"\r\n--b--\r\n"
    if not kind:
        headers["Inference-Header-Content-Length"] = str(len(body.partition(b'"last": 0}')[0]) + 10)
    answer = asyncio.run(_answer(path, body, headers))
    if answer.status_code == 200:
        return
    assert 400 <= answer.status_code < 500, f"status {answer.status_code}: {answer.text[:300]}"
    error = answer.json()["error"]
    _refuse(error if isinstance(error, str) else error["message"])


async def _answer(path: str, body: bytes, headers: dict[str, str]) -> Any:
    from httpx import ASGITransport, AsyncClient

    async with AsyncClient(transport=ASGITransport(_server(os.getpid())), base_url="http://127.0.0.1") as client:
        return await client.post(path, content=body, headers=headers)


@cache
def _server(process: int) -> Any:
    """The application of a server, which lives as long as the process, whose number is given."""
    from colored import ColorRuntime
    from multibox.detect.detector import Detector
    from multibox.serve.app import create_app
    from multibox.serve.settings import Settings

    return create_app(Detector(ColorRuntime()), Settings(max_bytes=1_000_000), {})


@contextmanager
def _noise() -> Iterator[list[str]]:
    """Collect what is written to the file descriptors 1 and 2, past Python's streams."""
    said: list[str] = []
    file = os.memfd_create("noise")
    kept = [(number, os.dup(number)) for number in (1, 2)]
    sys.stdout.flush()
    sys.stderr.flush()
    for number, _ in kept:
        os.dup2(file, number)
    try:
        yield said
    finally:
        for number, copy in kept:
            os.dup2(copy, number)
            os.close(copy)
        length = os.fstat(file).st_size
        said.append(os.pread(file, min(length, 10_000), 0).decode(errors="replace"))
        os.close(file)
