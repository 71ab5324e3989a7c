"""Files whose notes (EXIF, colour profile, comments, frames of an animation) Pillow cannot read, without those."""

import collections

from prefilter.formats import jpeg, png, tiff

MOST_NOTES = 100  # of a file with more, none is kept
NO_PIXELS = b'\0\0\0\0IDAT\x35\xaf\x06\x1e'  # a chunk of PNG

Salvaged = collections.namedtuple('Salvaged', ['data', 'profile'])  # a file's bytes; a colour profile outside, or None


def without_damaged_notes(data, opens):
    """The same picture without the notes that make a library refuse it.

    Args:
        data: The bytes of a file.
        opens: Function from the bytes of a file to whether its header can be read.

    Returns:
        `Salvaged`, or None if the file has no notes or the notes are not what is wrong.
    """
    if data.startswith(jpeg.SIGNATURE):
        return _of_jpeg(data, opens)
    if data.startswith(png.SIGNATURE):
        return _of_png(data, opens)
    if data.startswith(tiff.SIGNATURES):
        return _of_tiff(data, opens)
    return None


def _of_tiff(data, opens):
    for kept in ([tiff.PROFILE], []):
        stripped = tiff.without_notes(data, kept)
        if stripped is not None and opens(stripped):
            return Salvaged(stripped, None)
    return None


def _of_jpeg(data, opens):
    notes = jpeg.notes(data)
    if not notes or not opens(jpeg.without(data, notes)):
        return None
    few = notes if len(notes) <= MOST_NOTES else []
    whole = [note for note in few if opens(jpeg.without(data, [other for other in notes if other is not note]))]
    return Salvaged(jpeg.without(data, [note for note in notes if note not in whole]), None)


def _of_png(data, opens):
    parts = png.chunks(data)
    picture = [part for part in parts if part[0] in png.OF_THE_PICTURE]
    if not opens(png.joined(picture)):  # as viewers do, forget what is transparent if that cannot be read
        picture = [part for part in picture if part[0] != png.TRANSPARENCY]
        parts = [part for part in parts if part[0] != png.TRANSPARENCY]
        if opens(png.joined(picture)):
            return _of_png(png.joined(parts), opens) or Salvaged(png.joined(parts), None)
        return None
    notes = [part for part in parts if part[0] not in png.OF_THE_PICTURE]
    if not notes:
        return None
    header = [part for part in picture if part[0] != b'IDAT']
    few = notes if len(notes) <= MOST_NOTES else []
    still = [note for note in few if note[0] not in (b'acTL', b'fcTL', b'fdAT')]  # the first picture needs no frames
    whole = [note for note in still if opens(png.joined([*header[:1], note, *header[1:], (b'IDAT', NO_PIXELS)]))]
    profiles = [png.profile_of(chunk) for kind, chunk in few if kind == png.PROFILE and (kind, chunk) not in whole]
    kept = [part for part in parts if part in picture or part in whole]
    return Salvaged(png.joined(kept), next(iter(profiles), None))
