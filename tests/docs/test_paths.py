"""Files and folders that the pages for contributors name are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATH = re.compile(r"`((?:[\w.-]+/)+[\w.-]*)`|\]\(([^)#:]+)\)")
"""A path with a slash in backticks, or the target of a link within the project."""
BUILT = {"demo/", "detections/", "dist/", "docs/_build/html"}
"""What Multibox and its Makefile write."""
PAGES = ("CONTRIBUTING.md", "README.md", "RELEASING.md", "SECURITY.md", "docs/architecture.md", "docs/install.md")


def named_paths(text: str) -> set[str]:
    return {name for pair in PATH.findall(text) for name in pair if name and "NAME" not in name} - BUILT


def exists(name: str, page: Path) -> bool:
    return any((base / name).exists() for base in (ROOT, ROOT / "src" / "multibox", page.parent))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("see `src/multibox/boxes.py`, then `losses/`", {"src/multibox/boxes.py", "losses/"}),
        ("[the map](docs/architecture.md) and [a host](https://example.org)", {"docs/architecture.md"}),
        ("write `src/multibox/data/NAME.py`; `xp`; `a / b`", set()),
    ],
)
def test_paths_in_a_text(text, names):
    assert named_paths(text) == names


@pytest.mark.parametrize("name", PAGES)
def test_every_path_that_a_page_names_exists(name):
    page = ROOT / name
    assert {path for path in named_paths(page.read_text()) if not exists(path, page)} == set()
