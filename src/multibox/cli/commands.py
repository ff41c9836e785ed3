"""Commands whose errors are one line, in the words of the shell, and which show what the library logs."""

import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from multibox.errors import BadInput, RunFailed, Stopped

SETTING = re.compile(r"""(?<![^\s(])(\w+)=("[^"]*"|'[^']*'|[^\s,;)]*[^\s,;).])""")
"""A parameter with its value, as the library's messages write it: ``on_bad="skip"``."""

RESUME = re.compile(r"""multibox\.resume\(["']([^"']+)["']\)""")


class Command(click.Command):
    """A command whose errors name its options where the library names parameters."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command's function."""
        try:
            return super().invoke(ctx)
        except BadInput as error:
            if error.field not in given(ctx):  # a file may be called as an option is
                error.field = option_name(ctx.command, error.field)
            error.message = as_options(ctx.command, error.message)
            raise
        except (RunFailed, Stopped) as error:
            error.args = (as_options(ctx.command, str(error)),)
            raise


class Commands(click.Group):
    """A group whose commands end bad input with one line and code 2, and failed runs with one line and code 1."""

    command_class = Command
    group_class = type

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run a command."""
        try:
            with _log_on_stderr():
                return super().main(*args, **kwargs)
        except BadInput as error:
            _stop(error, 2)
        except Stopped as error:
            _stop(error, 128 + error.signal)
        except (RunFailed, OSError) as error:  # OSError names the file: no space left, permission denied
            _stop(error, 1)


def given(ctx: click.Context) -> set[str]:
    """The texts that the user gave as values."""
    values = (value if isinstance(value, tuple) else (value,) for value in ctx.params.values())
    return {text for value in values for text in value if isinstance(text, str)}


def option_name(command: click.Command, field: str) -> str:
    """The option that sets a parameter, such as ``--nms-iou`` for ``nms_iou``. Other fields stay as they are."""
    option = _find_option(command, field)
    return option.opts[0] if option else field


def as_options(command: click.Command, text: str) -> str:
    """Rewrite a text of the library for the shell.

    ``replace=True`` becomes ``--replace``, ``on_bad="skip"`` becomes ``--on-bad skip``, and ``multibox.resume("demo")``
    becomes ``multibox train --resume demo``.

    Args:
        command: The command whose options are named.
        text: The text.
    """

    def rewritten(setting: re.Match[str]) -> str:
        option = _find_option(command, setting[1])
        if option is None:
            return setting[0]
        value = setting[2].strip("\"'")
        return option.opts[0] if option.is_flag else f"{option.opts[0]} {value}"

    return SETTING.sub(rewritten, RESUME.sub(r"multibox train --resume \1", text))


def _find_option(command: click.Command, name: str) -> click.Option | None:
    """The option of a name, which is that of its parameter here or, where the library's differs, its own."""
    for parameter in command.params:
        names = (parameter.name, *(option.removeprefix("--").replace("-", "_") for option in parameter.opts))
        if isinstance(parameter, click.Option) and name in names:
            return parameter
    return None


class _Stderr(logging.Handler):
    """Prints each message as a line of standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a message."""
        prefix = "warning: " if record.levelno >= logging.WARNING else ""
        click.echo(prefix + _in_shell_words(record.getMessage()), err=True)


def _in_shell_words(text: str) -> str:
    """A message with the options of the command that runs, else with those of ``data build``."""
    context = click.get_current_context(silent=True)
    if context is None:
        return text
    root = context.find_root().command
    data = root.commands.get("data") if isinstance(root, click.Group) else None
    build = data.commands.get("build") if isinstance(data, click.Group) else None
    for command in (context.command, build):
        text = as_options(command, text) if command is not None else text
    return text


@contextmanager
def _log_on_stderr() -> Iterator[None]:
    """Show what the library logs, from level INFO on."""
    log, handler = logging.getLogger("multibox"), _Stderr()
    level, propagate = log.level, log.propagate
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False  # A handler of another package would show each message again.
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
        log.propagate = propagate


def _stop(error: Exception, code: int) -> None:
    click.echo(f"multibox: {error}", err=True)
    sys.exit(code)
