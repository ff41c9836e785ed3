"""The processor of this machine, and the cores that may be used."""

import os
import platform
from pathlib import Path


def cores() -> int:
    """Number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def share_of_cores() -> int:
    """Number of CPU cores for this process if it shares them with others of a run, as ``torchrun`` starts them."""
    return max(1, cores() // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))


def processor() -> str:
    """Name of the processor's model, as the operating system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
