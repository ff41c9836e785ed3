"""The commands that show a dataset: data info, stats, show."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from multibox.cli.app import main
from multibox.cli.console import MOST_CLASSES, Row, print_table
from multibox.cli.options import config_option, overrides_argument, replace_option
from multibox.errors import RunFailed

if TYPE_CHECKING:
    from multibox.data.record import Record
    from multibox.data.stats import Stats
    from multibox.data.store import Counts, Meta, Store

FLAGS = ("difficult", "crowd", "truncated", "occluded")


@main.group()
def data() -> None:
    """Build, inspect and convert datasets."""


@data.command("info")
@click.argument("name", metavar="NAME[/SPLIT]")
@click.option(
    "--record",
    "record_id",
    default=None,
    metavar="ID",
    help="Id or file name of an image whose objects are shown, instead of the whole dataset.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def data_info(name: str, record_id: str | None, as_json: bool) -> None:
    """Show the classes, splits and files of a dataset, or one of its images."""
    from multibox.data.open import find_record, open_stores

    stores = open_stores(name)
    if record_id is None:
        if as_json:
            click.echo(json.dumps(stores_json(stores)))
        else:
            print_stores(stores)
        return
    store, record = find_record(stores, record_id)
    if as_json:
        click.echo(json.dumps(record_json(record, store.meta)))
    else:
        print_record(record, store.meta)


@data.command("stats")
@click.argument("name", metavar="NAME[/SPLIT]")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def data_stats(name: str, as_json: bool) -> None:
    """Count the objects of a dataset by class, size and flag (such as crowd), and measure images and boxes."""
    from multibox.data.open import open_stores
    from multibox.data.stats import measure_store

    stats = {store.meta.split: measure_store(store) for store in open_stores(name)}
    if as_json:
        click.echo(json.dumps({split: figures.to_json() for split, figures in stats.items()}))
    else:
        print_stats(stats)


@data.command("show")
@click.argument("name", metavar="NAME[/SPLIT]")
@overrides_argument
@config_option
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0), help="Seed of the augmentation.")
@click.option("--count", default=12, show_default=True, type=click.IntRange(min=1), help="Number of examples to draw.")
@click.option(
    "--out",
    default="examples.png",
    show_default=True,
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="PNG file to write.",
)
@replace_option
@click.option("--window", is_flag=True, help="Open the written image in the system's image viewer.")
def data_show(
    name: str, overrides: tuple[str, ...], config: str, out: str, replace: bool, window: bool, **options: Any
) -> None:
    """Draw training examples: augmented images with objects, matched priors and labels."""
    from multibox.config_file import load_config
    from multibox.data.open import open_stores
    from multibox.draw import save_png, show_examples
    from multibox.models.maps import network_priors
    from multibox.prepare.joined import JoinedStores
    from multibox.prepare.tile_size import settle_tiles
    from multibox.prepare.tiled import TiledRecords

    store, settings = open_stores(name)[0], load_config(config, overrides)
    priors_rel = network_priors(settings.network, settings.priors)
    records: Sequence[Record] = store
    if settings.data.tiles != "none":
        joined = JoinedStores([store], store.meta.classes)
        settings = settle_tiles(joined, settings)
        records = TiledRecords(joined, settings.data, settings.train.seed)
    save_png(out, show_examples(records, store.meta.classes, priors_rel, settings, **options), replace=replace)
    click.echo(
        f"{out}: {store.meta.name}/{store.meta.split}; the number in brackets counts the priors matched to an object"
    )
    if window and click.launch(out) != 0:
        raise RunFailed(f"{out} was written, but the system has no image viewer; open the file yourself")


def print_stores(stores: "Sequence[Store]") -> None:
    """Print a dataset's classes, its numbers of images and objects, and the size and date of each store file."""
    meta = stores[0].meta
    click.echo(f"{meta.name}, from {meta.source}")
    print_counts(meta.classes, {store.meta.split: store.meta.counts for store in stores})
    for store in stores:
        size = store.path.stat().st_size / 1e6
        click.echo(f"{store.meta.split}: {size:,.1f} MB, built {store.meta.built}, digest {store.meta.digest[:12]}")


def print_counts(classes: Sequence[str], splits: "dict[str, Counts]") -> None:
    """Print the number of images and objects of each split, and the number of objects of each class."""
    print_table(
        ("", *splits),
        [
            ("images", *(f"{counts.images:,}" for counts in splits.values())),
            ("objects", *(f"{counts.objects:,}" for counts in splits.values())),
        ],
        [(name, *(f"{counts.per_class[name]:,}" for counts in splits.values())) for name in classes],
        most=MOST_CLASSES,
    )


def stores_json(stores: "Sequence[Store]") -> dict[str, Any]:
    """The metadata of a dataset's stores as a dictionary that can be written as JSON."""
    return {"name": stores[0].meta.name, "splits": {store.meta.split: asdict(store.meta) for store in stores}}


def print_record(record: "Record", meta: "Meta") -> None:
    """Print the objects of one image as a table."""
    rows = [
        (
            row["id"],
            row["name"],
            ", ".join(f"{value:g}" for value in row["box"]),
            ", ".join(flag for flag in FLAGS if row[flag]),
        )
        for row in record_json(record, meta)["objects"]
    ]
    title = f"{meta.name}/{meta.split} {record.id}: {record.width}x{record.height}"
    print_table(("object", "class", "box", "flags"), rows, right=(), title=title)


def record_json(record: "Record", meta: "Meta") -> dict[str, Any]:
    """A record as a dictionary that can be written as JSON. The bytes of the image are left out."""
    objects = record.objects
    return {
        "id": record.id,
        "split": meta.split,
        "source": record.source,
        "size": {"width": record.width, "height": record.height},
        "image_bytes": len(record.image),
        "objects": [
            {
                "id": objects.ids[i],
                "name": meta.classes[objects.labels[i]],
                "label": int(objects.labels[i]),
                "box": [round(float(value), 3) for value in objects.boxes[i]],
                **{flag: bool(getattr(objects, flag)[i]) for flag in FLAGS},
                "area": round(float(objects.area[i]), 3),
            }
            for i in range(len(objects))
        ],
        "extra": record.extra,
    }


SPREADS = {
    "width": "width",
    "height": "height",
    "objects_per_image": "objects per image",
    "side": "box side / image side",
    "aspect": "box width / height",
}
"""Row titles of the statistics printed as quantiles. The keys are fields of :class:`multibox.data.stats.Stats`."""


def print_stats(stats: "dict[str, Stats]") -> None:
    """Print the statistics of each split of a dataset."""
    print_table(("", *stats), _count_rows(stats))
    print_table(("objects", *stats), _class_rows(stats), most=MOST_CLASSES)
    rows = [
        (f"{split}, {title}", *(f"{value:g}" for value in getattr(figures, field)))
        for split, figures in stats.items()
        for field, title in SPREADS.items()
    ]
    print_table(("", "minimum", "10%", "median", "90%", "maximum"), rows)


def _count_rows(stats: "dict[str, Stats]") -> list[Row]:
    splits = list(stats.values())
    rows: list[Row] = [(name, *(f"{getattr(split, name):,}" for split in splits)) for name in ("images", "objects")]
    rows.append(("images without objects", *(f"{split.empty:,}" for split in splits)))
    rows += [(f"{name} objects", *(f"{split.sizes[name]:,}" for split in splits)) for name in splits[0].sizes]
    return rows + [(flag, *(f"{split.flags[flag]:,}" for split in splits)) for flag in FLAGS]


def _class_rows(stats: "dict[str, Stats]") -> list[Row]:
    classes = next(iter(stats.values())).per_class
    return [
        (name, *(f"{split.per_class[name]:,} in {split.images_per_class[name]:,}" for split in stats.values()))
        for name in classes
    ]
