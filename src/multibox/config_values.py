"""The values of configuration fields: types of numbers with their ranges, and the base class of sections."""

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
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


def _name_or_factors(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    try:
        return validate(value)
    except ValidationError:
        message = f"must be none, inverse_sqrt, or factors above 0 and up to {LARGEST:g} by class name"
        raise ValueError(message) from None


ClassWeights = Annotated[
    Literal["none", "inverse_sqrt"] | dict[str, Annotated[Positive, Strict()]], WrapValidator(_name_or_factors)
]
"""Factors of the classes by name, ``inverse_sqrt`` to compute them from the training data, or ``none``."""


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
