"""Tasks for the processes of any job."""

import dataclasses
import os
from typing import Any, Callable, Sequence, Tuple

import numpy as np

from dnnlib.errors import UserError
from dnnlib.records.tfrecords import write_records

TRIES = 3  # processes that may die with a task


def tried_again(task: Any, doing: str) -> Any:
    """The task to try next, after a process has died with a task that counts its `deaths`.

    Args:
        task: A frozen dataclass.
        doing: What its processes do: 'makes images'.

    Raises:
        UserError: It was tried `TRIES` times.
    """
    if task.deaths + 1 == TRIES:
        raise UserError(
            f'Every process that {doing} dies, perhaps because memory runs out: give fewer --workers; the same command '
            'goes on from here.'
        )
    return dataclasses.replace(task, deaths=task.deaths + 1)


@dataclasses.dataclass(frozen=True)
class WriteRecords:
    """Writes a range of records of all resolutions into files of `dnnlib.records.tfrecords.allocate_records`.

    Attributes:
        folder: Of the dataset.
        name: Prefix of its files.
        start: Number of the first record.
        images: For each record, what `read` takes.
        read: Picklable function that gives an image, uint8 [C, H, W].
        shape: (C, H, W).
        deaths: Number of processes that died with this range.
    """

    folder: str
    name: str
    start: int
    images: Sequence[Tuple[Any, ...]]
    read: Callable[..., np.ndarray]
    shape: Tuple[int, int, int]
    deaths: int = 0

    def run(self, state, report):
        """Returns the number of records."""
        images = (self.read(*place) for place in self.images)
        write_records(self.folder, self.name, self.shape, self.start, images)
        return len(self.images)

    def after_death(self, report):
        """The task to try next."""
        if self.deaths + 1 == TRIES:
            raise UserError(
                f'Records of {os.path.basename(self.folder)} cannot be written: every process that writes them dies. '
                'Make room in memory; the same command goes on from here.'
            )
        return dataclasses.replace(self, deaths=self.deaths + 1)
