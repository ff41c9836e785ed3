"""Decides whether class numbers count from 0 or from 1, when a list names the classes by position."""

from collections.abc import Collection
from pathlib import Path

from multibox.errors import BadInput


def refuse_from_one(path: Path, numbers: Collection[float], count: int, tool: str) -> None:
    """Refuse class numbers that count from 1, in a format that counts from 0.

    Args:
        path: Path of the dataset or of its description, for the message.
        numbers: Class numbers of all objects of a dataset.
        count: Number of named classes.
        tool: Name of the format in messages, such as ``YOLO``.

    Raises:
        BadInput: The smallest number is 1, and the largest is the number of classes.
    """
    if numbers and all(float(number).is_integer() for number in numbers) and (min(numbers), max(numbers)) == (1, count):
        said = f"class numbers run from 1 to {count}, and there are {count} classes"
        ways = "subtract 1 from each, or give the right list of classes"
        raise BadInput(path, f"{said}; {tool} counts from 0, so {ways}")


def first_number(path: Path, numbers: Collection[int], count: int, origin: str, *, is_given: bool) -> int:
    """Find the number of the first class in a list, in a format that does not say whether it counts from 0 or 1.

    Args:
        path: Path of the dataset, for the message.
        numbers: Class numbers of all objects of a dataset.
        count: Number of names in the list.
        origin: Name of the list in messages.
        is_given: Whether the user gave the list. Then a list with one name more than the largest number means that
            numbers count from 0.

    Returns:
        0 if an object has the number 0. 1 if the list has only as many names as the largest number.

    Raises:
        BadInput: No object has the number 0, and the numbers may count from 0 or from 1.
    """
    largest = max(numbers, default=0)
    if 0 in numbers or largest < 1:
        return 0
    if largest >= count:
        return 1
    if is_given and count == largest + 1:
        return 0
    said = f"no object has the class number 0, the largest is {largest}, and {origin} has {count} names"
    ways = f"{largest} names if they count from 1, {largest + 1} if from 0"
    raise BadInput(path, f'{said}, so it is not certain which is the first; give classes="A,B": {ways}')
