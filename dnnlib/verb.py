"""What all commands share: they keep TensorFlow quiet, and Ctrl-C ends them in one sentence with exit status 130.

A command imports this module before any other of the project, so that Ctrl-C during its imports shows no traceback.
"""

import signal
import sys
from typing import Any

import click

import dnnlib.quiet  # noqa: F401

STATUS = 128 + signal.SIGINT  # 130, as shells have it
SENTENCE = 'Stopped by Ctrl-C. What is on disk is whole: give the same command again.'


def _print_anything(*streams):
    """Lets streams escape what their encoding cannot hold: names of files need not be UTF-8, nor is every terminal."""
    for stream in streams:
        if hasattr(stream, 'reconfigure'):
            stream.reconfigure(errors='backslashreplace')


_print_anything(sys.stdout, sys.stderr)


class Verb(click.Command):
    """A command that Ctrl-C ends in one sentence: `@click.command(cls=Verb)`."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo(SENTENCE, err=True)
            return ctx.exit(STATUS)


def _end_imports(kind, error, traceback, show=sys.excepthook):
    if not issubclass(kind, KeyboardInterrupt):
        show(kind, error, traceback)
        return
    click.echo(SENTENCE, err=True)
    sys.exit(STATUS)


sys.excepthook = _end_imports  # Python calls it for errors that nobody has caught, as during the imports of a command
