"""The flags of `python -m prefilter`. Some are kept with an unfinished run, some beside the dataset."""

import dataclasses
import json
import os
from typing import Optional, Tuple

from dnnlib.errors import UserError, disk_errors
from dnnlib.exports.forms import ExportOptions
from dnnlib.jobs.command import MakingOptions
from dnnlib.records.names import OPTIONS_FILE
from dnnlib.records.options import ENDING, PLAN, RECORD, option
from prefilter.images import MAX_PIXELS, decode, decode_as_reference

# What `python -m prefilter.report` takes from options.json; a value may be missing or null.
_READ_AGAIN = {
    'source': ('a text', lambda value: isinstance(value, str)),
    'format': ('a text', lambda value: isinstance(value, str)),
    'partition': ('a text', lambda value: isinstance(value, str)),
    'max-pixels': ('a positive whole number', lambda value: type(value) is int and value > 0),
    'reference-loader': ('true or false', lambda value: isinstance(value, bool)),
}


@dataclasses.dataclass(frozen=True)
class DatasetOptions(MakingOptions):
    """The options of one dataset: the flags of `python -m prefilter`, by the names of the command's parameters.

    Each field says where its value is kept. An option that is kept nowhere does not change the dataset. The plan needs
    no `partition`, because it has the list of the images, and no `detect`, because `device` is None without it.
    """

    source: str = option(RECORD, flag='source')
    out: str = option()
    format: str = option(PLAN, RECORD, default='auto')
    partition: Optional[str] = option(RECORD)
    download: bool = option(default=False)
    size: int = option(PLAN, RECORD, default=256)  # px, a power of two >= 4
    margin: int = option(PLAN, RECORD, default=50)  # px added to the width and to the height of a face's box
    detect: bool = option(RECORD, default=True)
    labels: Optional[str] = option(ENDING, RECORD)
    max_identities: Optional[int] = option(ENDING, RECORD, is_later=True)
    min_images: int = option(ENDING, RECORD, default=1, is_later=True)  # accepted images that an identity needs
    max_images: Optional[int] = option(ENDING, RECORD, is_later=True)
    min_score: Optional[float] = option(ENDING, RECORD, is_later=True)  # of the face
    seed: int = option(ENDING, RECORD, default=0, is_later=True)  # of the lot of max_images
    no_shuffle: bool = option(ENDING, RECORD, default=False)
    exports: Tuple[str, ...] = option(ENDING, RECORD, default=(), flag='--export')
    jpeg: Optional[int] = option(ENDING, RECORD, is_later=True)  # quality of JPEG in the exports that take it
    export_size: Optional[int] = option(ENDING, RECORD, is_later=True)  # px of the pictures in these exports
    test_share: Optional[float] = option(ENDING, RECORD, is_later=True)  # of the identities
    pairs: Optional[int] = option(ENDING, RECORD, is_later=True)  # of each kind in a fold of pairs.txt
    max_pixels: int = option(PLAN, RECORD, default=MAX_PIXELS)  # width x height above which an image is refused
    reference_loader: bool = option(PLAN, RECORD, default=False)
    device: Optional[str] = option(PLAN, default='auto')  # 'cpu', 'gpu', or None without `detect`, once it is resolved
    drop_duplicates: bool = option(ENDING, RECORD, default=False)

    @property
    def export(self):
        """What is exported, a `dnnlib.exports.forms.ExportOptions`."""
        return ExportOptions(self.exports, self.jpeg, self.export_size, self.test_share, self.pairs)

    @property
    def crop_bytes(self):
        """Length of a crop in a shard file."""
        return 3 * self.size * self.size

    def decode(self, data):
        """Decodes the bytes of an image to its pixels, as `prefilter.images.decode`."""
        return (decode_as_reference if self.reference_loader else decode)(data, self.max_pixels)

    @property
    def by_identity(self):
        """Flags that choose images by who is in them."""
        chosen = [self.max_identities is not None, self.min_images > 1]
        return [flag for flag, is_given in zip(('--max-identities', '--min-images'), chosen) if is_given]

    @property
    def refuses_later(self):
        """Whether some images are refused only when all have been examined."""
        chosen = self.max_images is not None or self.min_score is not None
        return self.drop_duplicates or chosen or bool(self.by_identity)

    def ending(self):
        """Dict of name to value: the options that only the steps after the examination depend on."""
        ending = super().ending()
        ending['shuffle'] = not ending.pop('no_shuffle')  # its name in the unfinished runs of earlier versions
        return ending

    def record(self):
        """Dict of flag without dashes to value: the options that decide what is in the dataset.

        `source` is only the last part of its path, since a dataset travels. Without `detect` there is no margin.
        """
        record = super().record()
        record['source'] = os.path.basename(os.path.abspath(self.source))
        if not self.detect:
            del record['margin']
        return record


def read_options(folder):
    """The dict of `dnnlib.records.options.save_options`; an empty one for a dataset without it. Raises UserError."""
    path = os.path.join(folder, OPTIONS_FILE)
    with disk_errors('read', path, 'or remove it'):
        try:
            with open(path, encoding='utf-8') as file:
                options = json.load(file)
        except FileNotFoundError:
            return {}
        except (ValueError, RecursionError) as error:
            raise UserError(f'{path} is damaged ({error}): correct it, or remove it.') from error
    if not isinstance(options, dict):
        raise UserError(f'{path} is no JSON object: remove it.')
    for name, (kind, is_valid) in _READ_AGAIN.items():
        if options.get(name) is not None and not is_valid(options[name]):
            raise UserError(f'{path} is damaged ({name} is {options[name]!r}, not {kind}): correct it, or remove it.')
    return options
