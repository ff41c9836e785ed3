import ast
import importlib.util
import re
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
CHAPTERS = sorted(DOCS.glob("guide/[01]*.md"))
TRAINED = "from trained import"
ASKED = re.compile(r"\{value\}`(\w+)`|\{(?:picture|rows|printed)\} (\w+)")
SOURCE = re.compile(r"\{source\} (\S+)")


@pytest.fixture(autouse=True)
def guide_path(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(DOCS / "guide"), *sys.path])


def load(path: Path):
    spec = importlib.util.spec_from_file_location(f"docs_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def asked(chapter: Path) -> set[str]:
    return {a or b for a, b in ASKED.findall(chapter.read_text())}


def made(script: Path) -> set[str]:
    names = set()
    for node in ast.parse(script.read_text()).body:
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)}
    return names


def test_there_are_eleven_chapters_and_the_index_has_them_in_order():
    listed = re.findall(r"^\d\d_\w+$", (DOCS / "guide" / "index.md").read_text(), re.M)
    assert listed == [chapter.stem for chapter in CHAPTERS]
    assert len(listed) == 11


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_asks_only_for_what_its_script_makes(chapter):
    names = asked(chapter)
    assert names
    assert names <= made(chapter.with_suffix(".py"))


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_shows_code_that_is_there(chapter):
    source_of = load(DOCS / "extensions" / "chapters.py").source_of if importlib.util.find_spec("sphinx") else None
    if source_of is None:
        pytest.skip("needs Sphinx: make docs")
    for name in SOURCE.findall(chapter.read_text()):
        _, text = source_of(name)
        assert f"def {name.rsplit('.', 1)[1]}(" in text


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_a_script_makes_what_its_chapter_asks_for(chapter):
    script = chapter.with_suffix(".py")
    if TRAINED in script.read_text():
        pytest.skip("needs the detector that make docs trains")
    module = load(script)
    for name in asked(chapter):
        value = getattr(module, name)
        value = value() if callable(value) else value
        assert str(value)
        if isinstance(value, list):
            assert {len(row) for row in value} == {len(value[0])}


def test_what_the_first_chapters_say_of_the_paper():
    assert load(DOCS / "guide" / "02_priors.py").prior_count == "8,732"
    boxes = load(DOCS / "guide" / "01_boxes.py")
    assert boxes.overlap == f"{8148 / 31390:.3f}"  # the gear's 148 x 157 and the fish's 143 x 114 share 84 x 97


def test_every_page_is_listed_once():
    text = (DOCS / "index.md").read_text() + (DOCS / "guide" / "index.md").read_text()
    blocks = re.findall(r"```\{toctree\}\n(.*?)```", text, re.S)
    listed = [line for block in blocks for line in block.splitlines() if line and not line.startswith(":")]
    pages = {path.stem for path in DOCS.glob("*.md")} - {"index"}
    assert pages <= set(listed)
    assert len(listed) == len(set(listed))
