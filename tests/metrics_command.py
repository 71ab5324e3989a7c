"""The command that measures, as tests start it in this process."""

import json
import os

from click.testing import CliRunner

import run_metrics


def invoke(*args):
    """Runs the command on the CPU; returns click's result."""
    return CliRunner(mix_stderr=False).invoke(run_metrics.main, list(args) + ['--device', 'cpu'])


def results(run_dir):
    """The records in the metrics file of a run."""
    with open(os.path.join(run_dir, 'metrics.jsonl')) as file:
        return [json.loads(line) for line in file]


def refused(outcome, status):
    """What the command printed when it refused something with an exit status."""
    assert outcome.exit_code == status and isinstance(outcome.exception, SystemExit), outcome.exception
    return outcome.stderr
