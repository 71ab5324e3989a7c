"""The command that trains, as tests start it: in this process, or in one of its own."""

import contextlib
import json
import pathlib
import shlex
import subprocess
import sys
from unittest import mock

import tensorflow.compat.v1 as tf
from click.testing import CliRunner

from tests.sessions import close_open_sessions
from train import main

ROOT = pathlib.Path(__file__).parents[1]
NAME = '00000-toy-8-paper-1gpu'  # of the first run on a dataset in a folder `toy`
TINY = shlex.split(
    '--latent-size 8 --mapping-layers 2 --fmap-base 32 --fmap-max 8 --minibatch 8 --initial-resolution 4 '
    '--phase-kimg 0.064 --fade-kimg 0.064 --kimg 0.256 --tick-kimg 0.064 --snapshot-ticks 2 --metrics none '
    '--grid 3x2 --device cpu'
)


def run_here(built_steps, args):
    """Runs `train.py` in this process, with a step that `built_steps` has; returns click's result."""
    with tf.Graph().as_default(), contextlib.ExitStack() as stack:
        stack.callback(close_open_sessions)
        make_step = stack.enter_context(built_steps.in_use())
        stack.enter_context(mock.patch('training.loop.TrainingStep', make_step))
        return CliRunner().invoke(main, [str(arg) for arg in args], catch_exceptions=False)


def start_process(*args, **kwargs):
    """Starts `train.py`; output and errors go to the process's stdout."""
    return subprocess.Popen(
        [sys.executable, 'train.py', *map(str, args)],
        cwd=str(ROOT),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
        **kwargs,
    )


def read_lines(path):
    """The objects of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text().splitlines()]
