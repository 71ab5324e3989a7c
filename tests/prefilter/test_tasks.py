import itertools

import pytest
from oracles import Oracle
from shelves import options, shelf

from dnnlib.jobs.shards import read_verdicts
from prefilter import tasks
from prefilter.shards import plan_shards, read_crop, shard_items
from prefilter.tasks import ExamineShard

PATHS = [f'{number:02d}.png' for number in range(24)]


class Death(Exception):
    pass


class Deadly(Oracle):
    """Dies of some images, or of every batch of several; and of what an accident says, once."""

    def __init__(self, deadly=(), together=False, accidents=()):
        super().__init__()
        self.victims, self.together, self.accidents = set(deadly), together, list(accidents)
        self.calls = itertools.count()

    def detect_batch(self, images):
        reds = {int(image[0, 0, 0]) for image in images}
        if reds & self.victims or (self.together and len(images) > 1) or next(self.calls) in self.accidents:
            raise Death
        return super().detect_batch(images)


def examine(tmp_path, detector):
    """Works the task off as `dnnlib.jobs.workers` does. Returns the last task, and the verdicts."""
    source = shelf(PATHS)
    items = shard_items(source, plan_shards(source)[0])
    task = ExamineShard(0, str(tmp_path / '0.shard'), source.reader, items, options())
    while task.deaths < 100:
        reports = [None]
        try:
            task.run(detector, reports.append)
            return task, read_verdicts(task.path)
        except Death:
            task = task.after_death(reports[-1])
    raise AssertionError('it never ends')


@pytest.mark.parametrize('seconds, counts', [(0, range(25)), (1000, [0])])
def test_progress_is_reported_now_and_then(tmp_path, monkeypatch, seconds, counts):
    monkeypatch.setattr(tasks, 'REPORT_SECONDS', seconds)
    source, reports = shelf(PATHS), []
    items = shard_items(source, plan_shards(source)[0])
    ExamineShard(0, str(tmp_path / '0.shard'), source.reader, items, options()).run(Oracle(), reports.append)
    assert reports == [('together', done) for done in counts]


def test_an_accident_changes_nothing(tmp_path):
    expected = examine(tmp_path, Deadly())[1]
    for accidents in ([0], [0, 1], [0, 1, 2], [0, 1, 2, 3], [0, 1, 7], [1, 2, 3, 10]):
        task, verdicts = examine(tmp_path, Deadly(accidents=accidents))
        assert task.deaths == len(accidents) and not task.condemned and not task.apart
        assert verdicts == expected


@pytest.mark.parametrize('together', [False, True])
def test_images_that_kill_are_refused_and_no_others(tmp_path, together):
    task, verdicts = examine(tmp_path, Deadly([0, 5, 6, 23], together))
    reasons = ['crash' if place in (0, 5, 6, 23) else 'no-face' if place % 2 else None for place in range(24)]
    assert [verdict['reason'] for verdict in verdicts] == reasons
    assert task.apart == together
    crops = [int(read_crop(task.path, number, options())[0, 0, 0]) for number in range(reasons.count(None))]
    assert crops == [place for place, reason in enumerate(reasons) if reason is None]
