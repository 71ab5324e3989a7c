"""The reasons to refuse an image: their codes, as in the manifest, and what each means."""

from dnnlib.jobs import refusal

CRASH = 'crash'  # such an image is never read again
# Known only when all images are examined.
LOW_SCORE, NOT_CHOSEN, NOT_DRAWN = 'low-score', 'few-images', 'not-drawn'
REASONS = {
    'unreadable': 'the bytes cannot be read (permission, disk, damaged archive), or the image in them is damaged',
    'truncated': 'the file ends before its pixels do: a download or copy that was cut off',
    'not-an-image': 'an empty file, or not one of the image formats that are read, whatever its name says',
    'unsupported': 'an image whose values have no known meaning as 8-bit grey or RGB, such as floating-point TIFF',
    'too-large': 'more pixels than --max-pixels, more bytes than an image should have, or not enough memory',
    CRASH: 'every process that examined it died, perhaps because memory ran out',
    'reference-fails': 'only with --reference-loader: such a file stops the whole run of the reference',
    'no-face': 'the detector finds no face',
    'empty-crop': 'the face lies outside the image',
    'duplicate': 'only with --drop-duplicates: an earlier image has the same bytes',
    LOW_SCORE: 'only with --min-score: the score of the face is lower',
    NOT_CHOSEN: 'only with --max-identities or --min-images: the identity has too few accepted images',
    NOT_DRAWN: 'only with --max-images: the lot fell on other images',
}
WITH_PIXELS = frozenset(['no-face', 'empty-crop', 'duplicate', LOW_SCORE, NOT_CHOSEN, NOT_DRAWN])
WITHOUT_PIXELS = frozenset(REASONS) - WITH_PIXELS  # such an image cannot be shown


class Refusal(refusal.Refusal):
    """Why an image cannot be used; `reason` is one of `REASONS`."""

    def __init__(self, reason, detail):
        if reason not in REASONS:
            raise ValueError(f'{reason} is not one of {", ".join(REASONS)}')
        super().__init__(reason, detail)

    @classmethod
    def of_memory(cls, error):
        """The refusal of an image that caused a MemoryError."""
        return cls('too-large', str(error) or 'not enough memory')

    @classmethod
    def of_disk(cls, error):
        """The refusal of an image whose reading caused an OSError."""
        return cls('unreadable', error.strerror or str(error))
