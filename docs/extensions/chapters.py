"""What the chapters of the guide show is made while the pages are built, by the script that lies beside each.

``02_priors.md`` takes its numbers and pictures from ``02_priors.py``. In the page

- the role ``{value}`` with a name stands for the text of that name in the script;
- the directive ``{picture}`` with a name shows what the script's function of that name draws;
- the directive ``{rows}`` with a name shows the script's list of rows as a table, its first row as the heading;
- the directive ``{printed}`` with a name shows a text of the script as it is, such as a command;
- the directive ``{made-by}`` shows the script itself;
- the directive ``{source}`` with a dotted name, such as ``multibox.boxes.iou``, shows that function of the package, and
  of its docstring the first line.

A name that there is not is a warning, and so an error of ``make docs``. A script that fails ends the build with a line.
"""

import ast
import importlib.util
import textwrap
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective, SphinxRole


@cache
def script(path: Path) -> dict[str, Any]:
    """Run a script, once in a build.

    Args:
        path: of the script.

    Returns:
        its names and what they stand for.
    """
    spec = importlib.util.spec_from_file_location(f"chapter_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    with failures_of(path):
        spec.loader.exec_module(module)
    return vars(module)


@contextmanager
def failures_of(path: Path) -> Iterator[None]:
    """Turn whatever goes wrong in a script into one line that names the script and the line of it.

    Raises:
        ExtensionError: it went wrong.
    """
    try:
        yield
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        line = next((frame.lineno for frame in reversed(frames) if Path(frame.filename) == path), 0)
        says = " ".join(f"{type(error).__name__}: {error}".split())
        raise ExtensionError(f"{path}:{line}: {says}; mend it, and try it with: python {path}") from error


def made_for(document: str, name: str) -> Any:
    """What a chapter's script has under a name; a function is called.

    Args:
        document: the chapter's file.
        name: in its script.

    Raises:
        LookupError: there is no such name.
        ExtensionError: the script, or the function, went wrong.
    """
    path = Path(document).with_suffix(".py")
    if not path.is_file():
        raise LookupError(f"{path}: no such script; {name} is made by the script beside the page")
    names = script(path)
    if name not in names:
        raise LookupError(f"{path} makes no {name}; add it, or take it out of the page")
    with failures_of(path):
        return names[name]() if callable(names[name]) else names[name]


def source_of(name: str) -> tuple[Path, str]:
    """The source of a function, method or class, without importing its module, which may need Keras.

    Args:
        name: dotted, as ``multibox.boxes.iou``.

    Returns:
        its file, and its lines with the first line of its docstring alone.

    Raises:
        LookupError: there is nothing of that name.
    """
    parts = name.split(".")
    found = importlib.util.find_spec(parts[0])
    if found is None or found.origin is None:
        raise LookupError(f"{name}: there is no package {parts[0]}")
    package = Path(found.origin).parent
    depth = next((i for i in range(len(parts), 1, -1) if package.joinpath(*parts[1:i]).with_suffix(".py").is_file()), 1)
    file = package.joinpath(*parts[1:depth]).with_suffix(".py") if depth > 1 else package / "__init__.py"
    text = file.read_text("utf-8")
    node: Any = ast.parse(text)
    for part in parts[depth:]:
        node = next((child for child in node.body if getattr(child, "name", "") == part), None)
        if node is None:
            raise LookupError(f"{file} has no {part}; name a function of it in the page")
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    lines = text.splitlines()
    doc = node.body[0]
    if ast.get_docstring(node) and doc.end_lineno > doc.lineno:
        lines[doc.lineno - 1 : doc.end_lineno] = [lines[doc.lineno - 1] + '"""'] + [None] * (
            doc.end_lineno - doc.lineno
        )
    kept = [line for line in lines[first - 1 : node.end_lineno] if line is not None]
    return file, textwrap.dedent("\n".join(kept))


class Source(SphinxDirective):
    """A function of the package as it runs."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Show its lines, its file's name above them."""
        try:
            file, text = source_of(self.arguments[0])
        except LookupError as error:
            raise self.error(str(error)) from None
        self.env.note_dependency(str(file))
        code = nodes.literal_block(text, text, language="python")
        name = file.as_posix()[file.as_posix().rindex("/multibox/") + 1 :]
        block = nodes.container("", literal_block=True, classes=["literal-block-wrapper"])
        block += nodes.caption("", "", nodes.literal("", name))
        block += code
        return [block]


class Value(SphinxRole):
    """A number, or a few words, of the chapter's script."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Stand for the text."""
        try:
            text = str(made_for(self.env.doc2path(self.env.docname), self.text))
        except LookupError as error:
            message = self.inliner.reporter.warning(str(error), line=self.lineno)
            return [nodes.problematic(self.rawtext, self.rawtext)], [message]
        return [nodes.inline(self.rawtext, text, classes=["value"])], []


class Made(SphinxDirective):
    """A directive whose content the chapter's script makes."""

    required_arguments = 1
    has_content = True
    option_spec = {"class": directives.class_option}  # noqa: RUF012  docutils' way

    def made(self) -> Any:
        """What the script makes under the directive's name."""
        try:
            return made_for(self.env.doc2path(self.env.docname), self.arguments[0])
        except LookupError as error:
            raise self.error(str(error)) from None


class Picture(Made):
    """A picture, its caption below."""

    def run(self) -> list[nodes.Node]:
        """Put the picture's HTML into a figure."""
        figure = nodes.figure("", nodes.raw("", str(self.made()), format="html"))
        figure["classes"] += ["made", *self.options.get("class", [])]
        if self.content:
            caption = nodes.caption()
            caption += self.parse_content_to_nodes()[0].children
            figure += caption
        return [figure]


class Rows(Made):
    """A table."""

    def run(self) -> list[nodes.Node]:
        """Write the rows as a table of MyST, so that cells may hold Markdown."""
        heading, *rows = ["| " + " | ".join(map(str, row)) + " |" for row in self.made()]
        rule = "|" + "---|" * (heading.count("|") - 1)
        return self.parse_text_to_nodes("\n".join([heading, rule, *rows]))


class Printed(Made):
    """A text as it is."""

    option_spec = {"language": directives.unchanged}  # noqa: RUF012  docutils' way

    def run(self) -> list[nodes.Node]:
        """Put the text into a block."""
        text = str(self.made())
        return [nodes.literal_block(text, text, language=self.options.get("language", "text"))]


class MadeBy(SphinxDirective):
    """The chapter's script, folded."""

    def run(self) -> list[nodes.Node]:
        """Include the script below a line that opens it."""
        name = Path(self.env.doc2path(self.env.docname)).with_suffix(".py").name
        lines = [f":::{{literalinclude}} {name}", ":language: python", ":::"]
        included = nodes.container()
        self.state.nested_parse(StringList(lines, source=self.get_source_info()[0]), self.content_offset, included)
        opening = f"<details class='made-by'><summary>How this page's numbers and pictures are made: {name}</summary>"
        return [
            nodes.raw("", opening, format="html"),
            *included.children,
            nodes.raw("", "</details>", format="html"),
        ]


def watch_scripts(app: Sphinx, env: Any, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    """Read a chapter again in every build, as the code that it shows may have changed."""
    return [name for name in env.found_docs if Path(env.doc2path(name)).with_suffix(".py").exists()]


def setup(app: Sphinx) -> dict[str, bool]:
    """Offer the role and the directives."""
    app.add_role("value", Value())
    app.add_directive("picture", Picture)
    app.add_directive("rows", Rows)
    app.add_directive("printed", Printed)
    app.add_directive("source", Source)
    app.add_directive("made-by", MadeBy)
    app.connect("env-get-outdated", watch_scripts)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
