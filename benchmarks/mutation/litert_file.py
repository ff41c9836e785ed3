"""A tiny LiteRT file, made without TensorFlow: a network whose outputs are constants."""

from typing import Any

import numpy as np

from colored import make_schema


def tiny_tflite() -> bytes:
    """The network of ``make_schema()`` in the format of LiteRT, without the schema behind it."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as parts

    schema = make_schema()
    count, columns = len(schema.make_priors()), len(schema.classes) + 1
    logits = np.random.default_rng(0).normal(0, 3, (1, count, columns)).astype(np.float32)
    arrays = {"classes": logits, "boxes": np.zeros((1, count, 4), np.float32)}

    def made(kind: str, **fields: Any) -> Any:
        part = getattr(parts, f"{kind}T")()
        vars(part).update(fields)
        return part

    kinds = parts.TensorType
    tensors = [made("Tensor", name="image", shape=[1, *schema.network.size, 3], type=kinds.UINT8, buffer=0)]
    for number, (name, array) in enumerate(arrays.items(), 1):
        tensors.append(made("Tensor", name=name, shape=list(array.shape), type=kinds.FLOAT32, buffer=number))
    signature = made(
        "SignatureDef",
        signatureKey="serving_default",
        inputs=[made("TensorMap", name="image", tensorIndex=0)],
        outputs=[made("TensorMap", name=name, tensorIndex=number) for number, name in enumerate(arrays, 1)],
    )
    model = made(
        "Model",
        version=3,
        operatorCodes=[],
        subgraphs=[made("SubGraph", tensors=tensors, inputs=[0], outputs=[1, 2], operators=[])],
        buffers=[made("Buffer"), *(made("Buffer", data=np.frombuffer(a.tobytes(), np.uint8)) for a in arrays.values())],
        signatureDefs=[signature],
    )
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
