"""The fastest runtime for a model on this machine: measured once, then remembered."""

import hashlib
import json
import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from multibox.errors import BadInput, RunFailed
from multibox.machine import cores, processor
from multibox.runtimes.agreement import difference, trial_images
from multibox.runtimes.cache import cache_folder, content_hash
from multibox.runtimes.kinds import RUNTIMES, readers
from multibox.runtimes.runtime import Runtime
from multibox.runtimes.selecting import selects
from multibox.writing import new_file

ROUNDS = 15
"""How often each runtime runs one image at most, in turns; the median counts."""

SECONDS = 4.0
"""After which no other turn begins, once there were three."""

SETTLE = 0.005
"""Seconds before each turn, as the threads of the runtime before go on waiting for work for a while."""


def open_fastest(path: Path, threads: int | None = None) -> Runtime:
    """Open a model file with the installed runtime that runs it fastest here.

    Args:
        path: of the file.
        threads: that compute; None: one a core.

    Returns:
        what runs it. A runtime whose detections differ from those of the default one is never chosen. Where NMS is
        inside the file, the default: what such runtimes give cannot be compared box by box.

    Raises:
        BadInput: the default runtime is missing, or cannot read the file.
    """
    default, *others = readers(path)
    names = [default, *(name for name in others if RUNTIMES[name].is_installed)]
    if len(names) == 1:
        return RUNTIMES[default].open(path, threads)
    question = _question(path, names, threads)
    name = _remembered(question)
    if name in names:
        return RUNTIMES[name].open(path, threads)
    runtimes = _opened(path, names, threads)
    if selects(runtimes[default]):
        return runtimes[default]
    ms = measure(runtimes, ROUNDS)
    fastest = min(ms, key=ms.__getitem__)
    _remember(question, {"runtime": fastest, "ms": ms})
    return runtimes[fastest]


def measure(runtimes: Mapping[str, Runtime], rounds: int) -> dict[str, float]:
    """Time the network on one image, in each runtime that detects the same as the first.

    Args:
        runtimes: by their names.
        rounds: how often at most.

    Returns:
        milliseconds, the median, by name.
    """
    first, *_ = runtimes.values()
    images = trial_images(first.schema)
    expected = first(images)
    same = {
        name: runtime
        for name, runtime in runtimes.items()
        if runtime is first or difference(expected, runtime(images), first.schema).is_small
    }
    calls = {name: (lambda runtime=runtime: runtime(images[:1])) for name, runtime in same.items()}
    return {name: statistics.median(seconds) * 1000 for name, seconds in in_turns(calls, rounds, SECONDS).items()}


def in_turns(calls: Mapping[str, Callable[[], Any]], rounds: int, limit: float = math.inf) -> dict[str, list[float]]:
    """Time calls in turns, so that a machine whose speed changes changes it for all.

    Args:
        calls: by their names. Each is made once before, which does not count.
        rounds: how often.
        limit: seconds after which no other round begins, once there were three.

    Returns:
        seconds of each call, by name.
    """
    for call in calls.values():
        call()
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    began = time.perf_counter()
    for turn in range(rounds):
        if turn >= 3 and time.perf_counter() - began > limit:
            break
        for name, call in calls.items():
            time.sleep(SETTLE)
            start = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def _opened(path: Path, names: Sequence[str], threads: int | None) -> dict[str, Runtime]:
    """The default runtime, and those of the others that can run the file."""
    default, *others = names
    runtimes = {default: RUNTIMES[default].open(path, threads)}
    for name in others:
        try:
            runtimes[name] = RUNTIMES[name].open(path, threads)
        except BadInput:
            continue
    return runtimes


def _question(path: Path, names: Sequence[str], threads: int | None) -> str:
    """All that the answer depends on: the model, the machine, the versions."""
    versions = {name: RUNTIMES[name].version for name in names}
    parts = (content_hash(path), processor(), threads or cores(), versions)
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _answers() -> Path:
    return cache_folder() / "fastest.json"


def _read_answers() -> dict[str, Any]:
    """What is remembered; nothing where the file is missing or damaged."""
    try:
        answers = json.loads(_answers().read_bytes())
    except (OSError, ValueError):
        return {}
    return answers if isinstance(answers, dict) else {}


def _remembered(question: str) -> str | None:
    answer = _read_answers().get(question)
    name = answer.get("runtime") if isinstance(answer, dict) else None
    return name if isinstance(name, str) else None


def _remember(question: str, answer: dict[str, Any]) -> None:
    answers = {**_read_answers(), question: answer}
    try:
        with new_file(_answers()) as new:
            new.write_text(json.dumps(answers, indent=1), "utf-8")
    except (BadInput, RunFailed):  # the cache cannot be written to: it is measured again next time
        pass
