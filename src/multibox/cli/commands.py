"""Commands whose errors are one line, in which a wrong parameter goes by the option's name."""

import sys
from typing import Any

import click

from multibox.errors import BadInput, RunFailed, Stopped


class Command(click.Command):
    """A command that names the option, as in ``--nms-iou``, where its function reports the parameter ``nms_iou``."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command's function."""
        try:
            return super().invoke(ctx)
        except BadInput as error:
            error.field = option_name(ctx.command, error.field)
            raise


class Commands(click.Group):
    """A group whose commands end bad input with one line and code 2, and failed runs with one line and code 1."""

    command_class = Command
    group_class = type

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run a command."""
        try:
            return super().main(*args, **kwargs)
        except BadInput as error:
            _stop(error, 2)
        except Stopped as error:
            _stop(error, 128 + error.signal)
        except (RunFailed, OSError) as error:  # OSError names the file: no space left, permission denied
            _stop(error, 1)


def option_name(command: click.Command, field: str) -> str:
    """The option that sets a parameter, such as ``--nms-iou``; a field that is no option's stays as it is."""
    for parameter in command.params:
        for option in parameter.opts if isinstance(parameter, click.Option) else ():
            if field in (parameter.name, option.removeprefix("--").replace("-", "_")):
                return option
    return field


def _stop(error: Exception, code: int) -> None:
    click.echo(f"multibox: {error}", err=True)
    sys.exit(code)
