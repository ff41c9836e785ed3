"""Conversion of values for ``json.dumps``, which has no standard way to write NaN."""

import math
from typing import Any


def without_nan(value: Any) -> Any:
    """Replace NaN by None in nested dictionaries and lists, and NumPy's floats by Python's."""
    if isinstance(value, dict):
        return {name: without_nan(item) for name, item in value.items()}
    if isinstance(value, list):
        return [without_nan(item) for item in value]
    if isinstance(value, float):
        return None if math.isnan(value) else float(value)
    return value
