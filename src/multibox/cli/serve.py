"""The command serve."""

from typing import Any

import click

from multibox.cli.app import main
from multibox.cli.commands import as_options
from multibox.cli.options import Range, detection_options, runtime_options
from multibox.models.shipped import NAME


@main.command("serve")
@click.argument("model", type=click.Path(), default=NAME, metavar="[MODEL]")
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0: any machine may ask; then give --token.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="0: any that is free.")
@click.option("--token", default=None, envvar="MULTIBOX_TOKEN", help="What requests have to show; or MULTIBOX_TOKEN.")
@click.option("--data", "names", multiple=True, metavar="NAME/SPLIT", help="A dataset to look at; may be repeated.")
@click.option("--detections", type=click.Path(dir_okay=False), metavar="FILE", help="Of eval: shows its mistakes.")
@click.option("--batch", default=8, show_default=True, type=click.IntRange(min=1), help="Pictures run at once.")
@click.option("--queue", default=64, show_default=True, type=click.IntRange(min=1), help="Pictures that may wait.")
@click.option(
    "--timeout", default=60.0, show_default=True, type=Range(0.1, 86_400), help="Seconds that a request may take."
)
@click.option("--max-bytes", default=32 << 20, show_default=True, type=click.IntRange(min=1), help="Of a request.")
@click.option(
    "--max-pixels", default=50_000_000, show_default=True, type=click.IntRange(1, 150_000_000), help="Of a picture."
)
@click.option("--max-images", default=16, show_default=True, type=click.IntRange(min=1), help="Of a request.")
@click.option("--cors-origin", "origins", multiple=True, metavar="ORIGIN", help="Of other pages that may ask.")
@detection_options
@runtime_options
def serve_model(model: str, names: tuple[str, ...], detections: str | None, **options: Any) -> None:
    """Answer requests over HTTP, and show a page to try and understand the model with.

    Without a model, the detector that comes with multibox, which knows VOC's 20 classes.
    """
    from multibox.serve.opening import open_and_serve

    open_and_serve(model, names, detections, announce=lambda line: click.echo(as_options(serve_model, line)), **options)
