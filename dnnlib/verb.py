"""What all commands share: they keep TensorFlow quiet, take no empty text, and Ctrl-C ends them in one sentence (130).

A command imports this module before any other of the project, so that Ctrl-C during its imports shows no traceback.
"""

import re
import signal
import sys
from typing import Any, List

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
    """A command that Ctrl-C ends in one sentence, and that takes no empty text: `@click.command(cls=Verb)`."""

    def parse_args(self, ctx: click.Context, args: List[str]) -> List[str]:
        """Parses the command line. Raises `click.UsageError` if an argument is empty."""
        for before, text in zip(['', *args], args):
            name = text[:-1] if re.fullmatch(r'--[\w-]+=', text) else before
            if not text or name != before:
                where = f'what follows {name}' if name else 'the first argument'
                raise click.UsageError(f'{where} is empty, as where a shell variable is not set: give a value.', ctx)
        return super().parse_args(ctx, args)

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
