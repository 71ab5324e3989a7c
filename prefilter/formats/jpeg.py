"""JPEG: the segments of its header, whether the coded pixels are all there, and why Pillow cannot read a file.

libjpeg fills what is missing with grey and goes on, if the data stops at a marker. So the decoder gets the coded pixels
without the marker behind them, and a few bits of filling instead. If it asks for more, pixels are missing.
"""

import collections

import numpy as np
from PIL import Image, ImageFile

from prefilter.formats.holes import HOLE
from prefilter.reasons import Refusal

SIGNATURE = b'\xff\xd8\xff'
FRAMES = {  # marker of the frame's header -> what its coding is called
    0xC0: 'baseline',
    0xC1: 'extended',
    0xC2: 'progressive',
    0xC3: 'lossless',
    0xC5: 'differential',
    0xC6: 'differential progressive',
    0xC7: 'differential lossless',
    0xC9: 'arithmetic',
    0xCA: 'arithmetic progressive',
    0xCB: 'lossless arithmetic',
    0xCD: 'differential arithmetic',
    0xCE: 'differential arithmetic progressive',
    0xCF: 'differential lossless arithmetic',
}
CHECKED = (0xC0, 0xC1, 0xC2)  # frames with Huffman codes
PROGRESSIVE = 0xC2
NOTES = (*range(0xE0, 0xF0), 0xFE)  # APPn and COM
START_OF_SCAN, END_OF_IMAGE = 0xDA, 0xD9
WITHOUT_LENGTH = (0x00, 0x01, *range(0xD0, 0xD9))
RESTARTS = range(0xD0, 0xD8)  # markers among coded pixels, all others end them
RESTART_INTERVAL = 0xDD

FILLING = b'\xff\x00' * 8  # 64 one-bits: the decoder reads so far ahead of what it needs
UNCODED = 16  # more bits than a coefficient can lack
FLAT = 4  # levels between which the last block is, if its code is zeros
FEW_BYTES = 4  # fewer than a decoder without enough bits waits for
END_MARK = b'\xff\xd9'

Segment = collections.namedtuple('Segment', ['marker', 'start', 'stop', 'content'])  # from its FF to behind it
# Content of its header; where its coded pixels stop, and whether by a marker; restart markers, and MCUs between two.
Scan = collections.namedtuple('Scan', ['header', 'stop', 'is_ended', 'restarts', 'interval'])


class Layout:
    """Where the parts of a JPEG are.

    Attributes:
        segments: List of `Segment` before the first scan.
        frame: The `Segment` of the frame's header, or None.
        scans: List of `Scan`.
    """

    def __init__(self, data):
        self.segments, self.scans, self.frame = [], [], None
        markers = _Markers(data)
        interval, place = 0, data.find(b'\xff', 2)
        while 0 <= place < len(data) - 3:
            marker = data[place + 1]
            if marker == END_OF_IMAGE:
                return
            if marker == 0xFF or marker in WITHOUT_LENGTH:
                place = data.find(b'\xff', place + (1 if marker == 0xFF else 2))
                continue
            stop = place + 2 + int.from_bytes(data[place + 2 : place + 4], 'big')
            content = data[place + 4 : stop]
            if marker == START_OF_SCAN:
                stop, is_ended, restarts = markers.after(stop)
                self.scans.append(Scan(content, stop, is_ended, restarts, interval))
            elif marker == RESTART_INTERVAL:
                interval = int.from_bytes(content, 'big')
            elif not self.scans:
                self.segments.append(Segment(marker, place, stop, content))
                if marker in FRAMES:
                    self.frame = self.segments[-1]
            place = data.find(b'\xff', stop)


class _Markers:
    """The markers in a file, found at the speed of memory."""

    def __init__(self, data):
        values = np.frombuffer(data, np.uint8)
        places = np.flatnonzero(values[:-1] == 0xFF)
        kinds = values[places + 1]
        is_restart = (kinds >= RESTARTS[0]) & (kinds <= RESTARTS[-1])
        self._restarts = places[is_restart]
        self._others = places[~is_restart & (kinds != 0) & (kinds != 0xFF)]
        self._length = len(data)

    def after(self, start):
        """Of coded pixels: (where they stop, whether a marker stands there, number of restart markers in them)."""
        following = np.searchsorted(self._others, start)
        is_ended = following < len(self._others)
        stop = int(self._others[following]) if is_ended else self._length
        return stop, is_ended, int(np.searchsorted(self._restarts, stop) - np.searchsorted(self._restarts, start))


def load(image, data):
    """Decodes a JPEG, as `image.load()`, but only if all of its coded pixels are there.

    Args:
        image: Opened by Pillow.
        data: The bytes of its file.

    Raises:
        Refusal: Pixels are missing.
    """
    layout = Layout(data)
    is_ended = bool(layout.scans) and layout.scans[-1].is_ended
    if not is_ended or layout.frame is None or layout.frame.marker not in CHECKED:
        image.load()  # without a marker behind the last scan, Pillow itself notices what is missing
        if layout.scans and not is_ended and data.endswith(HOLE):
            raise Refusal('truncated', 'it ends with zeros instead of an end mark')
        return
    if not _is_complete(layout):
        raise Refusal('truncated', 'some of its scans are missing')
    image.load_prepare()
    decoder = _Decoder(image, data, [scan.stop for scan in layout.scans])
    if not decoder.suffices(image.im):
        raise Refusal('truncated', 'the coded pixels end too early')
    image.tile = []
    image.load()
    if data.endswith(HOLE, 0, layout.scans[-1].stop):
        corner = np.asarray(image.crop((*(max(side - 8, 0) for side in image.size), *image.size)), int)
        if decoder.has_hole(is_flat=np.ptp(corner, axis=(0, 1)).max() <= FLAT):
            raise Refusal('truncated', 'zeros stand where coded pixels were')


class _Decoder:
    """Decodes the pixels of one file, also from less than all of its bytes."""

    def __init__(self, image, data, stops):
        (name, self._box, _, args) = image.tile[0]
        self._data, self._stops = data, stops
        self._arguments = image.mode, name, args, image.decoderconfig

    def suffices(self, pixels, stop=None):
        """Decodes into `pixels`, of Pillow's core; returns whether all scans are whole, the last one before `stop`."""
        *before, last = self._stops
        data, stops = memoryview(self._data), [*before, stop or last]
        decoder = Image._getdecoder(*self._arguments)
        try:
            decoder.setimage(pixels, self._box)
            rest = _feed(decoder, data[: stops[0]])
            if len(stops) == 1:
                return rest is None or _feed(decoder, rest + FILLING) is None
            for start, following in zip(stops, [*stops[1:], None]):
                if rest is None or not self._has_all_of_the_scan(decoder, rest):
                    return False
                rest = _feed(decoder, END_MARK if following is None else data[start:following])
            return rest is None
        finally:
            decoder.cleanup()

    @staticmethod
    def _has_all_of_the_scan(decoder, rest):
        # A decoder that has all of a scan goes on to search for a marker. So it takes all filling, however little. A
        # decoder without enough bits takes nothing until it has many.
        rest = _feed(decoder, rest + FILLING)
        for _ in range(FEW_BYTES):
            if rest:
                return False
            rest = _feed(decoder, FILLING[:2])
        return rest == b''

    def has_hole(self, is_flat):
        """Whether the zeros at the end were decoded as pixels though they are none; the code of flat areas may be."""
        stop = self._stops[-1]
        behind = len(self._data[:stop].rstrip(b'\0')) + len(FILLING) // 2
        mode, size = self._arguments[0], self._box[2:]
        if self.suffices(Image.core.new(mode, size), behind):
            return False  # the zeros stand behind the pixels
        needs_all = not self.suffices(Image.core.new(mode, size), stop - len(FILLING))
        return not (is_flat and needs_all)


def _feed(decoder, data):
    """Gives the decoder bytes. Returns those that it has not taken, or None if it has all pixels."""
    taken, error = decoder.decode(data)
    if taken >= 0:
        return bytes(data[taken:])
    if error < 0:
        ImageFile.raise_oserror(error)
    return None


def _is_complete(layout):
    """Whether the scans bring every coefficient of every component to its last bit, and have their restart markers."""
    frame = _Frame(layout.frame.content)
    missing = {component: np.full(64, UNCODED) for component in frame.sampling}  # low bits of each coefficient
    for scan in layout.scans:
        count = scan.header[0] if scan.header else 0
        components = scan.header[1 : 1 + 2 * count : 2]
        if len(scan.header) < 4 + 2 * count or not set(components) <= set(missing):
            return True  # a damaged header, which the decoder refuses
        is_short = scan.interval and (scan.restarts + 1) * scan.interval < frame.count_mcus(components)
        if is_short and (scan.restarts or len(layout.scans) > 1):  # of a single scan, the decoder notices that all lack
            return False
        first, last, bits = scan.header[1 + 2 * count :][:3]
        if layout.frame.marker != PROGRESSIVE:
            first, last, bits = 0, 63, 0
        for component in components:
            band = missing[component][first : last + 1]
            if bits >> 4 and (band != bits >> 4).any():  # it refines what no scan has brought
                return False
            band[:] = bits & 15
    return not any(bits.any() for bits in missing.values())


class _Frame:
    """The size and the components of a picture, by the content of the frame's header."""

    def __init__(self, content):
        self._height, self._width = int.from_bytes(content[1:3], 'big'), int.from_bytes(content[3:5], 'big')
        self.sampling = {  # by component: (across, down)
            content[place]: (content[place + 1] >> 4, content[place + 1] & 15)
            for place in range(6, len(content) - 2, 3)
        }

    def count_mcus(self, components):
        """The number of MCUs in a scan of some components."""
        across = max(factors[0] for factors in self.sampling.values())
        down = max(factors[1] for factors in self.sampling.values())
        if len(components) != 1:
            return -(-self._width // (8 * across)) * -(-self._height // (8 * down))
        own_across, own_down = self.sampling.get(components[0], (across, down))
        return -(-self._width * own_across // (8 * across)) * -(-self._height * own_down // (8 * down))


def without(data, segments):
    """The bytes of the file without some of its `Segment`s."""
    kept, place = [], 0
    for segment in segments:
        kept.append(data[place : segment.start])
        place = segment.stop
    return b''.join([*kept, data[place:]])


def notes(data):
    """The `Segment`s that only describe the picture."""
    return [segment for segment in Layout(data).segments if segment.marker in NOTES]


def what_is_unsupported(data):
    """Why an undamaged file of this format cannot be decoded, in words, or None."""
    frame = Layout(data).frame
    if frame is None or not frame.content:
        return None
    coding, bits = FRAMES[frame.marker], frame.content[0]
    if frame.marker not in (0xC0, 0xC1, 0xC2, 0xC9, 0xCA):
        return f'{coding} JPEG'
    if bits != 8:
        return f'JPEG of {bits} bits'
    if len(frame.content) > 5 and frame.content[5] not in (1, 3, 4):
        return f'JPEG of {frame.content[5]} channels'
    return None
