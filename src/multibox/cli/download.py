"""The commands that download what others publish: data get, model list, model get."""

import json
from pathlib import Path

import click

from multibox.cli.app import main
from multibox.cli.data import data


@data.command("get")
@click.argument("name", metavar="voc2007|voc2012|coco2017|coco2017-val|bccd")
@click.option("--out", default=None, metavar="FOLDER", help="Else downloads/NAME in the folder of all stores.")
def data_get(name: str, out: str | None) -> None:
    """Download a published dataset; run it again to go on after a break."""
    from multibox.download.datasets import download_folder, find_dataset, get_dataset
    from multibox.download.describe import transfer_bars, unchecked

    dataset = find_dataset(name)
    folder = Path(out) if out is not None else download_folder(dataset)
    with transfer_bars() as progress:
        get_dataset(dataset, folder, progress=progress)
    for line in unchecked(archive.file for archive in dataset.archives):
        click.echo(line)
    click.echo(f"{folder}: {name}; licence: {dataset.licence}")
    click.echo(f"build its stores with: {dataset.build_command(folder)}")


@main.group("model")
def published() -> None:
    """List and download weights that others have published."""


@published.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print the table as JSON, with the URLs and checksums.")
def model_list(as_json: bool) -> None:
    """Show what can be downloaded."""
    from multibox.download.describe import model_json, print_models
    from multibox.download.models import MODELS

    if as_json:
        click.echo(json.dumps([model_json(model) for model in MODELS.values()]))
    else:
        print_models(MODELS.values())


@published.command("get")
@click.argument("name")
@click.option("--out", default=None, metavar="FOLDER", help="Else models/NAME.")
def model_get(name: str, out: str | None) -> None:
    """Download weights by their name in the list; run it again to go on after a break."""
    from multibox.download.describe import transfer_bars, unchecked
    from multibox.download.models import find_model, get_model

    model = find_model(name)
    folder = Path(out) if out is not None else Path("models") / name
    with transfer_bars() as progress:
        path = get_model(model, folder, progress=progress)
    for line in unchecked([model.file]):
        click.echo(line)
    click.echo(f"{path}; licence: {model.licence}")
    click.echo(f"make a model of it with: {model.import_command(path)}")
