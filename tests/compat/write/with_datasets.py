"""datasets: Parquet as `push_to_hub` writes it, with the images and the card, but without the hub."""

from pathlib import Path

from common import CLASSES, IMAGES, SPLITS, fresh, images
from datasets import ClassLabel, Dataset, Features, Image, List, Sequence, Value
from datasets.info import DatasetInfosDict
from datasets.table import embed_table_storage
from huggingface_hub import DatasetCard, DatasetCardData

OBJECT = {
    "id": Value("int64"),
    "area": Value("float32"),
    "bbox": List(Value("float32"), length=4),
    "category": ClassLabel(names=CLASSES),
}


def row(number: int, image: dict) -> dict:
    boxes = [thing["box"] for thing in image["objects"]]
    return {
        "image_id": number,
        "image": str(IMAGES / image["name"]),
        "width": image["width"],
        "height": image["height"],
        "objects": [
            {
                "id": place,
                "area": (x1 - x0) * (y1 - y0),
                "bbox": [x0, y0, x1 - x0, y1 - y0],
                "category": CLASSES.index(thing["name"]),
            }
            for place, (thing, (x0, y0, x1, y1)) in enumerate(zip(image["objects"], boxes, strict=True))
        ],
    }


def lists(row: dict) -> dict:
    """The objects as a structure of lists."""
    return row | {"objects": {name: [thing[name] for thing in row["objects"]] for name in OBJECT}}


def write(folder: Path, *, as_lists: bool) -> None:
    objects = Sequence(OBJECT) if as_lists else List(OBJECT)
    side = Value("int64")
    features = Features({"image_id": side, "image": Image(), "width": side, "height": side, "objects": objects})
    (folder / "data").mkdir()
    for split, called in zip(SPLITS, ("train", "validation"), strict=True):
        rows = [row(number, image) for number, image in enumerate(images(split), 1)]
        data = Dataset.from_list([lists(each) if as_lists else each for each in rows], features)
        data = data.with_format("arrow").map(embed_table_storage, batched=True).with_format(None)
        data.to_parquet(folder / f"data/{called}-00000-of-00001.parquet")
    card = DatasetCardData()
    DatasetInfosDict({"default": data.info}).to_dataset_card_data(card)
    DatasetCard(f"---\n{card}\n---\n\n# Trams and carts\n").save(folder / "README.md")


write(fresh("datasets", "parquet-lists"), as_lists=True)
write(fresh("datasets", "parquet-objects"), as_lists=False)
