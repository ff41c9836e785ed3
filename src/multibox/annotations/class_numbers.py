"""Whether numbers of classes count from 0 or from 1, where a list names the classes by their positions."""

from collections.abc import Collection
from pathlib import Path

from multibox.errors import BadInput


def refuse_from_one(path: Path, numbers: Collection[float], count: int, tool: str) -> None:
    """Refuse numbers of classes that count from 1, in a format that counts from 0.

    Args:
        path: Path of the dataset or of its description, for the message.
        numbers: Class numbers of all objects of a dataset.
        count: Number of classes that have a name.
        tool: Name of the format in messages, such as ``YOLO``.

    Raises:
        BadInput: The smallest number is 1, and the largest is the number of classes.
    """
    if numbers and all(float(number).is_integer() for number in numbers) and (min(numbers), max(numbers)) == (1, count):
        said = f"class numbers run from 1 to {count}, and there are {count} classes"
        ways = "subtract 1 from each, or give the right list of classes"
        raise BadInput(path, f"{said}; {tool} counts from 0, so {ways}")


def first_number(path: Path, numbers: Collection[int], count: int, origin: str, *, is_given: bool) -> int:
    """The number of the first class of a list, in a format that does not say whether it counts from 0 or from 1.

    Args:
        path: Path of the dataset, for the message.
        numbers: Class numbers of all objects of a dataset.
        count: Number of names in the list.
        origin: Name of the list in messages.
        is_given: Whether the user gave the list for these numbers. Then one name more than the largest number means
            that they count from 0.

    Returns:
        0 if an object has that number. 1 if there is no name more than the largest number.

    Raises:
        BadInput: No object has the number 0, and the names could count from 0 as well as from 1.
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
