"""Networks to numbers and pictures. A metric is features, then statistics, then a value, one file each."""

from metrics.meter import Meter, Result
from metrics.registry import METRICS, parse_metrics
from metrics.results import Snapshot, append_result, keep_best

__all__ = ['METRICS', 'Meter', 'Result', 'Snapshot', 'append_result', 'keep_best', 'parse_metrics']
