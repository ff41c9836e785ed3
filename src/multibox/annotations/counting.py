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


def some(names: Sequence[str], most: int = 3) -> str:
    """The first names of a list, separated by commas, and the number of the others.

    Args:
        names: Names to list.
        most: Number of names that are written at most.
    """
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
