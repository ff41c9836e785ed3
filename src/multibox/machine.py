"""The processor of this machine, and the cores that may be used."""

import os
import platform
from pathlib import Path

VNNI = {"avx512_vnni", "avx_vnni"}
"""Linux's flags of x86 processors that add products of bytes in 32 bits, in registers of 512 and of 256 bits."""


def cores() -> int:
    """Number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def processor() -> str:
    """Name of the processor's model, as the operating system gives it."""
    try:
        return _first("model name") or platform.machine()
    except OSError:
        return platform.processor() or platform.machine()


def has_vnni() -> bool:
    """Whether the processor is known to have VNNI. False on other systems than Linux, which do not say."""
    try:
        return not VNNI.isdisjoint(_first("flags").split())
    except OSError:
        return False


def _first(name: str) -> str:
    """Value of the first line of ``/proc/cpuinfo`` that begins with a name, or an empty text."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")
