"""The route ``/docs``, a page that documents all routes and loads nothing from other hosts."""

import json
from functools import cache
from html import escape
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.responses import HTMLResponse

HEAD = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Multibox: HTTP interface</title>
<h1>Multibox: HTTP interface</h1>
<p>For programs: <a href="/openapi.json">openapi.json</a>. <a href="/">The page</a>.</p>
<p>Errors are a status of 400 or above and <code>{"error": {"code", "message", "image"?}}</code>; below
<code>/v2</code>, as its protocol says, <code>{"error": "message"}</code>.</p>
"""


def documentation_routes(app: FastAPI) -> APIRouter:
    """Create the route ``/docs`` of an application."""
    router = APIRouter(include_in_schema=False)
    page = cache(lambda: describe(app.openapi()))

    @router.get("/docs")
    async def documentation() -> HTMLResponse:
        return HTMLResponse(page())

    return router


def describe(openapi: dict[str, Any]) -> str:
    """Render an OpenAPI document as HTML."""
    parts = [
        _describe_operation(path, method, operation)
        for path, operations in openapi["paths"].items()
        for method, operation in operations.items()
    ]
    schemas = openapi.get("components", {}).get("schemas", {})
    parts += [f"<h2>{escape(name)}</h2>{_as_json(schema)}" for name, schema in schemas.items()]
    return HEAD + "".join(parts) + "</html>\n"


def _describe_operation(path: str, method: str, operation: dict[str, Any]) -> str:
    text = f"<h2><code>{method.upper()} {escape(path)}</code></h2><p>{escape(operation.get('summary', ''))}</p>"
    text += f"<p>{escape(operation.get('description', ''))}</p>" if "description" in operation else ""
    if operation.get("parameters"):
        rows = "".join(
            f"<li><code>{escape(given['name'])}</code> ({escape(given['in'])}): "
            f"{escape(given.get('description', '') or json.dumps(given.get('schema', {})))}</li>"
            for given in operation["parameters"]
        )
        text += f"<ul>{rows}</ul>"
    for kind, body in operation.get("requestBody", {}).get("content", {}).items():
        text += f"<p>Body, <code>{escape(kind)}</code>:</p>{_as_json(body.get('schema', {}))}"
    return text


def _as_json(value: Any) -> str:
    return f"<pre>{escape(json.dumps(value, indent=2))}</pre>"
