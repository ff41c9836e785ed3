"""Huge pages of memory for training, on systems that give them to programs that ask."""

import os
import platform
import sys
from pathlib import Path

TUNABLES = "GLIBC_TUNABLES"
"""Environment variable with settings of glibc, which reads it once, when a process starts."""

ENABLED = Path("/sys/kernel/mm/transparent_hugepage/enabled")
"""File in which Linux says who gets huge pages: ``always``, ``[madvise]`` for who asks, or ``never``."""


def use_huge_pages() -> None:
    """Start this process again with a glibc that asks for huge pages, if only who asks gets them.

    TensorFlow allocates the tensors of each step anew, and gives them back. In pages of 4 KiB, the system then spends
    much of a step on page faults. Nothing happens where huge pages are always or never given, where glibc is older than
    2.35 or absent, and where ``GLIBC_TUNABLES`` is set.
    """
    if TUNABLES not in os.environ and _glibc() >= (2, 35) and _only_on_request():
        os.execve(sys.executable, sys.orig_argv, {**os.environ, TUNABLES: "glibc.malloc.hugetlb=1"})


def _glibc() -> tuple[int, ...]:
    """The version of glibc, or an empty tuple with another C library."""
    name, version = platform.libc_ver()
    return tuple(map(int, version.split("."))) if name == "glibc" else ()


def _only_on_request() -> bool:
    try:
        return "[madvise]" in ENABLED.read_text()
    except OSError:
        return False
