"""Folders that appear whole or not at all. If a process that makes one is killed, the next one goes on from there."""

import contextlib
import json
import os
import shutil
from typing import Any, Dict, Iterator

from dnnlib.errors import UserError, disk_errors
from dnnlib.files import atomic_write, fsync_folder, remove_leftovers, still_has_name, try_lock

PLAN, LOCK, FINISHED = 'plan.json', 'lock', 'finished.json'
CONTENT, PARTS, REPLACED = 'content', 'parts', 'replaced'  # folders


def unfinished_path(target: str) -> str:
    """The work folder in which `target` is made: beside it or, if it is a link, beside the folder it leads to."""
    parent, name = os.path.split(os.path.realpath(target))
    return os.path.join(parent, f'.{name}.unfinished')


def is_finished(target: str) -> bool:
    """Whether an earlier run completed everything in `target` and was killed while it cleaned up."""
    return os.path.exists(os.path.join(unfinished_path(target), FINISHED))


def check_writable(target: str) -> None:
    """Raises UserError if `unfinished_folder` could not make `target`, as in a folder that is only read."""
    parent = os.path.dirname(os.path.realpath(target))
    while not os.path.lexists(parent):
        parent = os.path.dirname(parent)
    if not (os.path.isdir(parent) and os.access(parent, os.W_OK | os.X_OK)):
        raise UserError(f'{target} cannot be made, because nothing can be written in {parent}: choose another folder.')


def differences(found: Dict[str, Any], plan: Dict[str, Any]) -> str:
    """Names what differs between two plans, with short values: '--seed was 0 and is 1; the list has changed'."""
    told = []
    for name in sorted(name for name in {*found, *plan} if found.get(name) != plan.get(name)):
        before, now = str(found.get(name)), str(plan.get(name))
        is_short = len(before) < 40 and len(now) < 40
        told.append(f'{name} was {before} and is {now}' if is_short else f'{name} has changed')
    return '; '.join(told)


@contextlib.contextmanager
def unfinished_folder(
    target: str, plan: Dict[str, Any], ending: Dict[str, Any], replace: bool = False, restart: bool = False
) -> Iterator['Unfinished']:
    """Makes a folder in a work folder, `unfinished_path`, that stays if the process is killed.

    Args:
        target: Folder to make. Missing parents are made too.
        plan: Dict of all that the finished parts depend on: JSON values, by names that a user knows. A work folder with
            another plan is refused.
        ending: Dict of what only the steps after the parts depend on. It may change from run to run.
        replace: Whether an existing `target` is replaced; that happens at the very end.
        restart: Whether an existing work folder is emptied first.

    Yields:
        `Unfinished`. When the block raises, Ctrl-C included, an existing `target` is left as it was. The work folder
        stays if it has finished parts; else it is removed, with the parents that were made for it.

    Raises:
        UserError: The target exists and may not be replaced, another process is making it, the work folder has another
            plan, or the disk refuses the data.
    """
    target = os.path.realpath(target)  # a link to a folder on a larger disk stays a link
    path = unfinished_path(target)
    with disk_errors('read or written', target, 'or choose another folder'), _parents_of(target), _locked(path, target):
        work = Unfinished(path, target, plan, ending, replace)
        try:
            work.open(restart)
            yield work
        finally:
            work.leave()


class Unfinished:
    """A work folder.

    Attributes:
        path: The work folder.
        parts: Folder in it for files that later runs go on from.
        content: Folder in it that becomes the target; `begin_content` makes it, empty.
        result: The argument of `complete`, if this run, or an earlier one with the same plan and ending, has called it;
            else None.
    """

    def __init__(self, path: str, target: str, plan: Dict[str, Any], ending: Dict[str, Any], replace: bool) -> None:
        self.path = path
        self.parts, self.content = os.path.join(path, PARTS), os.path.join(path, CONTENT)
        self.result = None
        self._target, self._plan, self._ending, self._replace = target, plan, ending, replace
        self._owned = False  # whether the work folder has our plan

    def open(self, restart: bool) -> None:
        """Goes on with the work folder that is there, or begins a new one. See `unfinished_folder`."""
        finished = _read_json(os.path.join(self.path, FINISHED))
        replaced = os.path.join(self.path, REPLACED)
        if os.path.isdir(replaced) and not os.path.lexists(self._target):
            os.rename(replaced, self._target)  # killed between two renames
        if finished is not None and not os.path.isdir(self.content):
            if [finished['plan'], finished['ending']] == [self._plan, self._ending]:
                self.result = finished['result']
                return
            restart = True  # nothing is lost: the content has become the target
        if os.path.lexists(self._target) and not self._replace:
            raise UserError(f'{self._target} exists already: choose another name.')
        found = _read_json(os.path.join(self.path, PLAN))
        if restart or found is None:
            _empty(self.path)
            with atomic_write(os.path.join(self.path, PLAN), 'w') as file:
                json.dump(self._plan, file)
        elif found != self._plan:
            raise UserError(
                f'{self.path} holds an unfinished run with other options or images '
                f'({differences(found, self._plan)}): give the same ones to go on with it, or --restart to begin anew.'
            )
        self._owned = True
        os.makedirs(self.parts, exist_ok=True)
        remove_leftovers(self.parts)

    def begin_content(self) -> str:
        """Makes the folder `content`, empty. Returns its path."""
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(self.path, FINISHED))
        if os.path.isdir(self.content):
            shutil.rmtree(self.content)
        os.mkdir(self.content)  # with the permissions of any new folder; tempfile would make it private
        return self.content

    def complete(self, result: Any) -> None:
        """Moves the content to the target. Later runs find `result`, a JSON value, as their `result`."""
        _fsync_files(self.content)
        with atomic_write(os.path.join(self.path, FINISHED), 'w') as file:
            json.dump({'plan': self._plan, 'ending': self._ending, 'result': result}, file)
        _move(self.content, self._target, self._replace, os.path.join(self.path, REPLACED))
        self.result = result

    def discard(self) -> None:
        """Drops the finished parts, so that `leave` removes the work folder."""
        shutil.rmtree(self.parts)

    def leave(self) -> None:
        """Removes what nobody needs any more."""
        if self.result is not None:
            _empty(self.path, last=FINISHED)
        elif self._owned and not (os.path.isdir(self.parts) and os.listdir(self.parts)):
            _empty(self.path)
        if os.listdir(self.path) == [LOCK]:
            os.remove(os.path.join(self.path, LOCK))
            with contextlib.suppress(OSError):  # the next process has begun in it
                os.rmdir(self.path)


@contextlib.contextmanager
def _locked(path, target):
    while True:
        os.makedirs(path, exist_ok=True)
        try:
            file = open(os.path.join(path, LOCK), 'ab')  # noqa: SIM115  closed below, outside of this `try`
        except FileNotFoundError:  # the process that had the lock has just removed the folder
            continue
        with file:
            if not try_lock(file):
                raise UserError(f'Another process is making {target}: wait for it, or end it first.')
            if still_has_name(file, file.name):
                yield
                return


def _read_json(path):
    try:
        with open(path, encoding='utf-8') as file:
            return json.load(file)
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as error:
        raise UserError(f'{path} is damaged ({error}): begin anew with --restart, after removing it.') from error


def _empty(folder, last=PLAN):
    """Removes everything in a work folder except the lock; `last`, the file that identifies it, goes last."""
    names = sorted(set(os.listdir(folder)) - {last, LOCK})
    for path in (os.path.join(folder, name) for name in [*names, last]):
        if os.path.isdir(path):
            shutil.rmtree(path)
        elif os.path.lexists(path):
            os.remove(path)


@contextlib.contextmanager
def _parents_of(target):
    missing = []
    folder = os.path.dirname(target)
    while not os.path.lexists(folder):
        missing.append(folder)
        folder = os.path.dirname(folder)
    try:
        if missing:
            os.makedirs(os.path.dirname(target), exist_ok=True)
        yield
    except BaseException:
        for folder in missing:
            with contextlib.suppress(OSError):  # not empty: a work folder, or files of somebody else
                os.rmdir(folder)
        raise


def _fsync_files(folder):
    for path, _, names in os.walk(folder):
        for name in names:
            descriptor = os.open(os.path.join(path, name), os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        fsync_folder(path)


def _move(temporary, target, replace, aside):
    """Renames `temporary` to `target`. A target that is replaced is first renamed to `aside`."""
    replaced = replace and os.path.lexists(target)
    if replaced:
        os.rename(target, aside)
    try:
        os.rename(temporary, target)
    except BaseException:
        if replaced:
            os.rename(aside, target)
        raise
    fsync_folder(os.path.dirname(target))
