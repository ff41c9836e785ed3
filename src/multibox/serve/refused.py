"""Errors of the server. Each has an HTTP status and a JSON body with a one-line message."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from multibox.errors import BadInput


def documented(error: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    """OpenAPI description of the error responses, for FastAPI's parameter ``responses``.

    Args:
        error: JSON schema of the field ``error`` of an error response.
    """
    schema = {"type": "object", "required": ["error"], "properties": {"error": error}}
    said = {"description": "What is wrong, and what to do.", "content": {"application/json": {"schema": schema}}}
    return {"4XX": said, "5XX": said}


ERRORS = documented(
    {
        "type": "object",
        "required": ["code", "message"],
        "properties": {"code": {"type": "string"}, "message": {"type": "string"}, "image": {"type": "integer"}},
    }
)
"""Errors of every route except those of the Open Inference Protocol."""


class Refused(Exception):  # noqa: N818  It is what happens to the request
    """An error that refuses a request and becomes its response.

    Args:
        status: HTTP status of the response, 400 to 599.
        code: Kind of error as a word that programs can compare, such as ``too-many-pixels``.
        message: One line that says what is wrong and what to do.
        image: Index of the image that the error is about, from 0. None if it is about no single image.
        headers: Additional HTTP headers of the response.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        image: int | None = None,
        headers: Mapping[str, str] | None = None,
    ):
        super().__init__(message)
        self.status = status
        self.code = code
        self.image = image
        self.headers = dict(headers or {})

    def of_image(self, image: int) -> "Refused":
        """A copy of this error with the index of the image that it is about."""
        return Refused(self.status, self.code, str(self), image, self.headers)

    def response(self, path: str = "") -> Response:
        """The error's response: ``{"error": {"code", "message", "image"?}}``.

        For routes below ``/v2``: ``{"error": "message"}``.
        """
        error: Any = {"code": self.code, "message": str(self)}
        if self.image is not None:
            error["image"] = self.image
        if path == "/v2" or path.startswith("/v2/"):
            error = str(self)
        return Response(json.dumps({"error": error}), self.status, self.headers, "application/json")


def as_refused(error: Exception) -> Refused:
    """Convert any error to a :class:`Refused`. Details of a bug are left out."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, BadInput):
        return Refused(400, "bad-input", str(error))
    if isinstance(error, RequestValidationError):
        problem = error.errors()[0]
        return Refused(422, "bad-field", f"{'.'.join(map(str, problem['loc'][1:]))}: {problem['msg']}")
    if isinstance(error, HTTPException):
        code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
        return Refused(error.status_code, code, f"{error.detail}; see /docs", headers=error.headers)
    if isinstance(error, TimeoutError):
        return Refused(
            504, "timeout", "the request took longer than the server allows; send fewer images, or try again later"
        )
    return Refused(500, "failed", "the server has failed; read its log")


def answer_errors(app: FastAPI) -> None:
    """Make an application respond to errors with JSON."""

    async def answer(request: Request, error: Exception) -> Response:
        return as_refused(error).response(request.url.path)

    for kind in (Refused, BadInput, RequestValidationError, HTTPException, TimeoutError):
        app.add_exception_handler(kind, answer)
