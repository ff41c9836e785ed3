"""Layouts of tools that cannot be run here: services, and pages in a browser. By hand, as their exports are known.

Roboflow's names and the one pixel that its VOC adds are described in `CORNERS.md`.
"""

import csv
import json
from pathlib import Path
from xml.etree import ElementTree

from common import CLASSES, SPLITS, fresh_layout, images

FOLDERS = {"train": "train", "val": "valid"}
FOLDERS_OF_CVAT = {"train": "Train", "val": "Validation"}
HEADER = ("filename", "width", "height", "class", "xmin", "ymin", "xmax", "ymax")


def roboflow_name(image: dict) -> str:
    """``wide_jpg.rf.HASH.jpg``."""
    return f"{image['name'].replace('.', '_')}.rf.{image['width']:032x}.jpg"


def whole(box: list[float]) -> list[int]:
    return [int(edge) for edge in box]


def rows(split: str = "", named: bool = True) -> list[tuple]:
    """A row an object in whole pixels, in the columns of the TensorFlow tutorials."""
    return [
        (
            roboflow_name(image) if named else image["name"],
            image["width"],
            image["height"],
            thing["name"],
            *whole(thing["box"]),
        )
        for image in images(split)
        for thing in image["objects"]
    ]


def write_rows(file: Path, header: tuple[str, ...], lines: list[tuple]) -> None:
    with file.open("w", newline="") as opened:
        csv.writer(opened).writerows([header, *lines] if header else lines)


def yolo_rows(image: dict) -> str:
    width, height = image["width"], image["height"]
    return "\n".join(
        f"{sorted(CLASSES).index(thing['name'])} {(x0 + x1) / 2 / width} {(y0 + y1) / 2 / height}"
        f" {(x1 - x0) / width} {(y1 - y0) / height}"
        for thing in image["objects"]
        for x0, y0, x1, y1 in [thing["box"]]
    )


def roboflow_voc(folder: Path) -> None:
    """Tabs, minimum and maximum of an axis side by side, and 1 added to all corners."""
    for image in images():
        objects = "".join(
            f"\t<object>\n\t\t<name>{thing['name']}</name>\n\t\t<pose>Unspecified</pose>\n\t\t<truncated>0</truncated>\n"
            "\t\t<difficult>0</difficult>\n\t\t<occluded>0</occluded>\n\t\t<bndbox>\n"
            f"\t\t\t<xmin>{x0 + 1}</xmin>\n\t\t\t<xmax>{x1 + 1}</xmax>\n"
            f"\t\t\t<ymin>{y0 + 1}</ymin>\n\t\t\t<ymax>{y1 + 1}</ymax>\n\t\t</bndbox>\n\t</object>\n"
            for thing in image["objects"]
            for x0, y0, x1, y1 in [whole(thing["box"])]
        )
        name = roboflow_name(image)
        text = (
            f"<annotation>\n\t<folder></folder>\n\t<filename>{name}</filename>\n\t<path>{name}</path>\n"
            "\t<source>\n\t\t<database>roboflow.com</database>\n\t</source>\n\t<size>\n"
            f"\t\t<width>{image['width']}</width>\n\t\t<height>{image['height']}</height>\n\t\t<depth>3</depth>\n"
            f"\t</size>\n\t<segmented>0</segmented>\n{objects}</annotation>\n"
        )
        file = folder / FOLDERS[image["split"]] / name.replace(".jpg", ".xml")
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)


def roboflow_coco(folder: Path) -> None:
    """Category 0 stands over the others and has no annotation. The others are sorted by name."""
    numbers = {name: number for number, name in enumerate(sorted(CLASSES), 1)}
    above = {"id": 0, "name": "vehicles", "supercategory": "none"}
    below = [{"id": number, "name": name, "supercategory": "vehicles"} for name, number in numbers.items()]
    for split in SPLITS:
        chosen = list(enumerate(images(split)))
        things = [(number, thing) for number, image in chosen for thing in image["objects"]]
        document = {
            "info": {"year": "2026", "version": "1", "description": "Exported from roboflow.com", "contributor": ""},
            "licenses": [{"id": 1, "url": "https://creativecommons.org/licenses/by/4.0/", "name": "CC BY 4.0"}],
            "categories": [above, *below],
            "images": [
                {
                    "id": number,
                    "license": 1,
                    "file_name": roboflow_name(image),
                    "height": image["height"],
                    "width": image["width"],
                    "extra": {"name": image["name"]},
                }
                for number, image in chosen
            ],
            "annotations": [
                {
                    "id": number,
                    "image_id": image,
                    "category_id": numbers[thing["name"]],
                    "bbox": [x0, y0, x1 - x0, y1 - y0],
                    "area": (x1 - x0) * (y1 - y0),
                    "segmentation": [],
                    "iscrowd": 0,
                }
                for number, (image, thing) in enumerate(things)
                for x0, y0, x1, y1 in [thing["box"]]
            ],
        }
        (folder / FOLDERS[split]).mkdir()
        (folder / FOLDERS[split] / "_annotations.coco.json").write_text(json.dumps(document))


def roboflow_yolo(folder: Path) -> None:
    """The paths of ``data.yaml`` begin one folder too high, and there is no test split."""
    (folder / "data.yaml").write_text(
        "train: ../train/images\nval: ../valid/images\ntest: ../test/images\n\nnc: 2\nnames: ['cart', 'tram']\n\n"
        "roboflow:\n  workspace: a-workspace\n  project: vehicles\n  version: 1\n  license: CC BY 4.0\n"
    )
    for image in images():
        file = folder / FOLDERS[image["split"]] / "labels" / roboflow_name(image).replace(".jpg", ".txt")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(yolo_rows(image))


def keras_box(thing: dict) -> str:
    """``x0,y0,x1,y1,class``."""
    return ",".join(map(str, [*whole(thing["box"]), sorted(CLASSES).index(thing["name"])]))


def roboflow_tables(folder: Path, create_ml: Path, keras: Path) -> None:
    """TensorFlow's CSV, CreateML's JSON, and the text that old Keras code for YOLO reads."""
    for split in SPLITS:
        places = [place / FOLDERS[split] for place in (folder, create_ml, keras)]
        for place in places:
            place.mkdir()
        write_rows(places[0] / "_annotations.csv", HEADER, rows(split))
        boxes = [
            {
                "image": roboflow_name(image),
                "annotations": [
                    {
                        "label": thing["name"],
                        "coordinates": {"x": (x0 + x1) / 2, "y": (y0 + y1) / 2, "width": x1 - x0, "height": y1 - y0},
                    }
                    for thing in image["objects"]
                    for x0, y0, x1, y1 in [thing["box"]]
                ],
            }
            for image in images(split)
        ]
        (places[1] / "_annotations.createml.json").write_text(json.dumps(boxes))
        lines = [
            " ".join([roboflow_name(image), *(keras_box(thing) for thing in image["objects"])])
            for image in images(split)
        ]
        (places[2] / "_annotations.txt").write_text("\n".join(lines) + "\n")
        (places[2] / "_classes.txt").write_text("\n".join(sorted(CLASSES)) + "\n")


def via(project: Path, table: Path) -> None:
    """VIA 2: a saved project, and its CSV. Whole pixels, rounded to the nearest by the page."""
    entries, lines = {}, []
    for image in images():
        regions = [
            {
                "shape_attributes": {"name": "rect", "x": x0, "y": y0, "width": x1 - x0, "height": y1 - y0},
                "region_attributes": {"type": thing["name"]},
            }
            for thing in image["objects"]
            for x0, y0, x1, y1 in [whole(thing["box"])]
        ]
        entries[f"{image['name']}4242"] = {
            "filename": image["name"],
            "size": 4242,
            "regions": regions,
            "file_attributes": {},
        }
        for number, region in enumerate(regions):
            shape, label = (json.dumps(region[key]) for key in ("shape_attributes", "region_attributes"))
            lines.append((image["name"], 4242, "{}", len(regions), number, shape, label))
        if not regions:
            lines.append((image["name"], 4242, "{}", 0, 0, "{}", "{}"))
    options = {"type": "dropdown", "description": "", "options": dict.fromkeys(CLASSES, ""), "default_options": {}}
    document = {
        "_via_settings": {"project": {"name": "compat"}},
        "_via_img_metadata": entries,
        "_via_attributes": {"region": {"type": options}, "file": {}},
        "_via_data_format_version": "2.0.10",
        "_via_image_id_list": list(entries),
    }
    (project / "via_project.json").write_text(json.dumps(document))
    header = (
        "filename",
        "file_size",
        "file_attributes",
        "region_count",
        "region_id",
        "region_shape_attributes",
        "region_attributes",
    )
    write_rows(table / "via_project_csv.csv", header, lines)


def cvat(task: Path, project: Path) -> None:
    """CVAT for images 1.1, written by the server itself. Of a project, with its subsets, and of one job."""
    labels = "".join(
        f"<label><name>{name}</name><color>#33ddff</color><type>any</type><attributes></attributes></label>"
        for name in CLASSES
    )
    for folder, kind in ((task, "job"), (project, "project")):
        body = "".join(
            cvat_image(number, image, f' subset="{FOLDERS_OF_CVAT[image["split"]]}" task_id="1"' * (kind == "project"))
            for number, image in enumerate(images())
        )
        meta = f"<meta><{kind}><id>1</id><labels>{labels}</labels></{kind}><dumped>2026-01-01 00:00:00</dumped></meta>"
        text = (
            f'<?xml version="1.0" encoding="utf-8"?>\n<annotations><version>1.1</version>{meta}{body}</annotations>\n'
        )
        (folder / "annotations.xml").write_text(text)


def cvat_image(number: int, image: dict, subset: str) -> str:
    boxes = "".join(
        f'<box label="{thing["name"]}" source="manual" occluded="0" xtl="{x0:.2f}" ytl="{y0:.2f}" xbr="{x1:.2f}"'
        f' ybr="{y1:.2f}" z_order="0"></box>'
        for thing in image["objects"]
        for x0, y0, x1, y1 in [thing["box"]]
    )
    size = f'width="{image["width"]}" height="{image["height"]}"'
    return f'<image id="{number}" name="{image["name"]}"{subset} {size}>{boxes}</image>'


def vott_voc(folder: Path) -> None:
    """VoTT 2: edges from 0 with fractions. Its lists of a split exist for each class alone, and hold suffixes."""
    (folder / "Annotations").mkdir()
    (folder / "ImageSets" / "Main").mkdir(parents=True)
    for image in images():
        root = ElementTree.Element("annotation", verified="yes")
        path = f"compat-PascalVOC-export/Annotations/{image['name']}"
        for tag, text in (("folder", "Annotation"), ("filename", image["name"]), ("path", path)):
            ElementTree.SubElement(root, tag).text = text
        ElementTree.SubElement(ElementTree.SubElement(root, "source"), "database").text = "Unknown"
        add_all(ElementTree.SubElement(root, "size"), {"width": image["width"], "height": image["height"], "depth": 3})
        ElementTree.SubElement(root, "segmented").text = "0"
        for thing in image["objects"]:
            node = ElementTree.SubElement(root, "object")
            add_all(node, {"name": thing["name"], "pose": "Unspecified", "truncated": 0, "difficult": 0})
            corners = dict(zip(("xmin", "ymin", "xmax", "ymax"), thing["box"], strict=True))
            add_all(ElementTree.SubElement(node, "bndbox"), corners)
        ElementTree.indent(root, "    ")
        ElementTree.ElementTree(root).write(folder / "Annotations" / image["name"].replace(".jpg", ".xml"))
    for name in CLASSES:
        for split in SPLITS:
            lines = [f"{image['name']} {1 if has(image, name) else -1}" for image in images(split)]
            (folder / "ImageSets" / "Main" / f"{name}_{split}.txt").write_text("\n".join(lines))
    items = [f"item {{\n id: {number}\n name: '{name}'\n}}\n" for number, name in enumerate(CLASSES, 1)]
    (folder / "pascal_label_map.pbtxt").write_text("".join(items))


def add_all(parent: ElementTree.Element, fields: dict[str, object]) -> None:
    for tag, value in fields.items():
        ElementTree.SubElement(parent, tag).text = str(value)


def has(image: dict, name: str) -> bool:
    return any(thing["name"] == name for thing in image["objects"])


def vott_csv(folder: Path) -> None:
    """VoTT 2: every text in quotes, edges with fractions, nothing of images without objects."""
    lines = [
        f'"{image["name"]}",{x0},{y0},{x1},{y1},"{thing["name"]}"'
        for image in images()
        for thing in image["objects"]
        for x0, y0, x1, y1 in [thing["box"]]
    ]
    header = '"image","xmin","ymin","xmax","ymax","label"'
    (folder / "compat-export.csv").write_text("\n".join([header, *lines]))


def tables(tutorial: Path, retinanet: Path) -> None:
    """The CSV of the TensorFlow tutorials, and that of keras-retinanet: no header, and a class list beside."""
    for split in SPLITS:
        write_rows(tutorial / f"{split}_labels.csv", HEADER, rows(split, named=False))
    lines: list[tuple] = []
    for image in images():
        found = [(f"photos/{image['name']}", *whole(thing["box"]), thing["name"]) for thing in image["objects"]]
        lines += found or [(f"photos/{image['name']}", "", "", "", "", "")]
    write_rows(retinanet / "annotations.csv", (), lines)
    write_rows(retinanet / "classes.csv", (), [(name, number) for number, name in enumerate(CLASSES)])


roboflow_voc(fresh_layout("roboflow-voc"))
roboflow_coco(fresh_layout("roboflow-coco"))
roboflow_yolo(fresh_layout("roboflow-yolo"))
roboflow_tables(*map(fresh_layout, ("roboflow-csv", "roboflow-createml", "roboflow-keras")))
cvat(fresh_layout("cvat-job"), fresh_layout("cvat-project"))
vott_voc(fresh_layout("vott-voc"))
vott_csv(fresh_layout("vott-csv"))
via(fresh_layout("via-project"), fresh_layout("via-csv"))
tables(fresh_layout("tensorflow-csv"), fresh_layout("keras-retinanet"))
