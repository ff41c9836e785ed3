"""The commands that download published datasets and weights: data get, model list, model get."""

import json
from collections.abc import Iterable
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from multibox.cli.app import main
from multibox.cli.commands import option_name
from multibox.cli.console import print_table, transfer_bars
from multibox.cli.data import data
from multibox.cli.data_make import data_build

if TYPE_CHECKING:
    from multibox.download.datasets import Dataset
    from multibox.download.fetch import RemoteFile
    from multibox.download.models import PublishedModel


@data.command("get")
@click.argument("name", metavar="voc2007|voc2012|coco2017|coco2017-val|bccd")
@click.option(
    "--out",
    default=None,
    metavar="FOLDER",
    help="Folder to download to. Default: downloads/NAME in the folder that holds all datasets.",
)
def data_get(name: str, out: str | None) -> None:
    """Download a published dataset. Run the command again to resume an interrupted download."""
    from multibox.download.datasets import download_folder, find_dataset, get_dataset

    dataset = find_dataset(name)
    folder = Path(out) if out is not None else download_folder(dataset)
    with transfer_bars() as progress:
        get_dataset(dataset, folder, progress=progress)
    for line in unchecked(archive.file for archive in dataset.archives):
        click.echo(line)
    click.echo(f"{folder}: {name}; licence: {dataset.licence}")
    click.echo(f"build the dataset with: {build_command(dataset, folder)}")


@main.group("model")
def published() -> None:
    """List and download published weights."""


@published.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON, including URLs and checksums.")
def model_list(as_json: bool) -> None:
    """List the weights that can be downloaded."""
    from multibox.download.models import MODELS

    if as_json:
        click.echo(json.dumps([model_json(model) for model in MODELS.values()]))
    else:
        print_models(MODELS.values())


@published.command("get")
@click.argument("name")
@click.option("--out", default=None, metavar="FOLDER", help="Folder to download to. Default: models/NAME.")
def model_get(name: str, out: str | None) -> None:
    """Download published weights. Run the command again to resume an interrupted download."""
    from multibox.download.models import find_model, get_model

    model = find_model(name)
    folder = Path(out) if out is not None else Path("models") / name
    with transfer_bars() as progress:
        path = get_model(model, folder, progress=progress)
    for line in unchecked([model.file]):
        click.echo(line)
    click.echo(f"{path}; licence: {model.licence}")
    click.echo(f"import the weights with: {import_command(model, path)}")


def build_command(dataset: "Dataset", folder: Path) -> str:
    """The shell command that builds the stores of a downloaded dataset."""
    options = {
        option_name(data_build, name): value if isinstance(value, str) else ",".join(value)
        for name, value in dataset.options.items()
    }
    written = " ".join(f"{option} {value}" for option, value in options.items())
    return f"multibox data build {quote(str(folder / dataset.source))} {written}"


def import_command(model: "PublishedModel", path: Path) -> str:
    """The shell command that imports downloaded weights into a model file."""
    return f"multibox import {quote(str(path))} --from {model.kind} --out {model.name}.keras"


def unchecked(files: "Iterable[RemoteFile]") -> list[str]:
    """A line to print for each downloaded file that has no published checksum."""
    against = {"size": "only the file's size was verified", "nothing": "the file could not be verified"}
    files = [file for file in files if file.check in against]
    return [f"{file.name}: its publisher gives no checksum; {against[file.check]}" for file in files]


def model_json(model: "PublishedModel") -> dict[str, Any]:
    """Published weights as a dictionary that can be written as JSON."""
    return {
        "name": model.name,
        "from": model.kind,
        "url": model.file.urls[0],
        "checksum": model.file.checksum or None,
        "size": model.file.size or None,
        "licence": model.licence,
        "score": model.score,
        "measure": model.measure or None,
    }


def print_models(models: "Iterable[PublishedModel]") -> None:
    """Print a table of the weights that can be downloaded."""
    rows = [
        (
            model.name,
            model.kind,
            f"{model.file.size / 1e6:,.0f}" if model.file.size else "?",
            model.file.check,
            model.licence,
            f"{model.score:g} {model.measure}" if model.score is not None else "a trunk alone",
        )
        for model in models
    ]
    headings = ("name", "--from", "MB", "checked by", "licence", "published score")
    print_table(headings, rows, right={2}, whole={0, 1})
