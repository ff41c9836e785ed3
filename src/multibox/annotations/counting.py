"""Counts and examples in messages."""

from collections.abc import Sequence


def counted(number: int, one: str, many: str = "") -> str:
    """A count with its noun, such as ``1 box`` or ``1,200 boxes``.

    Args:
        number: How many there are.
        one: Noun in the singular, as in ``group of points``, or the beginning of a sentence about one.
        many: The same in the plural. Empty if the noun alone changes, in the regular way.
    """
    return f"{number:,} {one if number == 1 else many or _plural(one)}"


def _plural(one: str) -> str:
    noun, of, rest = one.partition(" of ")
    return f"{noun}{'es' if noun.endswith('x') else 's'}{of}{rest}"


SHOWN = 3
"""Names that a sentence lists as examples."""


def some(names: Sequence[str]) -> str:
    """The first names of a list as examples, and dots if there are more."""
    more = ", ..." if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
