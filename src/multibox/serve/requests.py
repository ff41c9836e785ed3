"""What requests may say: pydantic models, from which their checks and their OpenAPI schemas come."""

import base64
import binascii
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, Json, StringConstraints, ValidationError, WithJsonSchema

from multibox.serve.refused import Refused

MOST_OBJECTS = 1000
"""Largest number of objects that an image may be given."""

Model = TypeVar("Model", bound=BaseModel)


def decode_base64(text: Any) -> bytes:
    """The bytes of a base64 string (RFC 4648), which may be a ``data:`` URL."""
    if not isinstance(text, str):
        raise ValueError("give a string in base64")
    try:
        return base64.b64decode(text.partition(";base64,")[2] if text.startswith("data:") else text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("this is not base64 (RFC 4648)") from None


Encoded = Annotated[bytes, BeforeValidator(decode_base64), WithJsonSchema({"type": "string", "format": "byte"})]
File = Annotated[bytes, WithJsonSchema({"type": "string", "format": "binary"})]
Score = Annotated[float | None, Field(ge=0, le=1, description="Scores exceed it. Without it, the model's thresholds.")]
Overlap = Annotated[float | None, Field(ge=0, le=1, description="Largest IoU of two detections of one class.")]
Seed = Annotated[int, Field(ge=0, lt=2**53, description="The same seed gives the same images.")]
Name = Annotated[str, StringConstraints(max_length=1000)]


class Options(BaseModel):
    """What both forms and JSON may set."""

    score: Score = None
    nms_iou: Overlap = None


class ImageData(BaseModel):
    """An image in JSON."""

    data: Encoded
    name: Annotated[str | None, BeforeValidator(lambda name: name if name is None else str(name))] = None


class DetectRequest(Options):
    """The JSON body of ``POST /v1/detect``."""

    images: list[ImageData]


class DetectForm(Options):
    """The form of ``POST /v1/detect``."""

    images: Annotated[list[File], Field(description="Images.")]


class LabelledBox(BaseModel):
    """An object of an image: its class and its box, in pixels of the image."""

    name: str
    box: Annotated[list[float], Field(min_length=4, max_length=4, description="x0, y0, x1, y1")]


LabelledBoxes = Annotated[list[LabelledBox], Field(max_length=MOST_OBJECTS)]


class MatchingFields(BaseModel):
    """Fields of a form that matches an image's objects with priors."""

    objects: Annotated[
        Json[Annotated[list[LabelledBox], Field(max_length=MOST_OBJECTS)]], Field(default="[]", validate_default=True)
    ]


class AugmentationFields(MatchingFields):
    """Fields of a form that augments an image."""

    seed: Seed = 0


class ScoreField(BaseModel):
    """Fields of a form that explains detections."""

    score: Score = None


class TensorParameters(BaseModel):
    """Parameters of an input tensor."""

    binary_data_size: Annotated[int | None, Field(ge=0)] = None


class InputTensor(BaseModel):
    """An input of an inference."""

    name: Name
    shape: Annotated[list[Annotated[int, Field(gt=0, lt=2**31, strict=True)]], Field(min_length=1, max_length=8)]
    datatype: Literal["UINT8", "BYTES"]
    parameters: TensorParameters | None = None
    data: Any = None


class OutputParameters(BaseModel):
    """Parameters of a requested output."""

    binary_data: bool | None = None


class RequestedOutput(BaseModel):
    """An output that an inference asks for."""

    name: Name
    parameters: OutputParameters | None = None


class InferParameters(Options):
    """Parameters of an inference."""

    score: Annotated[float | None, Field(ge=0, le=1, description="Scores exceed it. Without it, all detections.")] = (
        None
    )
    binary_data_output: bool | None = None


class InferRequest(BaseModel):
    """The JSON of an inference of the Open Inference Protocol."""

    id: Annotated[str | int | None, Field(description="Repeated in the answer.")] = None
    parameters: InferParameters | None = None
    inputs: Annotated[list[InputTensor], Field(max_length=100)]
    outputs: Annotated[list[RequestedOutput] | None, Field(max_length=100)] = None


def from_json(model: type[Model], body: bytes, status: int = 422) -> Model:
    """Parse and verify a JSON body.

    Raises:
        Refused: If it is not JSON, or a field is wrong. The message names the field.
    """
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise refusal(error, status) from None


def from_fields(model: type[Model], fields: dict[str, str]) -> Model:
    """Verify the fields of a form.

    Raises:
        Refused: If a field is wrong. The message names it.
    """
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise refusal(error) from None


def refusal(error: ValidationError, status: int = 422) -> Refused:
    """The first problem of a request, as an answer. It names the field, and the image if it is about one."""
    problem = error.errors(include_url=False, include_input=False)[0]
    place = problem["loc"]
    if problem["type"] == "json_invalid" and not place:
        return Refused(400, "bad-json", f"the body is not JSON: {problem['ctx']['error']}")
    image = place[1] if len(place) > 1 and place[0] == "images" and isinstance(place[1], int) else None
    field = ".".join(map(str, place)) or "body"
    return Refused(status, "bad-field", f"{field[:200]}: {problem['msg'].removeprefix('Value error, ')}", image)


def request_body(**bodies: type[BaseModel]) -> dict[str, Any]:
    """The OpenAPI description of a body.

    Args:
        bodies: Models by the kind of body they describe, ``json`` or ``form``.

    Returns:
        The ``openapi_extra`` of a route.
    """
    kinds = {"json": "application/json", "form": "multipart/form-data"}
    content = {kinds[kind]: {"schema": _inline(model.model_json_schema())} for kind, model in bodies.items()}
    return {"requestBody": {"required": True, "content": content}}


def form_with_image(fields: type[BaseModel]) -> dict[str, Any]:
    """The OpenAPI description of a form with one image and some fields."""
    described = request_body(form=fields)
    schema = described["requestBody"]["content"]["multipart/form-data"]["schema"]
    schema["properties"]["image"] = {"type": "string", "format": "binary", "description": "An image."}
    schema["required"] = ["image", *schema.get("required", [])]
    return described


def _inline(schema: dict[str, Any]) -> dict[str, Any]:
    """A JSON schema whose definitions stand where they are used, as a route's schema has no place for them."""
    definitions = schema.pop("$defs", {})

    def resolve(part: Any) -> Any:
        if isinstance(part, list):
            return [resolve(item) for item in part]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            return resolve(definitions[part["$ref"].rpartition("/")[2]])
        return {key: resolve(value) for key, value in part.items()}

    return resolve(schema)
