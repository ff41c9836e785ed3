"""The modules of a site, packed: each script with all that it imports, so that a browser fetches few files."""

import re
from collections.abc import Mapping
from posixpath import dirname, join, normpath

_IMPORT = re.compile(r'^import \{([^}]*)\} from "(\.[\w./-]+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async function|function|class|const) (\w+))", re.MULTILINE)
_SCRIPT = re.compile(r"""src="([\w./-]+\.js)"|new URL\("(\.[\w./-]+\.js)\"""")
"""A script of a page or a worker, in HTML or in a module."""


def pack(page: Mapping[str, bytes]) -> dict[str, bytes]:
    """Pack the modules of a page. Each module becomes a function, which is called before those that import it.

    Args:
        page: Contents of the page's files by path. Modules export functions, classes and constants by their names, and
            do not import one another in a circle.

    Returns:
        The page's files with its scripts and workers, but without other modules. A script that another one imports
        stays a module of its own.
    """
    texts = {path: content.decode() for path, content in page.items() if path.endswith((".js", ".html"))}
    scripts = {_resolve(path, "".join(found)) for path, text in texts.items() for found in _SCRIPT.findall(text)}
    rest = {path: content for path, content in page.items() if not path.endswith(".js")}
    return rest | {path: _with_imports(path, texts, scripts).encode() for path in sorted(scripts)}


def _with_imports(script: str, texts: Mapping[str, str], scripts: set[str]) -> str:
    """The text of a script that imports other scripts alone."""
    parts: dict[str, str] = {}

    def visit(path: str) -> None:
        for _, name in _IMPORT.findall(texts[path]):
            module = _resolve(path, name)
            if module not in scripts and module not in parts:
                visit(module)
                parts[module] = _as_function(module, texts[module])

    visit(script)
    return "\n".join([*parts.values(), _without_imports(script, texts[script], scripts)])


def _as_function(path: str, text: str) -> str:
    exports = ", ".join(_EXPORT.findall(text))
    body = _EXPORT.sub("", _without_imports(path, text, set()))
    return f"const {_name(path)} = (() => {{\n{body}\nreturn {{ {exports} }};\n}})();\n"


def _without_imports(path: str, text: str, scripts: set[str]) -> str:
    """The text of a module that takes what it imports from the functions of others. Imports of scripts stay."""

    def take(found: re.Match[str]) -> str:
        module = _resolve(path, found[2])
        if module in scripts:
            return found[0]
        return f"const {{{found[1].replace(' as ', ': ')}}} = {_name(module)};\n"

    return _IMPORT.sub(take, text)


def _name(path: str) -> str:
    return "$" + re.sub(r"\W", "_", path.removesuffix(".js"))


def _resolve(path: str, name: str) -> str:
    return normpath(join(dirname(path), name))
