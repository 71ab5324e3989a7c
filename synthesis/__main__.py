"""The verbs of `python -m synthesis`."""

import importlib

import click

VERBS = ('generate', 'show', 'audit', 'calibrate', 'prune', 'study', 'directions')


class Verbs(click.Group):
    """Imports a verb only when it is named: each one stands on much that the others do not need."""

    def list_commands(self, ctx):
        """Names of the verbs, in the order in which they are used."""
        return list(VERBS)

    def get_command(self, ctx, cmd_name):
        """The verb of this name; None if there is none."""
        if cmd_name not in VERBS:
            return None
        return getattr(importlib.import_module(f'synthesis.{cmd_name}_verb'), cmd_name)


@click.group(cls=Verbs)
def main():
    """Make large, labelled sets of synthetic faces with a trained network, and find out what they show."""


if __name__ == '__main__':
    main(prog_name='python -m synthesis')
