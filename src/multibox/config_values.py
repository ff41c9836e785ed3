"""The values of configuration fields: types of numbers with their ranges, and the base class of sections."""

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
)

Probability = Annotated[float, Field(ge=0, le=1)]
LARGEST = 1e9
"""Largest number that a field may have. Products of a few such numbers do not overflow."""

Number = Annotated[float, Field(ge=-LARGEST, le=LARGEST)]
Positive = Annotated[float, Field(gt=0, le=LARGEST)]
Factor = Annotated[float, Field(ge=0, le=LARGEST)]


def _rising(limits: tuple[float, float]) -> tuple[float, float]:
    if limits[0] > limits[1]:
        raise ValueError("must be two numbers, the smaller one first")
    return limits


Range = Annotated[tuple[Factor, Factor], AfterValidator(_rising)]
Positives = Annotated[tuple[Positive, Positive], AfterValidator(_rising)]
Positive3 = tuple[Positive, Positive, Positive]
Shares = Annotated[tuple[Positive, Probability], AfterValidator(_rising)]


def _is_number(value: Any) -> bool:
    """Whether a value is a number. True and false, which Python counts as numbers, are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _name_or_factors(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    try:
        return validate(value)
    except ValidationError:
        message = f"must be none, inverse_sqrt, or factors above 0 and up to {LARGEST:g} by class name"
        wrong = _wrong_factor(value) if isinstance(value, dict) else ""
        raise ValueError(f"{message}{wrong}") from None


def _wrong_factor(factors: dict[Any, Any]) -> str:
    """What is wrong with the first wrong entry."""
    for name, factor in factors.items():
        if not isinstance(name, str):
            return f"; {name!r} is no text, so put the class name into quotes"
        if not (_is_number(factor) and 0 < factor <= LARGEST):
            return f", not {factor!r} for {name}"
    return ""


ClassWeights = Annotated[
    Literal["none", "inverse_sqrt"] | dict[str, Annotated[Positive, Strict()]], WrapValidator(_name_or_factors)
]
"""Factors of the classes by name, ``inverse_sqrt`` to compute them from the training data, or ``none``."""

SMALLEST_TILE = 64
"""Smallest side of a tile in pixels. Smaller tiles show hardly anything but parts of objects."""


def _tile_size(value: Any) -> Any:
    if value in ("none", 0):
        return "none"
    if _is_number(value) and 0 < value < 1:
        return float(value)
    if _is_number(value) and SMALLEST_TILE <= value <= LARGEST and value == int(value):
        return int(value)
    raise ValueError(f"must be none, whole pixels from {SMALLEST_TILE} on, or a share of the image between 0 and 1")


def _tile_choice(value: Any) -> Any:
    try:
        return value if value == "auto" else _tile_size(value)
    except ValueError as error:
        raise ValueError(str(error).replace("none,", "none, auto,")) from None


TileSize = Annotated[str | int | float, BeforeValidator(_tile_size)]
"""Side of the square tiles that an image is cut into: a whole number of pixels of the image from
:data:`SMALLEST_TILE` on, a share of its longer side between 0 and 1, or ``none``."""

TileChoice = Annotated[str | int | float, BeforeValidator(_tile_choice)]
"""A :data:`TileSize`, or ``auto``, which chooses one by the sizes of the objects."""


class Section(BaseModel):
    """Base class of the configuration's sections. A section refuses unknown field names and is immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_switch_for_a_number(cls, value: Any, field: ValidationInfo) -> Any:
        """Refuse true and false where a number belongs. As numbers they would be 1 and 0."""
        takes_switch = "bool" in str(cls.model_fields[field.field_name or ""].annotation)
        values = value if isinstance(value, list | tuple) else [value]
        if not takes_switch and any(isinstance(each, bool) for each in values):
            raise ValueError("cannot be true or false; write a number or a name")
        return value
