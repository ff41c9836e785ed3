#!/usr/bin/env bash
# pydantic 2.14.3: a bound in a field's default is dropped where the field's type has a wider bound of its own.
#
# Expected: both bounds hold, so the narrower one decides, as with two validators.
# Seen: only the bound of the type holds. The model's JSON schema agrees, so nothing shows the loss. The field's metadata
#   still lists both bounds.
# Why it matters: a type such as "a number from 0" is reused for a field that needs at least 1. The code reads as if 1 were
#   the bound, and 0.5 is accepted without a word.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check pydantic==2.14.3 2>&1 | grep -v '^WARNING' || true
cat >"$work/show.py" <<'PYTHON'
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError

FromZero = Annotated[float, Field(ge=0)]


class Zoom(BaseModel):
    ratio: FromZero = Field(default=2, ge=1)


class Plain(BaseModel):
    ratio: float = Field(default=2, ge=1)


def accepts(model, ratio):
    try:
        return model(ratio=ratio).ratio
    except ValidationError as error:
        return error.errors()[0]["msg"]


print("bounds in the metadata:", Zoom.model_fields["ratio"].metadata)
print("bound in the schema:", Zoom.model_json_schema()["properties"]["ratio"]["minimum"])
print("0.5 with a type of its own bound:", accepts(Zoom, 0.5))
print("0.5 with a plain type:", accepts(Plain, 0.5))
raise SystemExit(0 if accepts(Zoom, 0.5) == 0.5 and accepts(Plain, 0.5) != 0.5 else 1)
PYTHON
"$work/venv/bin/python" "$work/show.py"
