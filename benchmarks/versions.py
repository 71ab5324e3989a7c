"""Two versions of this project side by side: each runs a program in a process of its own, and they take turns."""

import json
import math
import os
import pathlib
import subprocess
import sys

import click

ROOT = pathlib.Path(__file__).parents[1]

# Comes before a program, which sets `measured(line)`: what is timed for a line of text.
SETTINGS = 'import dnnlib.quiet, json, sys\nsettings = json.loads(sys.argv[1])\n'
LOOP = """
import os, time
print('ready', flush=True)
for line in sys.stdin:
    clock, cpu = time.monotonic(), sum(os.times()[:2])
    measured(line.strip())
    print(json.dumps([time.monotonic() - clock, sum(os.times()[:2]) - cpu]), flush=True)
"""


def against_flag(command):
    """The flag `--against`, the folder of another version."""
    return click.option('--against', type=click.Path(exists=True, file_okay=False), help='Folder of another version.')(
        command
    )


def shortest_times(program, settings, against, lines, rounds):
    """Times a program with this version, and in turns with another one.

    Args:
        program: Python text that uses only what both versions have, and sets `measured`. It finds `settings`.
        settings: A JSON value.
        against: Folder of the other version, or None.
        lines: The arguments of `measured`, one after the other.
        rounds: Times that each is measured; an earlier round warms up.

    Yields:
        (line, {'here': [seconds, CPU seconds], 'there': likewise}), the shortest ones of all rounds.
    """
    folders = {'here': ROOT, **({'there': pathlib.Path(against)} if against else {})}
    processes = {name: _Process(folder, SETTINGS + program + LOOP, settings) for name, folder in folders.items()}
    for line in lines:
        best = {name: [math.inf, math.inf] for name in processes}
        for number in range(rounds + 1):
            for name, process in processes.items():
                times = process.times(line)
                if number:
                    best[name] = [min(pair) for pair in zip(best[name], times)]
        yield line, best


def comparison(best):
    """'there : here, time 1.20, CPU time 1.30' for what `shortest_times` yields."""
    clock, cpu = (there / here for there, here in zip(best['there'], best['here']))
    return f'there : here, time {clock:.2f}, CPU time {cpu:.2f}'


class _Process:
    def __init__(self, folder, program, settings):
        self._process = subprocess.Popen(
            [sys.executable, '-c', program, json.dumps(settings)],
            cwd=str(folder),
            env={**os.environ, 'PYTHONPATH': str(folder.resolve()), 'CUDA_VISIBLE_DEVICES': ''},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            universal_newlines=True,
        )
        while self._line() != 'ready':
            pass

    def times(self, line):
        """Wall-clock seconds and CPU seconds."""
        self._process.stdin.write(f'{line}\n')
        self._process.stdin.flush()
        return json.loads(self._line())

    def _line(self):
        line = self._process.stdout.readline()
        if not line:
            raise click.ClickException('A process that is measured has ended; it says why above.')
        return line.strip()
