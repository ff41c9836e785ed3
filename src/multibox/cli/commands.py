"""Click commands that print errors in one line, with option names for parameter names, and print the library's log."""

import ast
import errno
import io
import logging
import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from multibox.errors import BadInput, RunFailed, Stopped

SETTING = re.compile(r"""(?<![^\s(])(\w+)=("[^"]*"|'[^']*'|[^\s,;)]*[^\s,;).])""")
"""Pattern of a parameter and its value in a message of the library, such as ``on_bad="skip"``."""

NEW_RUN = re.compile(r"""multibox\.train\(config="([^"]+)", overrides=(\[.*?\])\)""")

BAD_NAMES = frozenset({errno.ENAMETOOLONG, errno.ELOOP, errno.EISDIR, errno.ENOTDIR})
"""Error numbers of the operating system that mean an unusable file name, which is bad input and not a failed run."""

RESUME = re.compile(r"""multibox\.resume\(["']([^"']+)["']\)""")


class Command(click.Command):
    """A click command whose error messages name options where the library names parameters."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, and name options instead of parameters in its errors."""
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
    """A group of commands that prints errors in one line. Bad input exits with code 2, a failed run with code 1."""

    command_class = Command
    group_class = type

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run a command, and turn its errors into one line and an exit code."""
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")  # for names of files that are not Unicode text
        try:
            with _log_on_stderr():
                return super().main(*args, **kwargs)
        except BadInput as error:
            _stop(error, 2)
        except Stopped as error:
            _stop(error, 128 + error.signal)
        except OSError as error:  # it names the file: no space left, permission denied
            _stop(error, 2 if error.errno in BAD_NAMES else 1)
        except RunFailed as error:
            _stop(error, 1)


def given(ctx: click.Context) -> set[str]:
    """All strings among the values of a command's arguments and options."""
    values = (value if isinstance(value, tuple) else (value,) for value in ctx.params.values())
    return {text for value in values for text in value if isinstance(text, str)}


def option_name(command: click.Command, field: str) -> str:
    """The option that sets a parameter, such as ``--nms-iou`` for ``nms_iou``, or ``field`` if no option does."""
    option = _find_option(command, field)
    return option.opts[0] if option else field


def as_options(command: click.Command, text: str, *others: click.Command) -> str:
    """Rewrite Python calls and settings in a message as command line options, quoted for a shell where they need it.

    ``replace=True`` becomes ``--replace``, ``on_bad="skip"`` becomes ``--on-bad skip``, ``multibox.resume("demo")``
    becomes ``multibox train --resume demo``, and ``multibox.train(config="a.yaml", overrides=["train.lr=1"])`` becomes
    ``multibox train --config a.yaml train.lr=1``.

    Args:
        command: Command whose option names replace the parameter names.
        text: Message of the library, which names parameters.
        others: Further commands, whose option names replace those parameters that ``command`` does not have.
    """

    def rewritten(setting: re.Match[str]) -> str:
        options = (_find_option(each, setting[1]) for each in (command, *others))
        option = next(filter(None, options), None)
        if option is None:
            return setting[0]
        value = setting[2][1:-1] if setting[2][0] in "\"'" else setting[2]
        return option.opts[0] if option.is_flag else f"{option.opts[0]} {shlex.quote(value)}"

    def resume(call: re.Match[str]) -> str:
        return shlex.join(["multibox", "train", "--resume", call[1]])

    def new_run(call: re.Match[str]) -> str:
        return shlex.join(["multibox", "train", "--config", call[1], *ast.literal_eval(call[2])])

    return SETTING.sub(rewritten, RESUME.sub(resume, NEW_RUN.sub(new_run, text)))


def one_line(text: str) -> str:
    r"""A message whose unprintable characters, which names of files may hold, are written as ``\n`` or ``\x1b``."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def _find_option(command: click.Command, name: str) -> click.Option | None:
    """The option with this parameter name, or this name after the dashes. None if the command has no such option."""
    for parameter in command.params:
        names = (parameter.name, *(option.removeprefix("--").replace("-", "_") for option in parameter.opts))
        if isinstance(parameter, click.Option) and name in names:
            return parameter
    return None


class _Stderr(logging.Handler):
    """Logging handler that prints each message as a line on standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a log message on standard error. Warnings begin with ``warning:``."""
        prefix = "warning: " if record.levelno >= logging.WARNING else ""
        click.echo(one_line(prefix + _in_shell_words(record.getMessage())), err=True)


def _in_shell_words(text: str) -> str:
    """A message with the options of the command that runs, else with those of ``data build``."""
    context = click.get_current_context(silent=True)
    if context is None:
        return text
    root = context.find_root().command
    data = root.commands.get("data") if isinstance(root, click.Group) else None
    build = data.commands.get("build") if isinstance(data, click.Group) else None
    return as_options(context.command, text, *([build] if build else []))


@contextmanager
def _log_on_stderr() -> Iterator[None]:
    """Print the library's log messages of level INFO and above on standard error while the block lasts."""
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
    click.echo(one_line(f"multibox: {error}"), err=True)
    sys.exit(code)
