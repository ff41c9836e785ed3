"""Damage to small valid inputs: to bytes, to text, to the structure of JSON, YAML and XML, and to the files themselves.

Every function takes a random state and a content, and returns another. The same state gives the same damage.
"""

import json
import math
import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from random import Random
from typing import Any

import yaml
from lxml import etree

from benchmarks.mutation.packed import is_packed, repacked

Content = dict[str, bytes | None]
"""Files of an input by their paths. None is an empty folder."""

NUMBERS = (
    *("nan", "inf", "-inf", "Infinity", "NaN", "1e308", "-1e308", "1e999", "1e-320", "-1", "0", "-0", "0.5", "1e"),
    *("2147483648", "9" * 30, "-" + "9" * 30, "9" * 400, "9" * 5000, "0x10", "1_000", "1,5", "--1"),
    *("٣", "²", "x", "true", "", " "),
)
"""Texts that may stand where a number was."""

STRAYS = (*"\"'[]{}<>,:\t\n\0\\&#\u2028\ufeffé😀", "- ")
ENCODINGS = ("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "latin-1", "cp1252", "cp037", "shift_jis")
LONGEST_NAME = 255
"""Most characters of a file's name on common file systems."""

NAMES = (
    *("-rf.json", "a b.txt", "new\nline.csv", "b%20c.png", "a.json", "a.jpg", "ü.xml", "con", "..hidden"),
    "x" * LONGEST_NAME,
    "\udcff.jpg",  # the byte 255, which is no text
)
SUFFIXES = (".json", ".xml", ".txt", ".JPG", "", ".csv")
DEPTHS = (3, 30, 300, 3_000, 100_000)
STRUCTURED = (".json", ".yaml", ".yml", ".xml")
_MARK = "d41d8cd98f00b204"
"""A text that is replaced by deep nesting, which Python's writers of JSON and YAML could not write themselves."""


def damaged(
    rng: Random, content: Content, may_change: Callable[[str], bool], donor: bytes
) -> tuple[Content, list[str]]:
    """Damage an input in one to four places.

    Args:
        rng: Random state.
        content: Files of the input.
        may_change: Whether the content of a file, given its path, may be changed. Any file may be renamed or removed.
        donor: Content of another input, of which parts may be taken.

    Returns:
        The damaged files, and in words what was done.
    """
    found, done = dict(content), []
    for _ in range(rng.choice((1, 1, 1, 2, 2, 4))):
        names = [name for name, held in found.items() if held is not None and may_change(name)]
        if not names or rng.random() < 0.08:
            done.append(_change_files(rng, found))
            continue
        name = rng.choice(names)
        held = found[name]
        assert held is not None
        found[name], how = _changed_content(rng, name, held, donor)
        done.append(f"{name}: {how}")
    return found, done


def _changed_content(rng: Random, name: str, held: bytes, donor: bytes) -> tuple[bytes, str]:
    """A damaged content, and in words what was done."""
    if is_packed(name, held) and rng.random() < 0.6:
        return repacked(rng, name, held, lambda rng, name, held: _changed_content(rng, name, held, donor)[0]), "inside"
    how, change = _choose(rng, name, held)
    return change(rng, held, donor), how


def _choose(rng: Random, name: str, held: bytes) -> tuple[str, Callable[[Random, bytes, bytes], bytes]]:
    families = {"bytes": 1}
    if _is_text(held):
        families["text"] = 3
        if PurePosixPath(name).suffix.lower() in STRUCTURED:
            families["structure"] = 6
    family = rng.choices(list(families), list(families.values()))[0]
    if family == "structure":
        suffix = PurePosixPath(name).suffix.lower()
        return f"{family} {suffix}", {".json": _change_json, ".xml": _change_xml}.get(suffix, _change_yaml)
    change = rng.choice(BYTES if family == "bytes" else TEXTS)
    return f"{family} {change.__name__}", change


def _is_text(held: bytes) -> bool:
    try:
        return "\0" not in held.decode()
    except UnicodeDecodeError:
        return False


def _span(rng: Random, length: int, most: int = 64) -> tuple[int, int]:
    begin = rng.randrange(length + 1)
    return begin, min(length, begin + rng.randrange(1, most))


def flip(rng: Random, held: bytes, donor: bytes) -> bytes:
    changed = bytearray(held)
    for _ in range(rng.choice((1, 1, 3, 20)) if changed else 0):
        # Half of the places are among the first 200 bytes, where most formats have their headers.
        place = rng.randrange(min(len(changed), rng.choice((200, len(changed)))))
        changed[place] = rng.choice((changed[place] ^ 1 << rng.randrange(8), 0, 255, rng.randrange(256)))
    return bytes(changed)


def cut(rng: Random, held: bytes, donor: bytes) -> bytes:
    return held[: rng.randrange(len(held) + 1)]


def insert(rng: Random, held: bytes, donor: bytes) -> bytes:
    place = rng.randrange(len(held) + 1)
    return held[:place] + rng.randbytes(rng.choice((1, 4, 300))) + held[place:]


def delete(rng: Random, held: bytes, donor: bytes) -> bytes:
    begin, end = _span(rng, len(held))
    return held[:begin] + held[end:]


def repeat(rng: Random, held: bytes, donor: bytes) -> bytes:
    begin, end = _span(rng, len(held))
    return held[:end] + held[begin:end] * rng.choice((1, 2, 1000)) + held[end:]


def splice(rng: Random, held: bytes, donor: bytes) -> bytes:
    begin, end = _span(rng, len(donor), 500)
    place = rng.randrange(len(held) + 1)
    return held[:place] + donor[begin:end] + held[place + rng.choice((0, end - begin)) :]


def replace_all(rng: Random, held: bytes, donor: bytes) -> bytes:
    return rng.choice((b"", b"\0" * 100, donor, b"\n", rng.randbytes(200), held[::-1]))


_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?([eE][-+]?\d+)?")


def _numbers(text: str) -> list[tuple[int, int]]:
    return [found.span() for found in _NUMBER.finditer(text)]


def number(rng: Random, held: bytes, donor: bytes) -> bytes:
    text = held.decode()
    for _ in range(rng.choice((1, 1, 3))):
        places = _numbers(text)
        if places:
            begin, end = rng.choice(places)
            text = text[:begin] + rng.choice(NUMBERS) + text[end:]
    return text.encode()


def numbers(rng: Random, held: bytes, donor: bytes) -> bytes:
    """All numbers of the text become the same."""
    text, value = held.decode(), rng.choice(NUMBERS)
    return _NUMBER.sub(value, text).encode()


def line(rng: Random, held: bytes, donor: bytes) -> bytes:
    lines = held.split(b"\n")
    i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
    way = rng.randrange(5)
    if way == 0:
        del lines[i]
    elif way == 1:
        lines.insert(i, lines[j])
    elif way == 2:
        lines[i], lines[j] = lines[j], lines[i]
    elif way == 3:
        lines[i] = rng.choice((b"", b" ", lines[i] * 2, lines[i] * 2000, lines[i][: len(lines[i]) // 2]))
    else:
        rng.shuffle(lines)
    return b"\n".join(lines)


def word(rng: Random, held: bytes, donor: bytes) -> bytes:
    words = held.split(b" ") if b" " in held else held.split(b",")
    glue = b" " if b" " in held else b","
    i = rng.randrange(len(words))
    words[i] = rng.choice((b"", words[i] * 2, rng.choice(words), rng.choice(NUMBERS).encode(), b"x" * 100_000))
    return glue.join(words)


def stray(rng: Random, held: bytes, donor: bytes) -> bytes:
    """A bracket, quote or other character is put in, or all of a kind are taken out."""
    text, sign = held.decode(), rng.choice(STRAYS)
    if sign in text and rng.random() < 0.5:
        return text.replace(sign, rng.choice(("", sign * 2, rng.choice(STRAYS))), rng.choice((1, -1))).encode()
    place = rng.randrange(len(text) + 1)
    return (text[:place] + sign + text[place:]).encode()


def flood(rng: Random, held: bytes, donor: bytes) -> bytes:
    """A short piece stands thousands of times, on which a careless pattern would try every place with every other."""
    token = rng.choice(
        (b"1", b" ", b"\n", b"1 ", b"1,", b"x", b"{", b'"', b"<a>", b"item {", b"a: ", b"[", b"\\", b"\t", b"-", b".")
    )
    place = rng.choice((0, len(held), rng.randrange(len(held) + 1)))
    return held[:place] + token * (100_000 // len(token)) + held[place:]


def encoding(rng: Random, held: bytes, donor: bytes) -> bytes:
    text = held.decode()
    if rng.random() < 0.5:
        place = rng.randrange(len(text) + 1)
        text = text[:place] + "é" + text[place:]
    return text.encode(rng.choice(ENCODINGS), errors="replace")


def endings(rng: Random, held: bytes, donor: bytes) -> bytes:
    return held.replace(b"\n", rng.choice((b"\r\n", b"\r", b"\n\n", b"", b"\0", b"\x0c", b" \n")))


BYTES = (flip, flip, cut, insert, delete, repeat, splice, replace_all)
TEXTS = (number, number, numbers, line, word, flood, stray, encoding, endings, cut, splice)


def _change_json(rng: Random, held: bytes, donor: bytes) -> bytes:
    try:
        root = json.loads(held)
    except (ValueError, RecursionError):
        return number(rng, held, donor)
    text = json.dumps(_changed(rng, root), indent=rng.choice((None, 1)), ensure_ascii=rng.random() < 0.5)
    depth, (opening, closing) = rng.choice(DEPTHS), rng.choice((("[", "]"), ('{"a":', "}")))
    return text.replace(f'"{_MARK}"', opening * depth + "1" + closing * depth).encode(errors="surrogatepass")


def _change_yaml(rng: Random, held: bytes, donor: bytes) -> bytes:
    try:
        root = yaml.safe_load(held)
        text = yaml.safe_dump(_changed(rng, root), default_flow_style=rng.choice((None, True, False)))
    except (yaml.YAMLError, ValueError, RecursionError):
        return number(rng, held, donor)
    bombs = (
        "[" * (depth := rng.choice(DEPTHS[:4])) + "]" * depth,
        "&a [*a]",
        "!!python/object/apply:os.getcwd []",
        "!!binary QQ",
        "2001-01-01",
        "0o17",
        "*nowhere",
    )
    return text.replace(_MARK, rng.choice(bombs)).encode()


def _changed(rng: Random, root: Any) -> Any:
    """Plain values with one of them replaced, removed or renamed."""
    places = list(_places(root))
    if not places:
        return _other_value(rng, root)
    holder, key = rng.choice(places)
    way = rng.randrange(6)
    if way == 0:
        del holder[key]
    elif way == 1 and isinstance(holder, dict):
        holder[rng.choice((f"{key}_", "", "id", "0", _plain(rng)))] = holder.pop(key)
    elif way == 2 and isinstance(holder, list):
        holder.extend([holder[key]] * rng.choice((1, 100)))
    elif way == 3:
        other, place = rng.choice(places)
        holder[key] = None if _is_within(holder, other[place]) else other[place]
    else:
        holder[key] = _other_value(rng, holder[key])
    return root


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    """All keys and positions below a node, each with what holds it."""
    pairs = list(node.items()) if isinstance(node, dict) else list(enumerate(node)) if isinstance(node, list) else []
    for key, value in pairs:
        yield node, key
        yield from _places(value)


def _is_within(holder: Any, node: Any) -> bool:
    return node is holder or any(value is holder for held, key in _places(node) for value in (held, held[key]))


def _plain(rng: Random) -> Any:
    return rng.choice(("x", "1", "é", "a/b", "../../up", "\ud800", "x" * 10_000, "0", "None"))


def _other_value(rng: Random, value: Any) -> Any:
    if rng.random() < 0.4:
        return rng.choice((None, True, False, "", "x", [], {}, [[]], [None], {"a": 1}, [1, 2], _MARK, _plain(rng)))
    if isinstance(value, (dict, list)) and rng.random() < 0.5:
        return type(value)()
    if isinstance(value, str) and rng.random() < 0.5:
        return rng.choice((value * 2, value.upper(), value + "\0", value[: len(value) // 2], [value], {value: value}))
    return rng.choice(
        (math.nan, math.inf, -math.inf, 1e308, -1, 0, -0.0, 0.5, 2**31, 2**63, 2**64, 10**30, 10**400, "1", "nan", [0])
    )


def _change_xml(rng: Random, held: bytes, donor: bytes) -> bytes:
    try:
        root = etree.fromstring(held, etree.XMLParser(resolve_entities=False, no_network=True))
    except (etree.XMLSyntaxError, ValueError):
        return stray(rng, held, donor) if _is_text(held) else flip(rng, held, donor)
    nodes = [node for node in root.iter() if isinstance(node.tag, str)]
    node = rng.choice(nodes)
    way = rng.randrange(8)
    parent = node.getparent()
    if way == 0 and parent is not None:
        parent.remove(node)
    elif way == 1 and parent is not None:
        parent.extend([etree.fromstring(etree.tostring(node)) for _ in range(rng.choice((1, 50)))])
    elif way == 2:
        node.tag = rng.choice(("x", "object", "name", "{http://a}b", rng.choice(nodes).tag))
    elif way == 3 and node.attrib:
        key = rng.choice(list(node.attrib))
        node.set(key, rng.choice(NUMBERS)) if rng.random() < 0.7 else node.attrib.pop(key)
    elif way == 4:
        node[:] = []
        node.text = None
    elif way == 5:
        return _with_entities(rng, etree.tostring(root), node.tag)
    elif way == 6:
        node.text = _MARK
    else:
        leaves = [leaf for leaf in nodes if not len(leaf)]
        rng.choice(leaves).text = rng.choice((*NUMBERS, "é", "x" * 10_000))
    depth = rng.choice(DEPTHS)
    return etree.tostring(root).replace(_MARK.encode(), b"<a>" * depth + b"</a>" * depth)


def _with_entities(rng: Random, text: bytes, tag: str) -> bytes:
    """A document type with entities that call each other, or that stand for a file of this machine."""
    laughs = b'<!ENTITY a "ha">' + b"".join(b'<!ENTITY %c "%b">' % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(9))
    entities = rng.choice(
        (laughs, b'<!ENTITY j SYSTEM "file:///etc/passwd">', b'<!ENTITY j "&j;">', b'<!ENTITY % j "x">')
    )
    name = tag.encode()
    end = text.find(b">", text.find(b"<" + name)) + 1
    return b"<!DOCTYPE x [" + entities + b"]>" + text[:end] + b"&j;" + text[end:]


def _change_files(rng: Random, found: Content) -> str:
    """Rename, remove, swap or replace files by folders, in place."""
    names = [*found] or ["x"]
    one, other = rng.choice(names), rng.choice(names)
    way = rng.choice(("removed", "swapped", "a folder", "copied", "renamed", "renamed"))
    if way == "removed":
        found.pop(one, None)
    elif way == "swapped":
        found[one], found[other] = found.get(other), found.get(one)
    elif way == "a folder":
        found[one] = None
    elif way == "copied":
        found[other] = found.get(one, b"")
    else:
        old = PurePosixPath(one)
        new = str(rng.choice((old.with_suffix(rng.choice(SUFFIXES)), old.with_name(rng.choice(NAMES)))))
        is_taken = any(name == new or name.startswith(f"{new}/") for name in found)
        if not is_taken and len(PurePosixPath(new).name) <= LONGEST_NAME:
            found[new] = found.pop(one, b"")
        other = new
    return f"{one}: {way} {other!r}"
