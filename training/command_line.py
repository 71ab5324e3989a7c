"""What the command line of training has because a launcher may start it in several processes, on several machines."""

import click

from dnnlib.download.published import NetworkSource
from dnnlib.processes import CHIEF, launched, usage_errors_told_once
from dnnlib.verb import Verb


class VerbOfAll(Verb):
    """A command that a launcher may start in several processes."""

    def parse_args(self, ctx, args):
        with usage_errors_told_once():
            return super().parse_args(ctx, args)


def is_chief():
    """Whether this process is the first one of those that train together, or the only one."""
    launch = launched()
    return launch is None or launch.rank == CHIEF


class NetworkOfChief(NetworkSource):
    """A network that other processes need not have, because the chief sends them the weights."""

    def convert(self, value, param, ctx):
        return super().convert(value, param, ctx) if is_chief() else value


class DatasetOfMachine(click.Path):
    """A dataset of this machine. Other processes than the chief say later that it is not there, when all are joined."""

    def convert(self, value, param, ctx):
        return super().convert(value, param, ctx) if is_chief() else value
