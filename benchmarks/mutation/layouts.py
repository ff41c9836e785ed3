"""A tiny dataset in every layout that Multibox reads: one function a layout, and what tools wrote.

A new layout needs a function here: it gives the annotation files by their paths. Images ``a.png``, ``b.png`` and
``c.png`` of 40 x 30 pixels lie in the folder that the decorator names.
"""

import base64
import json
import tempfile
from collections.abc import Callable
from functools import cache
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np

from annotations.records import detection, label_map, write_records
from benchmarks.mutation.changes import Content
from benchmarks.mutation.seed import INPUT, Command, Seed
from compat.cells import CELLS
from compat.draw import HERE, TRUTH, draw

Texts = dict[str, str | bytes]

COMMANDS: tuple[Command, ...] = (
    ("data", "build", INPUT, "--name", "m"),
    ("data", "build", INPUT, "--name", "m", "--on-bad", "skip"),
    ("data", "check", INPUT),
)
WIDTH, HEIGHT = 40, 30
LAYOUTS: list[Seed] = []


@cache
def image(suffix: str = ".png", shade: int = 90) -> bytes:
    """An image of one colour with a darker rectangle, in the format of a suffix."""
    pixels = np.full((HEIGHT, WIDTH, 3), shade, np.uint8)
    pixels[5:20, 10:30] = (30, 40, 60)
    return cv2.imencode(suffix, pixels)[1].tobytes()


def layout(name: str, images: str = "", *more: str) -> Callable[[Callable[[], Texts]], Callable[[], Texts]]:
    """Register a function that gives annotation files as a dataset of a layout.

    Args:
        name: Name of the layout, as ``--layout`` takes it.
        images: Folder of the images, relative to the input.
        more: Further arguments of the commands, such as ``--classes``.
    """

    def register(make: Callable[[], Texts]) -> Callable[[], Texts]:
        def content() -> Content:
            texts = {path: text.encode() if isinstance(text, str) else text for path, text in make().items()}
            pictures = {
                f"{images}{stem}.png": image(shade=shade) for stem, shade in (("a", 90), ("b", 150), ("c", 200))
            }
            return {f"{INPUT}/{path}": held for path, held in {**pictures, **texts}.items()}

        commands = tuple((*command, *more) for command in COMMANDS)
        LAYOUTS.append(Seed("layouts", make.__name__.replace("_", " "), content, commands, layout=name))
        return make

    return register


def _voc_xml(stem: str, *objects: tuple[str, tuple[float, ...]]) -> str:
    rows = "".join(
        f"<object><name>{name}</name><pose>Left</pose><truncated>0</truncated><difficult>{i % 2}</difficult><bndbox>"
        f"<xmin>{box[0]}</xmin><ymin>{box[1]}</ymin><xmax>{box[2]}</xmax><ymax>{box[3]}</ymax></bndbox>"
        f"<part><name>head</name><bndbox><xmin>2</xmin></bndbox></part></object>\n"
        for i, (name, box) in enumerate(objects)
    )
    size = f"<size><width>{WIDTH}</width><height>{HEIGHT}</height><depth>3</depth></size>"
    return (
        f'<?xml version="1.0"?>\n<annotation>\n<folder>x</folder><filename>{stem}.png</filename>\n'
        f"<source><database>D</database></source>{size}<segmented>0</segmented>\n{rows}</annotation>\n"
    )


@layout("voc", "JPEGImages/")
def voc_with_lists() -> Texts:
    return {
        "Annotations/a.xml": _voc_xml("a", ("cat", (10, 5, 30, 20)), ("dog", (1, 1, 9.5, 12))),
        "Annotations/b.xml": _voc_xml("b"),
        "Annotations/c.xml": _voc_xml("c", ("dog", (20, 10, 40, 30))),
        "ImageSets/Main/train.txt": "a\nb\n",
        "ImageSets/Main/val.txt": "c\n",
        "ImageSets/Main/cat_train.txt": "a  1\nb -1\n",
        "labelmap.txt": "# label:color_rgb:parts:actions\nbackground:0,0,0::\ndog:1,2,3::\ncat:4,5,6::\n",
    }


@layout("voc")
def voc_in_one_folder() -> Texts:
    return {f"{stem}.xml": _voc_xml(stem, ("cat", (10, 5, 30, 20))) for stem in "abc"} | {
        "label_map.pbtxt": "item {\n  id: 1\n  name: \"cat\"\n}\nitem {\n  id: 2\n  name: 'dog'\n}\n"
    }


def _coco(stems: str) -> str:
    boxes = [[10, 5, 20, 15], [1.5, 2, 8, 10]]
    segments = [[[1, 2, 9, 2, 9, 12, 1, 12]], {"size": [HEIGHT, WIDTH], "counts": [100, 20, 1080]}]
    return json.dumps(
        {
            "info": {"description": "d"},
            "images": [
                {"id": i, "file_name": f"{stem}.png", "width": WIDTH, "height": HEIGHT} for i, stem in enumerate(stems)
            ],
            "annotations": [
                {"id": 7 + i, "image_id": 0, "category_id": i + 1, "bbox": box, "area": 9, "iscrowd": i}
                | {"segmentation": segments[i]}
                for i, box in enumerate(boxes)
            ]
            + [{"id": 20, "image_id": 0, "category_id": 1, "segmentation": segments[0], "iscrowd": 0}],
            "categories": [
                {"id": 1, "name": "cat", "supercategory": "animal"},
                {"id": 2, "name": "dog", "supercategory": "animal"},
            ],
        }
    )


@layout("coco", "images/")
def coco_of_two_splits() -> Texts:
    return {"annotations/instances_train2017.json": _coco("ab"), "annotations/instances_val2017.json": _coco("c")}


@layout("coco")
def coco_in_one_file() -> Texts:
    return {"_annotations.coco.json": _coco("abc")}


@layout("keras-text", "", "--classes", "cat,dog")
def keras_text() -> Texts:
    return {"_annotations.txt": "a.png 10,5,30,20,0 1,2,9,12,1\nb.png\nc.png 20,10,40,30,1\n"}


@layout("keras-text")
def keras_text_with_classes() -> Texts:
    return {"boxes.txt": "a.png 10,5,30,20,0 1,2,9,12,1\nb.png\nc.png 20,10,40,30,1\n", "_classes.txt": "cat\ndog\n"}


ROWS = {"a": "0 0.5 0.4 0.5 0.5\n1 0.1 0.2 0.2 0.25\n", "b": "", "c": "1 0.1 0.1 0.5 0.1 0.5 0.6\n"}


@layout("yolo", "images/train/")
def yolo_described() -> Texts:
    return {f"labels/train/{stem}.txt": rows for stem, rows in ROWS.items()} | {
        "data.yaml": "path: .\ntrain: images/train\nval: images/train\nnc: 2\nnames:\n  0: cat\n  1: dog\n"
    }


@layout("yolo")
def yolo_with_classes() -> Texts:
    return {f"{stem}.txt": rows for stem, rows in ROWS.items()} | {"classes.txt": "cat\ndog\n"}


@layout("yolo", "obj_train_data/")
def darknet() -> Texts:
    return {f"obj_train_data/{stem}.txt": rows for stem, rows in ROWS.items()} | {
        "obj.data": "classes = 2\ntrain = data/train.txt\nnames = data/obj.names\nbackup = backup/\n",
        "obj.names": "cat\ndog\n",
        "train.txt": "".join(f"data/obj_train_data/{stem}.png\n" for stem in ROWS),
    }


@layout("csv")
def csv_with_a_header() -> Texts:
    return {
        "boxes.csv": "filename,width,height,class,xmin,ymin,xmax,ymax,split\na.png,40,30,cat,10,5,30,20,train\n"
        'b.png,40,30,,,,,,train\n"c.png",40,30,dog,20,10,40,30,val\na.png,40,30,"dog",1,2,9.5,12,train\n'
    }


@layout("csv")
def csv_without_a_header() -> Texts:
    return {"boxes.csv": "a.png,10,5,30,20,cat\nb.png,,,,,\nc.png,20,10,40,30,dog\n", "classes.csv": "cat,0\ndog,1\n"}


@layout("csv", "train/")
def open_images() -> Texts:
    head = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf\n"
    rows = "a,x,/m/01,1,0.25,0.75,0.2,0.6,0,0,1\nc,x,/m/02,1,0.1,0.5,0.1,0.9,1,-1,0\n"
    return {
        "train-annotations-bbox.csv": head + rows,
        "class-descriptions-boxable.csv": "/m/01,Cat\n/m/02,Dog\n",
    }


@layout("csv")
def vertex() -> Texts:
    rows = "TRAIN,gs://x/a.png,cat,0.25,0.2,,,0.75,0.6,,\nVALIDATION,gs://x/c.png,dog,0.1,0.1,,,0.5,0.9,,\n"
    return {"vertex.csv": f"{rows}UNASSIGNED,gs://x/b.png,,,,,,,,,\n"}


@layout("csv")
def a_column_of_boxes() -> Texts:
    return {
        "train.csv": 'image_id,width,height,bbox,source\na,40,30,"[10.0, 5, 20, 15]",cat\nc,40,30,"[1, 2, 8, 10]",dog\n'
    }


@layout("labelme")
def labelme() -> Texts:
    mask = base64.b64encode(cv2.imencode(".png", np.full((5, 5), 255, np.uint8))[1].tobytes()).decode()
    shapes = [
        {"label": "cat", "points": [[10, 5], [30.5, 20]], "shape_type": "rectangle", "flags": {}, "group_id": None},
        {"label": "dog", "points": [[1, 2], [9, 2], [9, 12]], "shape_type": "polygon", "difficult": True},
        {"label": "dog", "points": [[20, 15], [25, 15]], "shape_type": "circle"},
        {"label": "cat", "points": [[3, 3]], "shape_type": "point"},
        {"label": "cat", "points": [[2, 2], [6, 6]], "shape_type": "mask", "mask": mask},
    ]
    embedded = base64.b64encode(image()).decode()
    about = {"version": "5.0", "flags": {}, "imageHeight": HEIGHT, "imageWidth": WIDTH}
    files = {stem: about | {"shapes": shapes, "imagePath": f"{stem}.png", "imageData": None} for stem in "abc"}
    files["d"] = about | {"shapes": shapes[:1], "imagePath": "d.png", "imageData": embedded}
    return {f"{stem}.json": json.dumps(content) for stem, content in files.items()}


@layout("labelme-xml", "Images/")
def labelme_xml() -> Texts:
    points = "".join(f"<pt><x>{x}</x><y>{y}</y></pt>" for x, y in ((10, 5), (30, 5.5), (30, 20)))
    mark = "<deleted>0</deleted><verified>0</verified><occluded>no</occluded><attributes>difficult=1</attributes>"
    polygon = f"<object><name>cat</name>{mark}<polygon><username>x</username>{points}</polygon></object>"
    corners = "<xmin>1</xmin><ymin>2</ymin><xmax>9</xmax><ymax>12</ymax>"
    segment = f"<object><name>dog</name>{mark}<segm><box>{corners}</box><mask>m.png</mask></segm></object>"
    size = f"<imagesize><nrows>{HEIGHT}</nrows><ncols>{WIDTH}</ncols></imagesize>"
    rest = f"<folder>x</folder>{size}{polygon}{segment}"
    return {f"Annotations/{a}.xml": f"<annotation><filename>{a}.png</filename>{rest}</annotation>" for a in "abc"}


_LABELS = "<labels><label><name>dog</name><type>any</type></label><label><name>cat</name></label></labels>"


@layout("cvat", "images/")
def cvat_images() -> Texts:
    shapes = (
        '<box label="cat" occluded="1" xtl="10" ytl="5" xbr="30.5" ybr="20" rotation="30.0" z_order="0">'
        '<attribute name="difficult">false</attribute></box>'
        '<polygon label="dog" points="1,2;9,2;9,12" occluded="0"></polygon>'
        '<ellipse label="dog" cx="20" cy="15" rx="5" ry="4" rotation="10"></ellipse>'
        '<points label="cat" points="3,3;4,4"></points><polyline label="cat" points="1,1;2,2"></polyline>'
        '<mask label="dog" rle="3, 5, 4" left="2" top="2" width="4" height="3"></mask>'
        '<skeleton label="dog"><points label="head" points="1,2"></points></skeleton>'
    )
    size = f'width="{WIDTH}" height="{HEIGHT}"'
    images = "".join(
        f'<image id="{i}" name="{stem}.png" subset="{subset}" {size}>{shapes}</image>'
        for i, (stem, subset) in enumerate((("a", "train"), ("b", "train"), ("c", "val")))
    )
    return {"annotations.xml": f"<annotations><meta><job><id>1</id>{_LABELS}</job></meta>{images}</annotations>"}


@layout("cvat")
def cvat_tracks() -> Texts:
    box = '<box frame="{}" keyframe="1" outside="{}" occluded="0" xtl="10" ytl="5" xbr="30" ybr="20"></box>'
    boxes = "".join(box.format(frame, int(frame == 2)) for frame in range(3))
    size = f"<original_size><width>{WIDTH}</width><height>{HEIGHT}</height></original_size>"
    about = f"<size>3</size><start_frame>0</start_frame><stop_frame>2</stop_frame>{_LABELS}{size}"
    track = f'<track id="0" label="cat">{boxes}</track>'
    frames = {f"frame_{number:06}.png": image(shade=100 + number) for number in range(3)}
    return frames | {"annotations.xml": f"<annotations><meta><task>{about}</task></meta>{track}</annotations>"}


@layout("via")
def via() -> Texts:
    shapes = [
        {"name": "rect", "x": 10, "y": 5, "width": 20, "height": 15},
        {"name": "polygon", "all_points_x": [1, 9, 9], "all_points_y": [2, 2, 12]},
        {"name": "circle", "cx": 20, "cy": 15, "r": 4.5},
        {"name": "ellipse", "cx": 20, "cy": 15, "rx": 4, "ry": 3, "theta": 0.5},
        {"name": "point", "cx": 3, "cy": 3},
    ]
    regions = [{"shape_attributes": shape, "region_attributes": {"type": "cat"}} for shape in shapes]
    images = {
        f"{stem}.png99": {"filename": f"{stem}.png", "size": 99, "regions": regions, "file_attributes": {}}
        for stem in "abc"
    }
    options = {"region": {"type": {"type": "radio", "options": {"dog": "", "cat": ""}}}, "file": {}}
    return {"via.json": json.dumps({"_via_settings": {}, "_via_img_metadata": images, "_via_attributes": options})}


def _region(kind: str, **value: object) -> dict[str, object]:
    about = {"from_name": "label", "to_name": "image", "original_width": WIDTH, "original_height": HEIGHT}
    return {"id": "r", "type": kind, "image_rotation": 0, **about, "value": {**value, kind: ["cat"]}}


@layout("label-studio", "images/")
def label_studio() -> Texts:
    box = {"x": 25.0, "y": 20.0, "width": 50.0, "height": 40.0, "rotation": 0}
    result = [
        _region("rectanglelabels", **box),
        _region("rectanglelabels", **box | {"rotation": 30}),
        _region("polygonlabels", points=[[2, 5], [20, 5], [20, 40]], closed=True),
        _region("ellipselabels", x=50, y=50, radiusX=10, radiusY=12.5, rotation=0),
        _region("brushlabels", format="rle", rle=[0, 0, 1, 2]),
        _region("keypointlabels", x=3, y=3, width=0.2),
    ]
    return {
        "result.json": json.dumps(
            [
                {
                    "id": i,
                    "data": {"image": f"/data/upload/1/{i:08x}-{stem}.png"},
                    "annotations": [{"id": i, "was_cancelled": False, "result": result}],
                    "predictions": [],
                    "file_upload": f"{stem}.png",
                }
                for i, stem in enumerate("abc")
            ]
        )
    }


@layout("createml")
def createml() -> Texts:
    things = [{"label": "cat", "coordinates": {"x": 20.0, "y": 12.5, "width": 20, "height": 15}}]
    return {
        "_annotations.createml.json": json.dumps(
            [{"image": f"{stem}.png", "annotations": things * (stem != "b")} for stem in "abc"]
        )
    }


@layout("datumaro", "images/train/")
def datumaro() -> Texts:
    runs = "a9??0000000000000000000000000000000000000W9"
    shapes = [
        {"type": "bbox", "bbox": [10.0, 5, 20, 15], "label_id": 0, "attributes": {"occluded": True}, "group": 0},
        {"type": "polygon", "points": [1, 2, 9, 2, 9, 12], "label_id": 1, "attributes": {"is_crowd": True}},
        {
            "type": "mask",
            "rle": {"counts": runs, "size": [HEIGHT, WIDTH]},
            "label_id": 1,
        },
        {"type": "points", "points": [3, 3], "label_id": 0, "visibility": [2]},
        {"type": "label", "label_id": 0},
    ]
    items = [
        {"id": stem, "annotations": shapes, "image": {"path": f"{stem}.png", "size": [HEIGHT, WIDTH]}} for stem in "abc"
    ]
    labels = {"label": {"labels": [{"name": "dog", "parent": ""}, {"name": "cat", "parent": ""}], "attributes": []}}
    return {"annotations/train.json": json.dumps({"info": {}, "categories": labels, "items": items})}


@layout("kitti", "training/image_2/")
def kitti() -> Texts:
    rows = "Car 0.00 0 -1.57 10.00 5.00 30.00 20.00 1.65 1.67 3.64 -0.65 1.71 46.70 -1.59\n"
    ignored = "DontCare -1 -1 -10 1.00 2.00 9.00 12.00 -1 -1 -1 -1000 -1000 -1000 -10\n"
    return {f"training/label_2/{stem}.txt": rows + ignored for stem in "abc"}


@layout("tfrecord")
def tfrecord() -> Texts:
    things = [("cat", 1, 0.25, 0.2, 0.75, 0.6), ("dog", 2, 0.0, 0.1, 0.5, 0.25)]
    size = {"image__width": [WIDTH], "image__height": [HEIGHT]}
    shards = [[detection("a.png", things, image(), **size), detection("b.png", [], image(), **size)]]
    shards += [[detection("c.png", things[:1], image(shade=120), **size)]]
    with tempfile.TemporaryDirectory() as folder:
        label_map(Path(folder) / "label_map.pbtxt", "cat", "dog")
        for number, records in enumerate(shards):
            write_records(Path(folder) / f"train.record-{number:05}-of-00002", records)
        return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}


@layout("parquet", "unused/")
def parquet() -> Texts:
    import pyarrow
    from pyarrow.parquet import write_table

    things = {"bbox": [[10.0, 5, 20, 15], [1.5, 2, 8, 10]], "category": [0, 1], "area": [300.0, 80], "id": [1, 2]}
    empty = {name: [] for name in things}
    rows = [
        {"image_id": i, "image": {"bytes": image(shade=shade), "path": f"{i}.png"}, "width": WIDTH, "height": HEIGHT}
        | {"objects": empty if i == 1 else things}
        for i, shade in enumerate((90, 150, 200))
    ]
    category = {"feature": {"category": {"names": ["cat", "dog"], "_type": "ClassLabel"}}, "_type": "Sequence"}
    about = json.dumps({"info": {"features": {"image": {"_type": "Image"}, "objects": category}}})
    into = BytesIO()
    write_table(pyarrow.Table.from_pylist(rows).replace_schema_metadata({"huggingface": about}), into)
    return {"data/train-00000-of-00001.parquet": into.getvalue()}


def _of_tool(folder: Path, images: dict[str, bytes]) -> Content:
    files = {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    return {f"{INPUT}/{path}": held for path, held in {**images, **files}.items()}


@cache
def _drawn() -> tuple[bytes, ...]:
    return tuple(cv2.imencode(".jpg", draw(each))[1].tobytes() for each in TRUTH["images"])


def tools() -> list[Seed]:
    """What tools wrote, of which ``tests/compat`` knows how it has to be read."""

    def seed(cell) -> Seed:
        def make() -> Content:
            places = [cell.image(each, number) for number, each in enumerate(TRUTH["images"], 1)]
            return _of_tool(HERE / "tools" / cell.folder, dict(zip(places, _drawn(), strict=True)))

        more = ("--classes", ",".join(cell.options["classes"])) if "classes" in cell.options else ()
        return Seed("tools", cell.folder, make, tuple((*command, *more) for command in COMMANDS))

    return [seed(cell) for cell in CELLS]
