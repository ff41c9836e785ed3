"""Pydantic models of request bodies. They verify requests and give their OpenAPI schemas."""

import base64
import binascii
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, Json, StringConstraints, ValidationError, WithJsonSchema

from multibox.serve.refused import Refused

MOST_OBJECTS = 1000
"""Largest number of labelled objects that a request may give for an image."""

Model = TypeVar("Model", bound=BaseModel)


def decode_base64(text: Any) -> bytes:
    """Decode a base64 string (RFC 4648), which may be a ``data:`` URL, to bytes."""
    if not isinstance(text, str):
        raise ValueError("the value is not a string; give base64 text")
    try:
        return base64.b64decode(text.partition(";base64,")[2] if text.startswith("data:") else text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("the value is not valid base64 (RFC 4648)") from None


Encoded = Annotated[bytes, BeforeValidator(decode_base64), WithJsonSchema({"type": "string", "format": "byte"})]
File = Annotated[bytes, WithJsonSchema({"type": "string", "format": "binary"})]
Score = Annotated[
    float | None, Field(ge=0, le=1, description="Score that detections must exceed. Default: the model's thresholds.")
]
Overlap = Annotated[
    float | None,
    Field(ge=0, le=1, description="IoU above which the lower-scored of two detections of one class is suppressed."),
]
Seed = Annotated[int, Field(ge=0, lt=2**53, description="Random seed. The same seed gives the same images.")]
Name = Annotated[str, StringConstraints(max_length=1000)]


class Options(BaseModel):
    """Detection settings that a form or a JSON body may contain."""

    score: Score = None
    nms_iou: Overlap = None


class ImageData(BaseModel):
    """An image in a JSON body: its base64 data and an optional name."""

    data: Encoded
    name: Annotated[str | None, BeforeValidator(lambda name: name if name is None else str(name))] = None


class DetectRequest(Options):
    """The JSON body of ``POST /v1/detect``."""

    images: list[ImageData]


class DetectForm(Options):
    """The multipart form of ``POST /v1/detect``."""

    images: Annotated[list[File], Field(description="Images.")]


class LabelledBox(BaseModel):
    """A labelled object of an image: its class name and its box in pixels."""

    name: str
    box: Annotated[list[float], Field(min_length=4, max_length=4, description="Corners x0, y0, x1, y1 in pixels.")]


LabelledBoxes = Annotated[list[LabelledBox], Field(max_length=MOST_OBJECTS)]


class MatchingFields(BaseModel):
    """Form fields of a request to explain how an image's objects match priors."""

    objects: Annotated[
        Json[Annotated[list[LabelledBox], Field(max_length=MOST_OBJECTS)]], Field(default="[]", validate_default=True)
    ]


class AugmentationFields(MatchingFields):
    """Form fields of a request to explain the augmentation of an image."""

    seed: Seed = 0


class ScoreField(BaseModel):
    """Form fields of a request to explain detections."""

    score: Score = None


class TrackFields(Options):
    """Form fields of a request to track the objects of a video's next frame."""

    score: Annotated[
        float | None,
        Field(
            ge=0,
            le=1,
            description="Score that a detection must exceed to begin a track, the same in all requests of a session. "
            "Default: the model's thresholds.",
        ),
    ] = None
    seconds: Annotated[
        float | None,
        Field(ge=0, le=1e9, description="Time of the frame in the video. Default: measured by the server's clock."),
    ] = None


class TensorParameters(BaseModel):
    """Parameters of an input tensor in the Open Inference Protocol."""

    binary_data_size: Annotated[int | None, Field(ge=0)] = None


class InputTensor(BaseModel):
    """An input tensor of an inference request."""

    name: Name
    shape: Annotated[list[Annotated[int, Field(gt=0, lt=2**31, strict=True)]], Field(min_length=1, max_length=8)]
    datatype: Literal["UINT8", "BYTES"]
    parameters: TensorParameters | None = None
    data: Any = None


class OutputParameters(BaseModel):
    """Parameters of a requested output tensor in the Open Inference Protocol."""

    binary_data: bool | None = None


class RequestedOutput(BaseModel):
    """An output tensor that an inference request asks for."""

    name: Name
    parameters: OutputParameters | None = None


class InferParameters(Options):
    """Parameters of an inference request."""

    score: Annotated[
        float | None, Field(ge=0, le=1, description="Score that detections must exceed. Default: all detections.")
    ] = None
    binary_data_output: bool | None = None


class InferRequest(BaseModel):
    """The JSON part of an inference request of the Open Inference Protocol."""

    id: Annotated[str | int | None, Field(description="Identifier that the response repeats.")] = None
    parameters: InferParameters | None = None
    inputs: Annotated[list[InputTensor], Field(max_length=100)]
    outputs: Annotated[list[RequestedOutput] | None, Field(max_length=100)] = None


def from_json(model: type[Model], body: bytes, status: int = 422) -> Model:
    """Parse a JSON body, and verify its fields.

    Raises:
        Refused: If the body is not JSON, or a field is wrong. The message names the field.
    """
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise refusal(error, status) from None


def from_fields(model: type[Model], fields: dict[str, str]) -> Model:
    """Verify the text fields of a form.

    Raises:
        Refused: If a field is wrong. The message names the field.
    """
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise refusal(error) from None


def refusal(error: ValidationError, status: int = 422) -> Refused:
    """The response to the first problem of a request. It names the field, and the image if one is concerned."""
    problem = error.errors(include_url=False, include_input=False)[0]
    place = problem["loc"]
    if problem["type"] == "json_invalid" and not place:
        return Refused(400, "bad-json", f"the body is not JSON: {problem['ctx']['error']}")
    image = place[1] if len(place) > 1 and place[0] == "images" and isinstance(place[1], int) else None
    field = ".".join(map(str, place)) or "body"
    return Refused(status, "bad-field", f"{field[:200]}: {problem['msg'].removeprefix('Value error, ')}", image)


def request_body(**bodies: type[BaseModel]) -> dict[str, Any]:
    """OpenAPI description of a request's body.

    Args:
        bodies: Pydantic model of each kind of body, by ``json`` or ``form``.

    Returns:
        Value for the parameter ``openapi_extra`` of a FastAPI route.
    """
    kinds = {"json": "application/json", "form": "multipart/form-data"}
    content = {kinds[kind]: {"schema": _inline(model.model_json_schema())} for kind, model in bodies.items()}
    return {"requestBody": {"required": True, "content": content}}


def form_with_image(fields: type[BaseModel]) -> dict[str, Any]:
    """OpenAPI description of a form with one image and further fields."""
    described = request_body(form=fields)
    schema = described["requestBody"]["content"]["multipart/form-data"]["schema"]
    schema["properties"]["image"] = {"type": "string", "format": "binary", "description": "An image."}
    schema["required"] = ["image", *schema.get("required", [])]
    return described


def _inline(schema: dict[str, Any]) -> dict[str, Any]:
    """A JSON schema with each reference replaced by its definition, because a route's schema has no definitions."""
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
