"""Writes ``.caffemodel`` files: protobuf's wire format, and of Caffe's schema what a network's weights need."""


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def field(number: int, payload: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def number(number: int, value: int) -> bytes:
    return varint(number << 3) + varint(value)


def blob(array) -> bytes:
    shape = b"".join(varint(side) for side in array.shape)
    return field(7, field(1, shape)) + field(5, array.astype("<f4").tobytes())


def caffemodel(layers: dict) -> bytes:
    """A network of layers with a name, a type, and blobs."""
    net = field(1, b"VGG_VOC0712_SSD_300x300_train")
    for name, arrays in layers.items():
        net += field(
            100, field(1, name.encode()) + field(2, b"Convolution") + b"".join(field(7, blob(a)) for a in arrays)
        )
    return net


def legacy_caffemodel(layers: dict) -> bytes:
    """As Caffe wrote it before 2014: ``layers``, and shapes of four numbers."""
    net = field(1, b"VGG_ILSVRC_16_layers")
    for name, arrays in layers.items():
        blobs = b""
        for array in arrays:
            shape = (1,) * (4 - array.ndim) + array.shape
            sizes = b"".join(number(i, side) for i, side in enumerate(shape, start=1))
            blobs += field(6, sizes + field(5, array.astype("<f4").tobytes()))
        net += field(2, field(4, name.encode()) + number(5, 4) + blobs)
    return net
