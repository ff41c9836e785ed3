"""TensorFlow: records as the Object Detection tutorials write them, and a label map. Edges are parts of the image."""

import tensorflow as tf
from common import CLASSES, IMAGES, SPLITS, fresh, images


def strings(*values: str | bytes) -> tf.train.Feature:
    encoded = [value.encode() if isinstance(value, str) else value for value in values]
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=encoded))


def numbers(*values: int) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def parts(image: dict, corner: int) -> tf.train.Feature:
    side = image["width" if corner in {0, 2} else "height"]
    edges = [thing["box"][corner] / side for thing in image["objects"]]
    return tf.train.Feature(float_list=tf.train.FloatList(value=edges))


def example(image: dict) -> tf.train.Example:
    names = [thing["name"] for thing in image["objects"]]
    features = {
        "image/height": numbers(image["height"]),
        "image/width": numbers(image["width"]),
        "image/filename": strings(image["name"]),
        "image/source_id": strings(image["name"]),
        "image/encoded": strings((IMAGES / image["name"]).read_bytes()),
        "image/format": strings("jpeg"),
        "image/object/class/text": strings(*names),
        "image/object/class/label": numbers(*(CLASSES.index(name) + 1 for name in names)),
    }
    for corner, name in enumerate(("xmin", "ymin", "xmax", "ymax")):
        features[f"image/object/bbox/{name}"] = parts(image, corner)
    return tf.train.Example(features=tf.train.Features(feature=features))


folder = fresh("tensorflow-cpu", "tfrecord")
for split in SPLITS:
    with tf.io.TFRecordWriter(str(folder / f"{split}.record")) as writer:
        for image in images(split):
            writer.write(example(image).SerializeToString())
items = [f"item {{\n  id: {number}\n  name: '{name}'\n}}\n" for number, name in enumerate(CLASSES, 1)]
(folder / "label_map.pbtxt").write_text("\n".join(items))
