"""Worker processes that compute the items of a sequence in advance.

A worker is a new interpreter at the end of two pipes. It reads the sequence from its standard input, then writes one
item after the other to its standard output. It never runs the caller's script again. So that script needs no
``if __name__ == "__main__":``, and may be a notebook or an interactive session.

There are only processes and pipes. However a process dies, the operating system closes its pipes, and the other side
notices at once. Pipes have no names in the system, so nothing can be left behind.
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
"""Capacity of the pipe from a worker in bytes, if the system allows it. With 64 KiB, a batch would take hundreds of
reads."""

_START = "import sys; sys.path[:] = sys.argv[1:]; from multibox.prepare import pipeline, workers; workers.serve()"
"""Program of a worker. Importing the pipeline first keeps Grain from warning that JAX is not installed."""


class Workers:
    """An endless iterator over a sequence whose items are made by worker processes, in order.

    Worker w of n makes items w, w + n, w + 2n and so on, and is about three items ahead.

    Args:
        items: Endless sequence whose items the workers compute. It is pickled and sent to each worker.
        workers: Number of processes.

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

        Returns:
            The next item of the sequence.

        Raises:
            RunFailed: If the worker that makes the item has ended.
            StopIteration: If the iterator has been closed.
        """
        return next(self._turns).take()

    def check(self) -> None:
        """Verify that all processes are alive.

        A caller that reads far ahead would otherwise notice a killed process only later.

        Raises:
            RunFailed: If a worker was killed.
        """
        for worker in self._workers:
            worker.check()

    def close(self) -> None:
        """Kill the processes at once. A thread that waits for an item gets ``StopIteration``."""
        for worker in self._workers:
            worker.kill()
        for worker in self._workers:
            worker.join()


@dataclass(frozen=True)
class _Failure:
    """Sent by a worker instead of an item that it could not make."""

    error: Exception


@dataclass(frozen=True)
class _Ended:
    """The exit code of a worker that has ended. If a signal killed it, the code is minus the signal's number."""

    code: int


class _Worker:
    """The parent's side of a worker: the process, and a thread that reads the items from its pipe."""

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
        """Raise RunFailed if the process has died. An item that it could not make is reported when its turn comes."""
        code = self._process.poll()
        if code and not self._closed:
            raise RunFailed(_epitaph(code))

    def take(self) -> Any:
        """Wait for the next item, or raise the exception that the worker met while making it."""
        message = self._ready.get()
        if self._closed:
            self._ready.put(message)  # for any other thread that waits
            raise StopIteration
        if isinstance(message, _Ended):
            raise RunFailed(_epitaph(message.code))
        if isinstance(message, _Failure):
            raise message.error
        return message

    def kill(self) -> None:
        """Kill the process. A worker has nothing to clean up."""
        self._closed = True
        self._process.kill()

    def join(self) -> None:
        """Wait until process and thread have ended, and wake any thread that waits for an item."""
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
        except Exception as error:  # Unpickling can run any code; a waiting thread must still be woken.
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
        return "a worker process was killed (signal 9), probably for lack of memory; lower data.workers or train.batch"
    how = f"was killed (signal {-code})" if code < 0 else f"ended with exit code {code}"
    return (
        f"a worker process {how}; its own error message is printed above; set data.workers=0 to train without worker "
        "processes"
    )


def serve() -> None:
    """Compute items for the parent process until the parent ends. This is the main function of a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    out = _claim_output()
    try:
        _make_items(out)
    except BrokenPipeError:
        os._exit(0)  # The parent is gone, and closing the stream would only raise again.


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
    """Reserve the pipe to the parent for items. Everything else that is printed goes to the error stream."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return out


def _portable(error: Exception) -> Exception:
    """Make an error ready to be pickled. Unexpected errors get their traceback as a note, which pickling would lose."""
    if isinstance(error, BadInput | RunFailed):
        return error
    trace = traceback.format_exc()
    try:
        error.add_note(f"in a worker process:\n{trace}")
        return pickle.loads(pickle.dumps(error))
    except Exception:  # Any class may refuse to be pickled, in any way.
        return RuntimeError(f"in a worker process:\n{trace}")
