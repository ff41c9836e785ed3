import inspect

import multibox


def test_train_shows_help_and_completion_what_it_takes():
    """The public name is the function itself, though its module, and Keras, are imported at its first use."""
    parameters = ["data", "config", "overrides", "name", "minutes", "on_bad", "progress", "on_build"]
    assert [*inspect.signature(multibox.train).parameters] == parameters
    assert inspect.getdoc(multibox.train).startswith("Train a detector.")
