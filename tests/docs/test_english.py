"""What a reader meets first: docstrings, messages and pages, each phrase of which stands alone."""

import ast
import re
from pathlib import Path

import pytest

from sentences import median_words

PROJECT = Path(__file__).parents[2]
SOURCES = sorted((PROJECT / "src" / "multibox").rglob("*.py"))
PAGES = sorted(
    path for path in [PROJECT / "README.md", *(PROJECT / "docs").rglob("*.md")] if "_build" not in path.parts
)

SECTIONS = ("Args", "Attributes", "Returns", "Yields", "Raises")
BEGINS = re.compile(r"^(?:[A-Z0-9`(\[\"':$*]|-?\d)")
FRAGMENT = re.compile(
    r"^(?:Of|To|That|Whose|For|From|By|Where|Who|Which|Else|Likewise|Ditto|Same|See"
    r"|As (?:said|there|above|given))\b"
)
CROSS_REFERENCE = re.compile(r"\b(?:likewise|as said there|see there|said there)\b", re.IGNORECASE)
WORDS_A_SENTENCE = 16


def docstrings(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield getattr(node, "name", path.stem), text


def entries(docstring):
    """The entries of a docstring's sections, each as its name and its text in one line."""
    parts = re.split(rf"^({'|'.join(SECTIONS)}):$", docstring, flags=re.MULTILINE)
    for section, body in zip(parts[1::2], parts[2::2], strict=True):
        block = re.split(r"^\S", body, maxsplit=1, flags=re.MULTILINE)[0]
        lines = [line for line in block.splitlines() if line.strip()]
        if section in ("Returns", "Yields"):
            yield section, " ".join(line.strip() for line in lines)
            continue
        for entry in re.split(r"\n(?=    \S)", "\n".join(lines)):
            name, _, text = " ".join(entry.split()).partition(": ")
            yield name, text


def faults(text):
    if not BEGINS.match(text):
        yield "begins with a small letter"
    if not re.search(r"[.!?:`\])]$", text) or text.endswith(":"):
        yield "does not end as a sentence"
    if FRAGMENT.match(text):
        yield "completes its name"
    if CROSS_REFERENCE.search(text):
        yield "points elsewhere"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PROJECT / "src" / "multibox")))
def test_every_entry_of_a_docstring_stands_alone(path):
    found = [
        f"{owner}: {name}: {text} ({fault})"
        for owner, docstring in docstrings(path)
        for name, text in entries(docstring)
        for fault in faults(text)
    ]
    assert not found, "\n" + "\n".join(found)


def messages(path):
    """The messages of errors, their values replaced by ``X``."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("BadInput", "RunFailed", "Stopped"):
            for argument in node.args[:2]:
                text = literal(argument)
                if text:
                    yield node.lineno, text


def literal(node):
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "X" for part in node.values)
    return ""


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PROJECT / "src" / "multibox")))
def test_messages_use_the_words_of_the_field_and_name_no_option(path):
    """The command line alone knows options; Python users see the parameter."""
    if "cli" in path.parts:
        return
    strange = re.compile(
        r"(?:^|\s)--[a-z]|\bpictures?\b|\bcomes along\b|\blooked at\b|\bheld against\b|\blikewise\b|\bsigns?\b"
    )
    found = [f"line {line}: {text}" for line, text in messages(path) if strange.search(text)]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_sentences_are_short(path):
    assert median_words(path) <= WORDS_A_SENTENCE
