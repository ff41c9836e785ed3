"""The command line. Each module defines a group of commands, with their options and their printed output."""

from multibox.cli import (  # noqa: F401
    bench,
    data,
    data_check,
    data_compose,
    data_label,
    data_make,
    data_suspects,
    download,
    evaluate,
    evaluate_tracks,
    models,
    predict,
    serve,
    track,
    train,
)
from multibox.cli.app import main as main
