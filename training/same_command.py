"""Which run a command means: runs are told apart by the end of their names, and by their options."""

import dataclasses
import os
import shlex
from typing import NamedTuple, Optional

from dnnlib.errors import UserError
from dnnlib.run_dir import OPTIONS_FILE, description_of, find_runs, read_options
from training.checkpoint import load_counters
from training.options import TrainingOptions, as_stored
from training.resume import CHANGEABLE, as_flag_value, by_side, stored_options
from training.run_state import is_finished

# Options in which a run may differ from the command that means it: those that --resume can change.
_MAY_DIFFER = {*CHANGEABLE} - {'data'}


class FoundRun(NamedTuple):
    """A run directory."""

    run_dir: str
    options: TrainingOptions
    counters: Optional[dict]  # of its newest state; None: it was stopped while its graph was built

    @property
    def is_finished(self):
        """Whether the run has reached its end."""
        return self.counters is not None and is_finished(self.counters, self.options.total_kimg)

    @property
    def kimg(self):
        """Thousands of reals shown so far."""
        return 0.0 if self.counters is None else self.counters['cur_nimg'] / 1000


def find_run(results_dir, description, options):
    """The newest run that a command started, or None.

    Args:
        results_dir: Folder of the runs.
        description: End of the name of the run directory.
        options: `TrainingOptions` of the command.

    Returns:
        A `FoundRun`, or None.

    Raises:
        UserError: The options or all states of a run with this description are damaged.
    """
    wanted = _comparable(dataclasses.asdict(options))
    for run_dir in _runs_of(results_dir, description):
        stored = read_options(run_dir)
        if _comparable(_completed(stored)) == wanted:
            return FoundRun(run_dir, options, load_counters(run_dir))
    return None


def remark_on_finished(found, flags):
    """The sentence for a command whose run has reached its end; `flags`: dict of field to the flag that sets it."""
    return (
        f'{found.run_dir} has finished these options; --resume {shlex.quote(found.run_dir)} {flags["total_kimg"]} N '
        'goes on with it to kimg N, --new-run starts anew.'
    )


def remark_on_similar(results_dir, description, options, flags):
    """A sentence about the newest run that --resume could take to the end of a command that starts a new run.

    Args:
        results_dir, description, options: As for `find_run`.
        flags: Dict of field to the flag that sets it.

    Returns:
        The sentence; None if there is no such run.
    """
    wanted = _comparable(dataclasses.asdict(options), _MAY_DIFFER)
    for run_dir in _runs_of(results_dir, description):
        try:
            stored = read_options(run_dir)
            if _comparable(_completed(stored), _MAY_DIFFER) != wanted:
                continue
            found = FoundRun(run_dir, stored_options(run_dir, stored), load_counters(run_dir))
        except UserError:  # a damaged run is none to go on with
            continue
        if 0 < found.kimg < options.total_kimg:
            return _remark(found, options, flags)
    return None


def _remark(found, options, flags):
    pairs = {name: (by_side(found.options, name), by_side(options, name)) for name in flags if name in _MAY_DIFFER}
    pairs = {name: (theirs, ours) for name, (theirs, ours) in pairs.items() if theirs != ours}
    theirs = ' '.join(_as_flag(flags[name], value) for name, (value, _) in pairs.items())
    ours = ' '.join(_as_flag(flags[name], value) for name, (_, value) in pairs.items() if value is not None)
    where = 'has finished these options' if found.is_finished else f'has trained {found.kimg:.1f} kimg of these options'
    resume = f'--resume {shlex.quote(found.run_dir)} {ours}'.rstrip()
    return f'{found.run_dir} {where} with {theirs}; {resume} goes on with it. This command starts a new run.'


def _as_flag(flag, value):
    if value is None:
        return f'no {flag}'
    if isinstance(value, list):
        value = 'x'.join(map(str, value)) if flag == '--grid' else ','.join(value) or 'none'
    return f'{flag} {shlex.quote(as_flag_value(value))}'


def _runs_of(results_dir, description):
    """The run directories with a description and options, newest first."""
    return [
        run_dir
        for run_dir in reversed(find_runs(results_dir))
        if description_of(run_dir) == description and os.path.exists(os.path.join(run_dir, OPTIONS_FILE))
    ]


def _completed(stored):
    """Options of a run with the defaults of fields that an earlier version did not have."""
    return {**{name: value for name, value in _DEFAULTS.items() if name not in stored}, **stored}


_DEFAULTS = dataclasses.asdict(TrainingOptions(data=''))


def _comparable(options, left_out=()):
    """Options in the form in which options.json gives them back, without those that do not count."""
    return {name: value for name, value in as_stored(options).items() if name not in {*left_out, 'changes'}}
