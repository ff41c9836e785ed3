"""Tests that need another project, each in an environment of its own: ``make test-outside``."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ENVIRONMENTS = HERE.parents[1] / ".outside"
RESULTS = pytest.StashKey[list[tuple[str, ...]]]()


def run_outside(environment: str, script: str, *arguments: object) -> dict:
    """What a script prints as JSON when the Python of an environment runs it."""
    python = ENVIRONMENTS / environment / "bin/python"
    if not python.exists():
        pytest.fail(f"{python} is missing; run: make test-outside", pytrace=False)
    done = subprocess.run(
        [python, HERE / script, *map(str, arguments)], capture_output=True, encoding="utf-8", check=False, timeout=300
    )
    if done.returncode:
        pytest.fail(f"{environment}: {script} ended with {done.returncode}\n{done.stderr[-3000:]}", pytrace=False)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def outside() -> Callable[..., dict]:
    return run_outside


@pytest.fixture
def note(request) -> Callable[..., None]:
    """Add a row to the table that is printed at the end: project, version, format, what was compared, result."""
    return lambda *row: request.config.stash.setdefault(RESULTS, []).append(tuple(map(str, row)))


def pytest_terminal_summary(terminalreporter, config):
    rows = config.stash.get(RESULTS, [])
    if rows:
        terminalreporter.section("read by others")
        for row in [("project", "version", "format", "compared", "result"), ("---",) * 5, *rows]:
            terminalreporter.write_line(f"| {' | '.join(row)} |")
