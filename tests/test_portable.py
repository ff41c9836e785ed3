import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import multibox

SOURCE = Path(multibox.__file__).parent
WINDOWS_LACKS = {"fcntl", "grp", "posix", "pty", "pwd", "readline", "resource", "syslog", "termios", "tty", "uvloop"}


def imported_at_once(block: ast.AST) -> Iterator[str]:
    """Names of the packages that are imported with a module, not in a function that is called later."""
    for node in ast.iter_child_nodes(block):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from imported_at_once(node)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import os, fcntl", {"os", "fcntl"}),
        ("from fcntl import flock", {"fcntl"}),
        ("try:\n    import uvloop.loop\nexcept ImportError:\n    pass", {"uvloop"}),
        ("class A:\n    import pwd", {"pwd"}),
        ("def f():\n    import fcntl", set()),
    ],
)
def test_what_a_module_imports_at_once(source, names):
    assert set(imported_at_once(ast.parse(source))) == names


def test_no_module_needs_what_windows_lacks_to_be_imported():
    modules = sorted(SOURCE.rglob("*.py"))
    assert len(modules) > 100
    found = {
        f"{module.relative_to(SOURCE)}: {name}"
        for module in modules
        for name in WINDOWS_LACKS.intersection(imported_at_once(ast.parse(module.read_text())))
    }
    assert not found
