"""How the project writes docstrings, where that is not what Sphinx expects.

Descriptions are prose: ``Returns:`` and the docstrings of fields hold sentences, whose colons do not follow a type. And
a reference may name what is in the code but on no page: it is shown without a link, while a name that there is not
stays a warning.
"""

import re
from importlib import import_module
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.ext.napoleon.docstring import GoogleDocstring

ANNOTATED = re.compile(r"Annotated\[([\w.]+(?:\[[^\[\]]*\])?)(?:, \w+\((?:[^()]|\([^()]*\))*\))+\]")


def prose_of_field(self: GoogleDocstring) -> tuple[str, list[str]]:
    """The docstring of a field, without a type."""
    lines = [self._lines.next(), *self._dedent(self._consume_to_end())]
    return "", self.__class__(lines, self._config).lines() if len(lines) > 1 else lines


def prose_of_returns(self: GoogleDocstring, preprocess_types: bool = False) -> list[tuple[str, str, list[str]]]:
    """What a function returns, without a type."""
    lines = self._dedent(self._consume_to_next_section())
    return [("", "", self.__class__(lines, self._config).lines())] if lines else []


def is_there(name: str) -> bool:
    """Whether a dotted name can be imported."""
    parts = name.split(".")
    for depth in range(len(parts), 0, -1):
        try:
            found: Any = import_module(".".join(parts[:depth]))
        except ImportError:
            continue
        for part in parts[depth:]:
            if part in getattr(
                found, "__annotations__", {}
            ):  # a field, which a class without its default does not have
                return True
            found = getattr(found, part, None)
        return found is not None
    return False


def without_link(app: Sphinx, env: Any, node: Any, text: nodes.Node) -> nodes.Node | None:
    """Leave a reference as text where its name is in the code, or is a type of the annotations alone."""
    if node.get("refdomain") != "py":
        return None
    target, module = node["reftarget"], node.get("py:module")
    if node["reftype"] == "class" and not target.startswith("multibox"):
        return text
    return text if is_there(target) or (module and is_there(f"{module}.{target}")) else None


def without_aliases(app: Sphinx, what: str, name: str, found: Any, skip: bool, options: Any) -> bool | None:
    """Leave out what a named tuple says of its fields by itself: its docstring has them."""
    return True if (getattr(found, "__doc__", None) or "").startswith("Alias for field number") else None


def with_bars(app: Sphinx, what: str, name: str, found: Any, options: Any, lines: list[str]) -> None:
    """Let a bar be a bar, as in ``|a|``, and not the beginning of a substitution."""
    lines[:] = [
        "``".join(part if i % 2 else part.replace("|", "\\|") for i, part in enumerate(line.split("``")))
        for line in lines
    ]


def without_bounds(app: Sphinx, document: nodes.document) -> None:
    """Say ``float`` where a field's type also holds its bounds, which pydantic writes at length."""
    for node in document.findall(addnodes.desc_annotation):
        text = node.astext()
        while ANNOTATED.search(text):
            text = ANNOTATED.sub(r"\1", text)
        if text != node.astext():
            node.children = [nodes.Text(text)]


def setup(app: Sphinx) -> dict[str, bool]:
    """Teach Sphinx all of it."""
    GoogleDocstring._consume_inline_attribute = prose_of_field
    GoogleDocstring._consume_returns_section = prose_of_returns
    app.connect("autodoc-skip-member", without_aliases)
    app.connect("autodoc-process-docstring", with_bars)
    app.connect("doctree-read", without_bounds)
    app.connect("missing-reference", without_link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
