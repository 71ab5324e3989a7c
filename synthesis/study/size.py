"""What more training images give: runs that were trained on different amounts of data, and the sets that they made."""

import json
import os
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

import numpy as np

from dnnlib.errors import UserError, disk_errors
from dnnlib.files import sha256_of_file
from dnnlib.folder_kinds import DATASET, RUN, kind_of
from dnnlib.records.datasets import open_dataset
from dnnlib.records.names import AUDIT_FILE
from metrics.results import FINGERPRINT
from metrics.run_summary import summarise_run
from synthesis.audit.options import beside
from synthesis.record import find_record


class Row(NamedTuple):
    """A network: what is known of its training, and of the set that it made. None where nothing is known.

    Attributes:
        name: Of the run, or of the set if the run is not named.
        images: Of the training set.
        kimg: Of the network: thousands of reals shown in training.
        hours: That the whole run took.
        metrics: {name of a metric: record}, of the network, the newest records.
        people: Identities of the set.
        far: False accept rate at which look-alikes are counted.
        alike, real_alike: Share of the identities with a look-alike in the set; of as many real people.
        leaked, held_out: Share with a look-alike in the training set; of real people who are not in it.
        recall: Of the set against the training set, by face embeddings.
        sizes, kept: The curve K(n): so many of the first n identities are kept when look-alikes go.
    """

    name: str
    images: Optional[int] = None
    kimg: Optional[float] = None
    hours: Optional[float] = None
    metrics: Dict[str, Dict[str, Any]] = {}
    people: Optional[int] = None
    far: Optional[float] = None
    alike: Optional[float] = None
    real_alike: Optional[float] = None
    leaked: Optional[float] = None
    held_out: Optional[float] = None
    recall: Optional[float] = None
    sizes: Sequence[int] = ()
    kept: Sequence[int] = ()

    def kept_of(self, count: int) -> Optional[int]:
        """K(count), from the curve; between two of its points, on the straight line. None beyond the curve."""
        if not self.sizes or not self.sizes[0] <= count <= self.sizes[-1]:
            return None
        return int(np.rint(np.interp(count, self.sizes, self.kept)))


def read_rows(paths: Sequence[str]) -> List[Row]:
    """Reads runs and sets. A set that a named run's network made stands in the row of the run.

    Args:
        paths: Of runs, and of sets with an audit.

    Returns:
        A row for each run, and for each set of another network, by the number of training images.

    Raises:
        UserError: A path is neither, or a set has no audit.
    """
    runs, sets = [], []
    for path in paths:
        kind = kind_of(path)
        if kind == RUN:
            runs.append(path)
        elif kind == DATASET and find_record(path) is not None:
            sets.append((path, find_record(path)['network'], _read_audit(path)))
        else:
            raise UserError(f'{path} is {kind}: name training runs, and sets that python -m synthesis generate made.')
    rows = []
    for run in runs:
        own = [each for each in sets if _made(run, each[1])]
        rows += [_with_audit(_row_of(run, network), audit) for _, network, audit in own] or [_row_of(run, None)]
        sets = [each for each in sets if each not in own]
    rows += [_with_audit(Row(os.path.basename(os.path.abspath(path))), audit) for path, _, audit in sets]
    return sorted(rows, key=lambda row: (row.images is None, row.images or 0, row.name))


def _made(run, network):
    """Whether a network of a run made a set."""
    path = os.path.join(run, os.path.basename(network['name']))
    if not os.path.isfile(path):
        return False
    with disk_errors('read', path):
        return sha256_of_file(path) == network['sha256']


def _row_of(run, network):
    """The row of a run; of its best network, or of the one that made a set."""
    summary = summarise_run(run)
    snapshot = summary.best and summary.best['snapshot']
    made_by = network and os.path.basename(network['name'])
    if made_by in {record['snapshot'] for record in summary.records}:
        snapshot = made_by
    records = [record for record in summary.records if record['snapshot'] == snapshot]
    kimg = next((record['kimg'] for record in records if record['kimg'] is not None), summary.kimg or None)
    seconds = summary.ticks[-1].get('total_sec') if summary.ticks else None
    return Row(
        name=summary.name,
        images=_images_of(summary.options.get('data')),
        kimg=kimg,
        hours=None if seconds is None else seconds / 3600,
        metrics={record['metric']: record for record in records},
    )


def _images_of(data):
    if not isinstance(data, str) or not os.path.exists(data):
        return None
    try:
        with open_dataset(data) as dataset:
            return dataset.num_images
    except UserError:  # moved or damaged since
        return None


def _read_audit(folder):
    paths = [os.path.join(place, AUDIT_FILE) for place in (folder, beside(folder))]
    path = next(filter(os.path.exists, paths), None)
    if path is None:
        raise UserError(f'{folder} was not audited: python -m synthesis audit {folder} --training DATASET')
    with disk_errors('read', path):
        try:
            with open(path, encoding='utf-8') as file:
                audit = json.load(file)
            _with_audit(Row(''), audit)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise UserError(f'{path} is damaged ({error!r}): audit the set again.') from error
    return audit


def _with_audit(row, audit):
    people, leakage, far = audit['people'], audit['leakage'], audit['judged at']
    place = [level['far'] for level in people['levels']].index(far)
    level, beside = people['levels'][place], people['levels'][place]['beside real people']
    found = row._replace(
        people=people['people'],
        far=far,
        alike=level['with a look-alike'],
        real_alike=beside and beside['real with a look-alike'],
        sizes=people['curves']['sizes'],
        kept=people['curves']['kept'][place],
    )
    if audit['training'] is not None:
        found = found._replace(images=row.images or audit['training']['images'])
    if leakage is not None:
        near = next(each for each in leakage['levels'] if each['far'] == leakage['judged at'])
        found = found._replace(leaked=near['share'], held_out=near['held-out share'])
    diversity = audit['diversity'] and audit['diversity']['embedding']
    return found if diversity is None else found._replace(recall=diversity['set']['recall'])


# ----------------------------------------------------------------------------------------------------------------------
# What can be compared.


def metrics_of(rows: Sequence[Row]) -> List[str]:
    """Names of the metrics of all rows together, in the order of their first records."""
    return list(dict.fromkeys(name for row in rows for name in row.metrics))


def remarks_of(rows: Sequence[Row]) -> List[str]:
    """Sentences about what cannot be compared as it stands."""
    told = []
    datasets = {record['settings'].get(FINGERPRINT) for row in rows for record in row.metrics.values()} - {None}
    if len(datasets) > 1:
        told.append(
            'The metrics compare networks with different datasets, as each with its own training set: measure all '
            'against one, with python run_metrics.py RUN --data DATASET.'
        )
    if len({row.kimg for row in rows if row.kimg is not None}) > 1:
        told.append('The networks were trained for different times (kimg): more data and longer training are mixed.')
    if len({row.far for row in rows if row.far is not None}) > 1:
        told.append(
            'The look-alikes are counted at different false accept rates, because the sets have different sizes: '
            'generate as many identities with each network.'
        )
    return told


def common_size(rows: Sequence[Row]) -> Optional[int]:
    """The size of the smallest audited set: the largest n that all curves reach; None if no row has a curve."""
    return min((row.sizes[-1] for row in rows if row.sizes), default=None)
