"""The command ``serve``, which runs the HTTP server."""

from typing import Any

import click

from multibox.cli.app import main
from multibox.cli.commands import as_options
from multibox.cli.options import Range, detection_options, place_options, runtime_options
from multibox.models.shipped import NAME


@main.command("serve")
@click.argument("model", type=click.Path(), default=NAME, metavar="[MODEL]")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on. With 0.0.0.0, any machine can send requests, so set --token too.",
)
@click.option(
    "--port",
    default=8000,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port to listen on. 0 chooses a free port.",
)
@click.option(
    "--token",
    default=None,
    envvar="MULTIBOX_TOKEN",
    help="Secret that every request must contain. Default: $MULTIBOX_TOKEN, else no secret is required.",
)
@click.option(
    "--data",
    "names",
    multiple=True,
    metavar="NAME/SPLIT",
    help="Dataset to browse on the server's page. Can be repeated.",
)
@click.option(
    "--detections",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="File of detections written by multibox eval --save-detections. The page shows their mistakes.",
)
@click.option(
    "--batch", default=8, show_default=True, type=click.IntRange(min=1), help="Largest number of images in a batch."
)
@click.option(
    "--queue",
    default=64,
    show_default=True,
    type=click.IntRange(min=1),
    help="Largest number of images that wait or are processed at a time.",
)
@click.option(
    "--timeout", default=60.0, show_default=True, type=Range(0.1, 86_400), help="Longest time of a request in seconds."
)
@click.option(
    "--max-bytes",
    default=32 << 20,
    show_default=True,
    type=click.IntRange(min=1),
    help="Largest size of a request in bytes.",
)
@click.option(
    "--max-pixels",
    default=50_000_000,
    show_default=True,
    type=click.IntRange(1, 150_000_000),
    help="Largest number of pixels of an image (width times height).",
)
@click.option(
    "--max-images",
    default=16,
    show_default=True,
    type=click.IntRange(min=1),
    help="Largest number of images in a request.",
)
@click.option(
    "--cors-origin",
    "origins",
    multiple=True,
    metavar="ORIGIN",
    help="Another web site whose pages may send requests, such as https://example.org. Can be repeated.",
)
@place_options
@detection_options
@runtime_options
def serve_model(model: str, names: tuple[str, ...], detections: str | None, **options: Any) -> None:
    """Serve a detector over HTTP, with a page to try and understand it.

    Without MODEL, the bundled detector voc20 is served. It has the 20 classes of VOC.
    """
    from multibox.serve.opening import open_and_serve

    open_and_serve(model, names, detections, announce=lambda line: click.echo(as_options(serve_model, line)), **options)
