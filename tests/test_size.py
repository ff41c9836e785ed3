"""How long files and functions may be. ESLint holds the page to its own limits."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "multibox"
FILE = 450
FUNCTION = 60


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_file_and_no_function_is_long(path):
    text = path.read_text()
    functions = [
        (node.name, node.end_lineno - node.lineno + 1)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert text.count("\n") <= FILE
    assert not [(name, lines) for name, lines in functions if lines > FUNCTION]
