"""Thresholds of face embeddings: those that the product brings, and files that `python -m synthesis calibrate` writes.

A threshold belongs to an embedding and a kind of picture. The files of the product are in the folder `thresholds`, in
the same form. They were measured on the photographs of Labeled Faces in the Wild, as `source` in each says.
"""

import bisect
import glob
import json
import math
import os
from typing import Any, List, NamedTuple, Optional, Union

from dnnlib.errors import UserError, disk_errors
from dnnlib.files import atomic_write
from metrics.arithmetic.calibration import Calibration, Threshold

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'thresholds')
HOW_TO_MEASURE = 'python -m synthesis calibrate DATASET --out FILE.json'


class Thresholds(NamedTuple):
    """The thresholds of an embedding for images of one kind.

    Attributes:
        embedding: Identity of the embedding.
        side: px of the images that they were measured on.
        source: What they were measured on, for people.
        calibration: All that was measured.
    """

    embedding: str
    side: int
    source: str
    calibration: Calibration

    @property
    def observed(self) -> List[Threshold]:
        """The thresholds that pairs of images reached, by falling FAR."""
        return [each for each in self.calibration.thresholds if each.is_observed]

    def at(self, far: float, extrapolate: bool = False) -> Threshold:
        """The threshold of a FAR; between two that were measured, on the straight line over the logarithm of the FAR.

        Args:
            far: False accept rate, more than 0.
            extrapolate: Whether one is wanted that lies beyond the pairs that were measured.

        Raises:
            UserError: There is none, or `extrapolate` is needed.
        """
        usable = self.calibration.thresholds if extrapolate else self.observed
        fars = [each.far for each in usable]
        if not fars or not fars[-1] * (1 - 1e-9) <= far <= fars[0] * (1 + 1e-9):
            raise UserError(self._refusal(far, fars, extrapolate))
        place = min(bisect.bisect_left([-each for each in fars], -far * (1 + 1e-9)), len(fars) - 1)
        after, before = usable[place], usable[max(place - 1, 0)]
        if math.isclose(far, after.far, rel_tol=1e-9):
            return after
        part = math.log(far / before.far) / math.log(after.far / before.far)
        return Threshold(
            far,
            *(low + part * (high - low) for low, high in zip(before[1:5], after[1:5])),
            is_observed=after.is_observed,
        )

    def _refusal(self, far, fars, extrapolate):
        reach = f'from {fars[0]:g} to {fars[-1]:g}' if fars else 'of no FAR'
        lowest = min((each.far for each in self.calibration.thresholds), default=1)
        if not extrapolate and lowest <= far * (1 + 1e-9) and (not fars or far < fars[-1]):
            hint = 'add --extrapolate to use the tail that was fitted to the scores'
        else:
            hint = f'choose another FAR, or measure on more images with {HOW_TO_MEASURE} --extrapolate'
        return f'There is no threshold for a FAR of {far:g}: {self.source} has thresholds {reach}; {hint}.'


def thresholds_for(embedding: Any, side: int, calibration_file: Optional[str] = None) -> Thresholds:
    """The thresholds to use for images.

    Args:
        embedding: A `metrics.features.embeddings.Embedding`.
        side: Of the images, px.
        calibration_file: From `write_thresholds`; None takes what the product brings for the largest side that is not
            above `side`.

    Raises:
        UserError: There are none, or they belong to another embedding or to images of another size.
    """
    if calibration_file is not None:
        found = read_thresholds(calibration_file)
        measured = f'{calibration_file} has the thresholds of'
        if found.embedding != embedding.identity:
            raise UserError(
                f'{measured} another embedding or other settings than {embedding.title}: measure its own with '
                f'{HOW_TO_MEASURE}, or choose the same --embedding.'
            )
        if found.side != side:
            raise UserError(
                f'{measured} images of {found.side} px, and these have {side} px: embeddings of other sizes have other '
                f'thresholds, so measure them with {HOW_TO_MEASURE}.'
            )
        return found
    known = [read_thresholds(path) for path in sorted(glob.glob(os.path.join(FOLDER, '*.json')))]
    fitting = [each for each in known if each.embedding == embedding.identity and each.side <= side]
    if not fitting:
        raise UserError(
            f'No thresholds of the embedding {embedding.title} for images of {side} px are known: measure them with '
            f'{HOW_TO_MEASURE}, and give the file with --calibration.'
        )
    return max(fitting, key=lambda each: each.side)


def remark_on_grey(channels: int, calibration_file: Optional[str]) -> Optional[str]:
    """A sentence for who compares grey images by thresholds of colour photographs; None if that is not so.

    Args:
        channels: Of the images, 1 or 3.
        calibration_file: As for `thresholds_for`.
    """
    if channels != 1 or calibration_file is not None:
        return None
    return (
        'The images are grey, and the thresholds were measured on colour photographs: measure those of grey ones with '
        f'{HOW_TO_MEASURE}, and give the file with --calibration.'
    )


def write_thresholds(path: Union[str, os.PathLike], thresholds: Thresholds) -> None:
    """Writes thresholds as a JSON file. Raises DiskError."""
    record = {**thresholds._asdict(), 'calibration': thresholds.calibration._asdict()}
    record['calibration']['thresholds'] = [each._asdict() for each in thresholds.calibration.thresholds]
    with disk_errors('written', path, 'or give another --out'), atomic_write(path) as file:
        file.write((json.dumps(record, indent=2) + '\n').encode())


def read_thresholds(path: Union[str, os.PathLike]) -> Thresholds:
    """Reads a file of `write_thresholds`.

    Raises:
        UserError: It is none.
    """
    with disk_errors('read', path), open(path, encoding='utf-8') as file:
        try:
            record = json.load(file)
            each = [Threshold(**entry) for entry in record['calibration']['thresholds']]
            calibration = Calibration(**{**record['calibration'], 'thresholds': each})
            found = Thresholds(**{**record, 'calibration': calibration})
            _check_values(found)
            return found
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise UserError(f'{path} is no file of thresholds: write one with {HOW_TO_MEASURE}.') from error


def _check_values(found):
    """Raises TypeError or ValueError if a value is none that calibrate writes."""
    if not isinstance(found.source, str):
        raise TypeError
    fars = [each.far for each in found.calibration.thresholds]
    if not all(0 < far < 1 for far in fars) or fars != sorted(set(fars), reverse=True):
        raise ValueError
    for each in found.calibration.thresholds:
        if not -1 <= each.cosine <= 1.001 or not isinstance(each.is_observed, bool):
            raise ValueError
        float(each.low + each.high + each.tar)
