"""The page about an audit: what a data protection officer and a researcher ask, on one screen; then all of it."""

import os

import numpy as np

from dnnlib.files import atomic_write
from dnnlib.pages.gallery import thumbnail
from dnnlib.pages.html_page import page, read_beside
from dnnlib.records.names import AUDIT_FILE
from synthesis.audit.tables import curves_of, facts_of, sections_of, uniqueness_of
from synthesis.audit.words import NOTHING, change, chosen, percent

TEMPLATE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'page.html')


def write_page(path, report, material):
    """Writes the page. The same report and images give the same bytes.

    Args:
        path: Of the file.
        report: As from `synthesis.audit.report.report_of`.
        material: `synthesis.audit.run.Material`, for the images.
    """
    people, leakage = report['people'], report['leakage']
    gallery = _Gallery(material)
    html = page(
        TEMPLATE,
        style=read_beside(__file__, '.css'),
        name=os.path.basename(os.path.abspath(report['set']['path'])),
        warnings=report['warnings'],
        tiles=_tiles(report),
        answers=_answers(report),
        leakage=leakage and _shown_leakage(report, gallery),
        lookalikes=gallery.pairs(report['nearest']['set'], material.source, material.source),
        has_real=people['real people'] is not None,
        real_path=people['real path'],
        curves=curves_of(report),
        uniqueness=uniqueness_of(report),
        sections=sections_of(report),
        not_measured=report['not measured'],
        facts=facts_of(report),
        numbers=AUDIT_FILE,
    )
    with atomic_write(path) as file:
        file.write(html)


class _Gallery:
    def __init__(self, material):
        self._material = material

    def pairs(self, shown, one, other):
        """What the template shows of pairs."""
        return [
            {
                'cosine': pair['cosine'],
                'pictures': [_picture(part, image) for part, image in zip((one, other), pair['images'])],
                'images': pair['images'],
                'names': pair['names'],
            }
            for pair in shown
        ]

    def leaks(self, nearest):
        """The pairs with training images: (of the set, of the held-out people or None)."""
        material = self._material
        ours = self.pairs(nearest['training'], material.source, material.training)
        held_out = nearest.get('held-out')
        return ours, held_out and self.pairs(held_out, material.held_out, material.training)


def _picture(subjects, index):
    pixels = subjects.embeddings.read(index)
    rgb = np.broadcast_to(pixels, (3, *pixels.shape[1:])).transpose(1, 2, 0)
    return thumbnail(np.ascontiguousarray(rgb))


def _shown_leakage(report, gallery):
    level = chosen(report['leakage']['levels'], report['leakage']['judged at'])
    ours, held_out = gallery.leaks(report['nearest'])
    return {'far': f'{level["far"]:g}', 'cosine': level['cosine'], 'pairs': ours, 'held_out': held_out}


# ----------------------------------------------------------------------------------------------------------------------
# One screen.


def _tiles(report):
    people, leakage, judged = report['people'], report['leakage'], report['judged at']
    level = chosen((report['sample'] or people)['levels'], judged)
    total = report['sample']['of'] if report['sample'] else people['people']
    told = [
        (f'{total:,}', 'identities'),
        (percent(level['with a look-alike']), f'have a look-alike in the set, FAR {judged:g}'),
    ]
    if leakage:
        nearest = chosen(leakage['levels'], leakage['judged at'])
        told.append((percent(nearest['share']), f'have a look-alike in training, FAR {nearest["far"]:g}'))
        if nearest['held-out share'] is not None:
            told.append((percent(nearest['held-out share']), 'of other real people have one'))
        told.append((f'{leakage["copies"]["count"]:,}', 'copies of training images'))
    return told


def _answers(report):
    """[(question, answer, what it is compared with)]."""
    people, judged = report['people'], report['judged at']
    level = chosen((report['sample'] or people)['levels'], judged)
    beside = chosen(people['levels'], judged)['beside real people']
    kept = chosen(people['levels'], judged)
    told = [
        (
            'Are the identities different people?',
            f'{percent(level["with a look-alike"])} have a look-alike (95 % interval '
            f'{percent(level["interval"][0])} to {percent(level["interval"][1])})',
            _beside_people(beside, level),
        ),
        (
            'How many people are there?',
            f'{kept["kept"]:,} of {people["people"]:,} without look-alikes'
            + ''.join(
                f'; at least {further["people"]:,.0f} of {further["images"]:,}' for further in kept['at least'][:1]
            ),
            f'{beside["real kept"]:,} of {beside["people"]:,} real people' if beside else 'no real people given',
        ),
    ]
    return [*told, *_answers_about_training(report), *_answers_about_variations(report)]


def _beside_people(beside, level):
    if beside is None:
        return f'{percent(level["by accident"])} of different people, by accident'
    low, high = beside['interval']
    return (
        f'{percent(beside["real with a look-alike"])} of {beside["people"]:,} real people; of as many of the set '
        f'{percent(beside["with a look-alike"])} (excess {change(beside["excess"])}, {change(low)} to {change(high)})'
    )


def _answers_about_training(report):
    leakage = report['leakage']
    if leakage is None:
        return [('Does it show people of the training set?', 'not measured', NOTHING)]
    level = chosen(leakage['levels'], leakage['judged at'])
    beside = 'no other real people given: the number has no baseline'
    if level['held-out share'] is not None:
        low, high = level['difference interval']
        beside = (
            f'{percent(level["held-out share"])} of {leakage["held-out people"]:,} other real people '
            f'(difference {change(level["difference"])}, {change(low)} to {change(high)})'
        )
    copies = leakage['copies']
    told = [
        (
            'Does it show people of the training set?',
            f'{percent(level["share"])} of {leakage["people"]:,} identities have a look-alike among '
            f'{leakage["training images"]:,} training images (FAR {level["far"]:g})',
            beside,
        ),
        (
            'Are there copies of training images?',
            f'{copies["count"]:,} of {copies["compared"]:,} compared, mirrored ones included',
            f'root mean square difference of at most {copies["rms limit"]:g} levels of 255 at 32×32 px',
        ),
    ]
    if leakage['C_T'] is not None:
        told.append(
            (
                'Is it nearer to the training set than others are?',
                f'C_T {leakage["C_T"]:.1f}'.replace('-', '−'),
                'about 0: as near as other people; far below 0: copying; far above 0: unlike the training set',
            )
        )
    return told


def _answers_about_variations(report):
    sameness, real = report['sameness'], report['real sameness']
    if sameness is None:
        return []
    far = report['judged at']
    accepted = chosen(sameness['all']['levels'], far)
    beside = real and chosen(real['all']['levels'], far)
    return [
        (
            'Does a variation stay the same person?',
            f'{percent(accepted["accepted"])} of the pairs of one identity match (FAR {far:g})',
            f'{percent(beside["accepted"])} of the pairs of photographs of one real person' if beside else NOTHING,
        )
    ]
