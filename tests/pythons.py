"""Programs run by other Pythons, each with packages of its own."""

import os
import pathlib
import subprocess

import click

ROOT = pathlib.Path(__file__).parents[1]


def run_python(python, *args):
    """What a program prints; a `click.ClickException` with all it said if it fails.

    Args:
        python: Path of the interpreter, in a virtual environment perhaps.
        *args: Its arguments; it runs in the project's folder.
    """
    # Not resolved: a virtual environment is known by the path its Python is called by.
    done = subprocess.run([os.path.abspath(python), *args], cwd=str(ROOT), capture_output=True, text=True)
    if done.returncode:
        raise click.ClickException(f'{python} {" ".join(args)} failed:\n{done.stdout}{done.stderr}')
    return done.stdout


def tensorflow_of(python):
    """The TensorFlow of a Python, as in 'TF 1.15.0'."""
    code = 'import dnnlib.quiet, tensorflow; print("TF", tensorflow.__version__)'
    return run_python(python, '-c', code).strip()
