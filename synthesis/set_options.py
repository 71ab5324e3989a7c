"""The options of every command that makes a set."""

import dataclasses
from typing import Optional, Tuple

from dnnlib.exports.forms import ExportOptions
from dnnlib.jobs.command import MakingOptions
from dnnlib.records.options import ENDING, RECORD, option


@dataclasses.dataclass(frozen=True)
class SetOptions(MakingOptions):
    """Those of its processes, its exports, and its licence."""

    exports: Tuple[str, ...] = option(ENDING, RECORD, default=(), flag='--export')
    jpeg: Optional[int] = option(ENDING, RECORD)
    export_size: Optional[int] = option(ENDING, RECORD)
    test_share: Optional[float] = option(ENDING, RECORD)
    pairs: Optional[int] = option(ENDING, RECORD)
    licence: Optional[str] = option(ENDING, RECORD)

    @property
    def export(self) -> ExportOptions:
        """What is exported."""
        return ExportOptions(self.exports, self.jpeg, self.export_size, self.test_share, self.pairs)
