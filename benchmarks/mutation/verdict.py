"""Judge how a command ends on an input: what it says, takes and leaves behind."""

import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from benchmarks.mutation.changes import Content
from benchmarks.mutation.running import Said, run_command
from benchmarks.mutation.seed import BUILT, INPUT, SHOP, Command

SECONDS, MEGABYTES = 10, 1024
"""Longest time of a command, and most memory that it may take beyond that of an idle worker."""

Ending = Literal["success", "refusal", "failure"]

WARNING = re.compile(r"\.py:\d+: \w*Warning")


@dataclass(frozen=True)
class Verdict:
    """How a command ended.

    Attributes:
        ending: ``success``, ``refusal`` in one line with exit code 2, or ``failure``, which is anything else.
        words: The line of a refusal, or what is wrong.
        seconds: Duration of the command.
        megabytes: Largest memory of the process beyond that of an idle worker.
        noise: What libraries printed past Python, such as a line of libpng about a damaged image. It is no failure.
    """

    ending: Ending
    words: str
    seconds: float = 0
    megabytes: int = 0
    noise: str = ""


def write_input(folder: Path, content: Content) -> None:
    """Write an input."""
    (folder / INPUT).mkdir(parents=True, exist_ok=True)
    for name, held in content.items():
        path = folder / name
        with suppress(NotADirectoryError, FileExistsError, IsADirectoryError):  # a file where others need a folder
            path.parent.mkdir(parents=True, exist_ok=True)
            path.mkdir(exist_ok=True) if held is None else path.write_bytes(held)


def write_known(folder: Path) -> None:
    """Write what every command finds: a model, an image, and a dataset that is built."""
    from benchmarks.mutation.layouts import image
    from benchmarks.mutation.seeds import tiny_onnx

    (folder / "known").mkdir(parents=True)
    (folder / "known/tiny.onnx").write_bytes(tiny_onnx())
    (folder / "known/photo.png").write_bytes(image())
    rows = "image,x0,y0,x1,y1,class,split\n"
    for split, stems in {"train": "abc", "val": "d", "test": "e"}.items():
        for stem in stems:
            (folder / f"{stem}.png").write_bytes(image())
            rows += "".join(f"{stem}.png,{10 - i},5,30,20,{name},{split}\n" for i, name in enumerate(SHOP))
    (folder / "boxes.csv").write_text(rows)
    os.environ["MULTIBOX_DATA"] = str(folder / "data")
    said = run_command(("data", "build", str(folder), "--name", BUILT, "--classes", ",".join(SHOP)))
    assert said.code == 0, said.err + said.error


def judge(command: Command, content: Content, known: Path, idle: int) -> Verdict:
    """Run a command on an input in a fresh folder.

    Args:
        command: Arguments of ``multibox``, or ``POST`` and what is sent.
        content: Files of the input.
        known: Folder that :func:`write_known` filled.
        idle: Memory of the idle worker, megabytes.
    """
    base = Path(tempfile.mkdtemp(prefix="mutated-", dir=known.parent))
    try:
        for name in ("work", "data", "tmp", "cache"):
            (base / name).mkdir()
        (base / "data" / BUILT).symlink_to(known / "data" / BUILT)
        (base / "work/known").symlink_to(known / "known")
        write_input(base / "work", content)
        before = listed(base)
        _forget_peak()
        started = time.perf_counter()
        with _in_folder(base):
            said = run_command(command)
        seconds, megabytes = time.perf_counter() - started, _peak() - idle
        ending, words = ending_of(command, said)
        if ending != "failure":
            faults = [*left_behind(base, before, ending), *_costs(seconds, megabytes)]
            ending, words = ("failure", "; ".join(faults)) if faults else (ending, words)
        return Verdict(ending, words.replace(str(base), ""), seconds, megabytes, said.noise)
    finally:
        shutil.rmtree(base, ignore_errors=True)


def _costs(seconds: float, megabytes: int) -> Iterator[str]:
    if seconds > SECONDS:
        yield f"took {seconds:.0f} s"
    if megabytes > MEGABYTES:
        yield f"took {megabytes:,} MB more than an idle worker"


def left_behind(base: Path, before: dict[str, Any], ending: Ending) -> Iterator[str]:
    after = listed(base)
    gone = [name for name, held in before.items() if after.get(name) != held]
    if gone:
        yield f"changed or removed {gone[0]}"
    new = [name for name in after if name not in before]
    kept = ("work/", "data/", "cache/") if ending == "success" else ("cache/",)
    new = [name for name in new if not name.startswith(kept) or ".multibox-new-" in name]
    if new:
        yield f"left {new[0]!r} behind"


def listed(base: Path) -> dict[str, tuple[int, int] | None]:
    """Size and time of change of each file below a folder. None for folders and links."""
    found: dict[str, tuple[int, int] | None] = {}
    for root, folders, names in os.walk(base):
        found |= {os.path.relpath(os.path.join(root, name), base): None for name in folders}
        for name in names:
            path = os.path.join(root, name)
            status = os.lstat(path)
            found[os.path.relpath(path, base)] = (status.st_size, status.st_mtime_ns)
    return found


@contextmanager
def _in_folder(base: Path) -> Iterator[None]:
    """A working folder, and places for data, temporary files and the cache, until the block ends."""
    old, environment = os.getcwd(), dict(os.environ)
    os.environ |= {
        "MULTIBOX_DATA": str(base / "data"),
        "TMPDIR": str(base / "tmp"),
        "XDG_CACHE_HOME": str(base / "cache"),
    }
    tempfile.tempdir = None
    os.chdir(base / "work")
    try:
        yield
    finally:
        os.chdir(old)
        os.environ.clear()
        os.environ |= environment
        tempfile.tempdir = None


def ending_of(command: Command, said: Said) -> tuple[Ending, str]:
    """How a command ended, by what it said."""
    if said.error:
        return "failure", said.error
    if found := WARNING.search(said.err):
        return "failure", f"a warning was printed: {said.err[max(0, found.start() - 200) : found.end() + 200]}"
    lines = said.err.splitlines()
    refusals = [line for line in lines if line.startswith("multibox: ")]
    is_alone = len(refusals) == 1 and lines[-1] == refusals[0] and not said.out.strip()
    is_usage = bool(lines) and lines[0].startswith("Usage: ")
    if said.code == 2 and (is_usage or is_alone):
        return "refusal", lines[-1]
    has_findings = said.code == 1 and command[:2] == ("data", "check")
    lacks_some = said.code == 1 and command[0] == "predict" and "could not be read" in " ".join(refusals)
    if lacks_some or ((said.code == 0 or has_findings) and not refusals):
        return "success", ""
    return "failure", f"exit code {said.code}: {said.err[-500:] or said.out[-300:]}"


def memory() -> int:
    """Memory that this process holds, megabytes. 0 where the system does not say."""
    return _status("VmRSS")


def _peak() -> int:
    return _status("VmHWM")


def _status(field: str) -> int:
    try:
        text = Path("/proc/self/status").read_text()
    except OSError:
        return 0
    return next(int(line.split()[1]) >> 10 for line in text.splitlines() if line.startswith(f"{field}:"))


def _forget_peak() -> None:
    """Let the peak of memory begin again from what is held now."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
