#!/usr/bin/env bash
# Starlette 1.10.0 with python-multipart 0.0.34: a multipart form that ends in the middle of a file is no error.
#
# Expected: MultiPartException, since the closing boundary of RFC 7578 is missing, as for other malformed bodies.
# Seen: parse() returns the parts that were complete. The file that was cut off is missing without a word.
# Why it matters: an upload through a proxy that ends early looks like a form without that file, or with fewer files.
# A server has to remember whether the parser reached on_end, which Starlette calls and ignores.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check starlette==1.10.0 python-multipart==0.0.34
cat >"$work/show.py" <<'PYTHON'
import asyncio

from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException, MultiPartParser

PART = b'--x\r\nContent-Disposition: form-data; name="images"; filename="%s"\r\n\r\n0123456789\r\n'
WHOLE = PART % b"a" + PART % b"b" + b"--x--\r\n"


async def names(body):
    async def stream():
        yield body

    parser = MultiPartParser(Headers({"content-type": "multipart/form-data; boundary=x"}), stream())
    try:
        form = await parser.parse()
    except MultiPartException as error:
        return f"refused: {error.message}"
    return [file.filename for file in form.getlist("images")]


whole, cut = asyncio.run(names(WHOLE)), asyncio.run(names(WHOLE[:-20]))
print("whole form:", whole)
print("cut off in the second file:", cut)
raise SystemExit(0 if whole == ["a", "b"] and cut == ["a"] else 1)
PYTHON
"$work/venv/bin/python" "$work/show.py"
# Output seen:
#   whole form: ['a', 'b']
#   cut off in the second file: ['a']
