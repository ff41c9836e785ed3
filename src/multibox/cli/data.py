"""The commands that show a dataset: data info, stats, show."""

import json

import click

from multibox.cli.app import main
from multibox.errors import RunFailed


@main.group()
def data() -> None:
    """Build, look at and make datasets."""


@data.command("info")
@click.argument("name", metavar="NAME[/SPLIT]")
@click.option("--record", "record_id", default=None, help="The id of an image: show what is known about it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def data_info(name: str, record_id: str | None, as_json: bool) -> None:
    """Show what a dataset holds, or one of its images."""
    from multibox.data import describe

    stores = describe.open_stores(name)
    if record_id is None:
        if as_json:
            click.echo(json.dumps(describe.stores_json(stores)))
        else:
            describe.print_stores(stores)
        return
    store, record = describe.find_record(stores, record_id)
    if as_json:
        click.echo(json.dumps(describe.record_json(record, store.meta)))
    else:
        describe.print_record(record, store.meta)


@data.command("stats")
@click.argument("name", metavar="NAME[/SPLIT]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def data_stats(name: str, as_json: bool) -> None:
    """Count what a dataset holds: objects by class and size, sizes of images, flags."""
    from multibox.data.describe import open_stores
    from multibox.data.stats import measure_store, print_stats

    stats = {store.meta.split: measure_store(store) for store in open_stores(name)}
    if as_json:
        click.echo(json.dumps({split: figures.to_json() for split, figures in stats.items()}))
    else:
        print_stats(stats)


@data.command("show")
@click.argument("name", metavar="NAME[/SPLIT]")
@click.argument("overrides", nargs=-1, metavar="[FIELD=VALUE]...")
@click.option("--config", "source", default="ssdlite-efficientnet", show_default=True, help="A preset, or a YAML file.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0), help="The same seed draws the same.")
@click.option("--count", default=12, show_default=True, type=click.IntRange(min=1), help="Of examples.")
@click.option("--out", default="examples.png", show_default=True, type=click.Path(dir_okay=False), metavar="FILE")
@click.option("--window", is_flag=True, help="Open the picture with the system's viewer.")
def data_show(
    name: str, overrides: tuple[str, ...], source: str, seed: int, count: int, out: str, window: bool
) -> None:
    """Draw training examples: augmented, with objects, matched priors and labels."""
    from multibox.config import load_config
    from multibox.data.describe import open_stores
    from multibox.draw import save_png, show_examples
    from multibox.models.maps import feature_maps
    from multibox.priors import make_priors

    store, config = open_stores(name)[0], load_config(source, overrides)
    priors_rel = make_priors(feature_maps(config.network), config.priors, config.network.size)
    save_png(out, show_examples(store, store.meta.classes, priors_rel, config, seed=seed, count=count))
    click.echo(f"{out}: {store.meta.name}/{store.meta.split}; (n) counts the priors that answer for an object")
    if window and click.launch(out) != 0:
        raise RunFailed(f"{out}: written, but the system has no viewer for it; open it yourself")
