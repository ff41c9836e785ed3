"""Sequences for the tests of worker processes: a worker imports them from here, as it cannot from a test."""

import os
import signal
import sys
import time

import numpy as np

from multibox.errors import BadInput


class Endless:
    """What is at a position is the position."""

    def __getitem__(self, position):
        return position


class Pids(Endless):
    """The processes that make the items."""

    def __getitem__(self, position):
        return os.getpid()


class Pictures(Endless):
    """Items of 8 MB, which no pipe can hold."""

    def __getitem__(self, position):
        return os.getpid(), np.full((8, 1 << 20), position, np.uint8)


class Slow(Endless):
    """There is time to close the workers meanwhile."""

    def __getitem__(self, position):
        time.sleep(30)


class Chatter(Endless):
    """Prints, as libraries do."""

    def __getitem__(self, position):
        print("chatter")
        os.write(1, b"chatter\n")
        return position


class Broken(Endless):
    """The fourth item cannot be made.

    Args:
        kind: of the error.
    """

    def __init__(self, kind):
        self.kind = kind

    def __getitem__(self, position):
        if position == 3 and self.kind == "bad input":
            raise BadInput("photos/bad.jpg", "is cut off")
        if position == 3 and self.kind == "bug":
            return [][position]
        if position == 3:
            raise Unsendable(position, position)
        return position


class Unsendable(Exception):
    """An error that pickle writes and cannot read."""

    def __init__(self, one, other):
        super().__init__("no way")


class Dying(Endless):
    """At the fourth item its worker ends.

    Args:
        code: the exit code; -9: killed.
    """

    def __init__(self, code):
        self.code = code

    def __getitem__(self, position):
        if position == 3 and self.code < 0:
            os.kill(os.getpid(), -self.code)
            signal.pause()
        if position == 3:
            os._exit(self.code)
        return position


class Unreadable(Endless):
    """Cannot be unpickled in a worker."""

    def __reduce__(self):
        return _refuse, ()


def _refuse():
    raise LookupError("no such thing here")


class WatchedStore:
    """A store that refuses to be read in a worker that has imported Keras or TensorFlow.

    Args:
        store: what is read.
        only_in_workers: refuse to be read in this process too.
    """

    def __init__(self, store, only_in_workers=False):
        self.store, self.meta = store, store.meta
        self.only_in_workers, self.here = only_in_workers, os.getpid()

    def __len__(self):
        return len(self.store)

    def without_image(self, index):
        """What is asked of the annotations before training."""
        return self.store.without_image(index)

    def __getitem__(self, index):
        heavy = sorted({"keras", "tensorflow"} & set(sys.modules))
        if os.getpid() == self.here and self.only_in_workers:
            raise BadInput("worker", "this is none")
        if os.getpid() != self.here and heavy:
            raise BadInput("worker", f"it has imported {' and '.join(heavy)}")
        return self.store[index]
