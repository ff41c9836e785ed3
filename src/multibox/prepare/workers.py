"""Processes that make the items of a sequence ahead of their use, and how they end.

A worker is a new interpreter at the end of two pipes: it reads the sequence from its standard input, then writes one
item after the other to its standard output. It never runs the caller's script again, so that script needs no
``if __name__ == "__main__":``, and may come from a notebook or a terminal.

Processes and pipes are all there is. However a process dies, the system closes its pipes, which tells the other side;
nothing has a name that could be left over.
"""

import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count, cycle
from typing import IO, Any, Self

import cv2

from multibox.errors import BadInput, RunFailed

PIPE_BYTES = 1 << 20
"""Of the pipe from a worker, where the system allows it: with the usual 64 KiB a batch would be hundreds of reads."""

_START = "import sys; sys.path[:] = sys.argv[1:]; from multibox.prepare.workers import serve; serve()"


class Workers:
    """An endless iterator over a sequence whose items are made by processes, in order.

    Worker w of n makes items w, w + n, w + 2n and so on, and is about three items ahead.

    Args:
        items: what to iterate over, without end; it is pickled and sent to each worker.
        workers: how many processes.

    Example:
        ``with closing(Workers(examples, 4)) as ready: first = next(ready)``
    """

    def __init__(self, items: Sequence[Any], workers: int):
        self._workers: list[_Worker] = []
        try:
            for first in range(workers):
                self._workers.append(_Worker(pickle.dumps((items, first, workers), pickle.HIGHEST_PROTOCOL)))
        except BaseException:
            self.close()
            raise
        self._turns = cycle(self._workers)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        """Wait for the next item.

        Raises:
            RunFailed: a worker has ended.
            StopIteration: closed.
        """
        return next(self._turns).take()

    def check(self) -> None:
        """Look after the processes: whoever reads far ahead would learn late that one has died.

        Raises:
            RunFailed: a worker was killed.
        """
        for worker in self._workers:
            worker.check()

    def close(self) -> None:
        """End the processes, at once. Who waits for an item in another thread is told that there are no more."""
        for worker in self._workers:
            worker.kill()
        for worker in self._workers:
            worker.join()


@dataclass(frozen=True)
class _Failure:
    """An item that could not be made."""

    error: Exception


@dataclass(frozen=True)
class _Ended:
    """A worker has ended, with this exit code; minus a signal's number where that killed it."""

    code: int


class _Worker:
    """A worker as its parent sees it: a process, and a thread that reads from it."""

    def __init__(self, work: bytes):
        self._closed = False
        self._ready: queue.Queue[Any] = queue.Queue(1)
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START, *map(os.path.abspath, sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C at the terminal is for the parent, which ends its workers
        )
        self._thread = threading.Thread(target=self._read, args=(work,), daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise if the process has died; an item that it could not make is told when its turn comes."""
        code = self._process.poll()
        if code and not self._closed:
            raise RunFailed(_epitaph(code))

    def take(self) -> Any:
        """Wait for the next item, or raise what kept the worker from making it."""
        message = self._ready.get()
        if self._closed:
            self._ready.put(message)  # for another thread that waits
            raise StopIteration
        if isinstance(message, _Ended):
            raise RunFailed(_epitaph(message.code))
        if isinstance(message, _Failure):
            raise message.error
        return message

    def kill(self) -> None:
        """There is nothing that a worker would have to tidy up."""
        self._closed = True
        self._process.kill()

    def join(self) -> None:
        """Wait until process and thread have ended, and wake whoever waits for an item."""
        self._process.wait()
        while self._thread.is_alive():
            self._discard()
            self._thread.join(0.01)
        self._discard()
        self._ready.put(None)

    def _read(self, work: bytes) -> None:
        try:
            self._pass_items_on(work)
        except (OSError, EOFError, pickle.UnpicklingError):
            self._ready.put(_Ended(self._process.wait()))
        except Exception as error:  # Unpickling runs code of whatever was sent; nobody may be left waiting.
            self._ready.put(_Failure(error))

    def _pass_items_on(self, work: bytes) -> None:
        assert self._process.stdin
        assert self._process.stdout
        with self._process.stdin as pipe:
            pipe.write(work)
        with self._process.stdout as pipe:
            _widen(pipe)
            while not self._closed:
                self._ready.put(pickle.load(pipe))

    def _discard(self) -> None:
        with suppress(queue.Empty):
            self._ready.get_nowait()


def _widen(pipe: IO[bytes]) -> None:
    with suppress(ImportError, AttributeError, OSError):  # no such thing on this system, or its limit is reached
        import fcntl

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def _epitaph(code: int) -> str:
    if code == -signal.SIGKILL:
        return "a worker process was killed (signal 9): too little memory? lower data.workers or train.batch"
    how = f"was killed (signal {-code})" if code < 0 else f"ended with exit code {code}"
    return f"a worker process {how}; what it printed is above; data.workers=0 trains without such processes"


def serve() -> None:
    """Make items for the parent: all that a worker does, from its start to its end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    out = _claim_output()
    try:
        _make_items(out)
    except BrokenPipeError:
        os._exit(0)  # The parent is gone; closing the stream would only complain of it.


def _make_items(out: IO[bytes]) -> None:
    try:
        items, first, step = pickle.load(sys.stdin.buffer)
        for position in count(first, step):
            _send(items[position], out)
    except BrokenPipeError:
        raise
    except Exception as error:
        _send(_Failure(_portable(error)), out)


def _send(message: Any, out: IO[bytes]) -> None:
    pickle.dump(message, out, pickle.HIGHEST_PROTOCOL)
    out.flush()


def _claim_output() -> IO[bytes]:
    """The pipe to the parent, for items alone: what anything else prints goes to the error stream."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return out


def _portable(error: Exception) -> Exception:
    """The error as it can be sent; one that is not meant for people with its traceback, which would be lost."""
    if isinstance(error, BadInput | RunFailed):
        return error
    trace = traceback.format_exc()
    try:
        error.add_note(f"in a worker process:\n{trace}")
        return pickle.loads(pickle.dumps(error))
    except Exception:  # Any class may refuse to be pickled, in any way.
        return RuntimeError(f"in a worker process:\n{trace}")
