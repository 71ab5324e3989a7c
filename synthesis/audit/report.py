"""All that an audit found, as JSON values: what `audit.json` holds and the page shows."""

import math

import numpy as np

from metrics.arithmetic.pairs import EDGES
from metrics.arithmetic.uniqueness import usable_far
from metrics.features.known_thresholds import remark_on_grey
from synthesis.audit.diversity import describe_diversity, describe_looks
from synthesis.audit.lookalikes import describe_crowd, describe_sample, nearest_pairs
from synthesis.audit.looks import PIXELS
from synthesis.audit.resemblance import copying_of, describe_copies, describe_leakage, shared_photographs
from synthesis.audit.sameness import describe_sameness

VERSION = 1
SHOWN = 24  # pairs of each gallery
TRUSTED_AT = 1e-3  # false accept rate at which real people show whether thresholds hold for such pictures
TRUSTED_TIMES = 5  # more pairs than that rate promises, and the thresholds mean nothing
TRUSTED_PAIRS = 10  # that many pairs at least
MOST_FACELESS = 0.2  # share of the images of a set without a face


def report_of(plan, options, embedding, levels, source_of_levels, material):
    """The report, a dict of JSON values.

    Args:
        plan: `synthesis.audit.plan.Plan`.
        options: `synthesis.audit.options.AuditOptions`.
        embedding: `metrics.features.embeddings.Embedding`.
        levels, source_of_levels: As from `synthesis.audit.run.levels_of`.
        material: `synthesis.audit.run.Material`.
    """
    people = describe_crowd(material.crowd, levels, material.real)
    report = {
        'version': VERSION,
        'set': material.source.about(),
        'training': material.training and material.training.about(),
        'held-out': material.held_out and material.held_out.about(),
        'network': plan.record and plan.record['network'],
        'embedding': {
            'title': embedding.title,
            'identity': embedding.identity,
            'alignment': embedding.alignment,
            'size': embedding.size,
            'origin': embedding.origin,
        },
        'thresholds': {'source': source_of_levels, 'levels': levels},
        'judged at': judged_far(levels, material.source.people),
        'usable far': usable_far(material.source.people),
        'trust': _trust(material, levels),
        'people': {**people, 'real path': material.real_part and material.real_part.path},
        'sample': describe_sample(material.sample, levels),
        'sameness': describe_sameness(material.source, levels),
        'real sameness': describe_sameness(material.real_part, levels),
        'leakage': _leakage(material, levels),
        'diversity': _diversity(material),
        'looks': _looks(material),
        'classes': _classes(material),
        'edges': EDGES.tolist(),
        'nearest': _nearest(material),
    }
    report['warnings'] = warnings_of(report, options.calibration)
    report['not measured'] = not_measured(report)
    return _finite(report)


def judged_far(levels, count):
    """The largest false accept rate with few accidents among so many images; the smallest one if there is none."""
    fars = [level['far'] for level in levels]
    return max((far for far in fars if far <= usable_far(count) * (1 + 1e-9)), default=min(fars))


def _trust(material, levels):
    """Whether different real people reach a threshold as rarely as it promises; None without real pictures."""
    far = min((level['far'] for level in levels), key=lambda each: abs(math.log(each / TRUSTED_AT)))
    place = next(place for place, level in enumerate(levels) if level['far'] == far)
    if material.real is not None:
        count, pairs = material.real.count, material.real.pairs_above()[place]
        path = material.real_part.path
    elif material.training is not None:
        count, pairs = material.training.count, material.training_leaks.counts[:, place].sum() // 2
        path = material.training.path
    else:
        return None
    total = count * (count - 1) // 2
    rate = float(pairs) / total
    return {
        'path': path,
        'labelled': material.real is not None,
        'far': far,
        'pairs': int(pairs),
        'of pairs': total,
        'rate': rate,
        'holds': bool(pairs < TRUSTED_PAIRS or rate <= TRUSTED_TIMES * far),
    }


def _leakage(material, levels):
    if material.leaks is None:
        return None
    told = describe_leakage(material.leaks, material.held_out_leaks, material.training_leaks, levels)
    told['judged at'] = judged_far(levels, material.training.count)
    vectors = material.training.embeddings.vectors
    pictures = [looks[PIXELS] for looks in material.looks]
    told['C_T'] = None
    if material.held_out_leaks is not None:
        told['C_T'] = copying_of(
            material.leaks,
            material.held_out_leaks,
            material.source.embeddings.vectors[material.chosen],
            material.held_out.embeddings.vectors[material.held_out_chosen],
            vectors,
        )
        told['shared photographs'] = shared_photographs(material.held_out_leaks)
    told['copies'] = describe_copies(material.leaks.scores, material.chosen, *pictures[:2])
    return told


def _diversity(material):
    if material.training is None:
        return None
    parts = [material.source, material.training, material.held_out]
    vectors = [part and part.embeddings.vectors for part in parts]
    features = [*material.features, None][:3]
    return {'embedding': describe_diversity(*vectors), 'O-Net': describe_diversity(*features)}


def _looks(material):
    return dict(zip(('set', 'training', 'held-out'), map(describe_looks, material.looks)))


def _classes(material):
    """Images of each class of a conditional network, beside those of the training set that has as many classes."""
    ours = material.source.classes()
    if ours is None:
        return None
    theirs = material.training and material.training.labels()
    return {'set': ours, 'training': theirs if theirs and max(ours) < len(theirs) else None}


def _nearest(material):
    """{name: [{cosine, images, names}]} of the nearest pairs."""
    source, training = material.source, material.training
    first = source.firsts[: material.crowd.count]
    told = {'set': _named(nearest_pairs(material.crowd.found.rows, SHOWN, True), source, first, source, first)}
    if training is not None:
        every = np.arange(training.count)
        told['training'] = _named(nearest_pairs(material.leaks, SHOWN, False), source, material.chosen, training, every)
        if material.held_out is not None:
            pairs = nearest_pairs(material.held_out_leaks, SHOWN, False)
            told['held-out'] = _named(pairs, material.held_out, material.held_out_chosen, training, every)
    return told


def _named(pairs, one, one_places, other, other_places):
    rows, columns, cosines = pairs
    ones, others = one_places[rows], other_places[columns]
    names, other_names = one.names(ones), other.names(others)
    return [
        {'cosine': float(cosine), 'images': [int(a), int(b)], 'names': [names[int(a)], other_names[int(b)]]}
        for a, b, cosine in zip(ones, others, cosines)
    ]


def _finite(value):
    """JSON values without infinity and NaN, which become None."""
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


# ----------------------------------------------------------------------------------------------------------------------
# What to be careful about.


def warnings_of(report, calibration_file=None):
    """Sentences about what makes the numbers mean less: a list of str."""
    told, trust = [], report['trust']
    grey = remark_on_grey(report['set']['shape'][0], calibration_file)
    told += [grey] if grey else []
    if trust and not trust['holds']:
        different = (
            '' if trust['labelled'] else ', or the set has many pictures of each person and no labels that say so'
        )
        told.append(
            f'The thresholds mean nothing here: {100 * trust["rate"]:.2g} % of the pairs of real pictures in '
            f'{trust["path"]} reach the threshold that {100 * trust["far"]:g} % of different people reach. These '
            f'pictures are not like those that the thresholds were measured on{different}. Measure thresholds with '
            'python -m synthesis calibrate, and give --calibration.'
        )
    if report['judged at'] > report['usable far'] * (1 + 1e-9):
        accidents = report['set']['people'] or report['set']['images']
        told.append(
            f'No threshold is strict enough for {accidents:,} images: even at FAR {report["judged at"]:g} each image '
            f'has {accidents * report["judged at"]:.2g} look-alikes by accident. Only the excess over real people '
            'counts. --extrapolate gives stricter thresholds.'
        )
    faceless = report['looks']['set']['without a face']
    if faceless > MOST_FACELESS:
        told.append(
            f'The face detector finds no face in {100 * faceless:.1f} % of the images of the set: embeddings of such '
            'images mean nothing. Train on, or leave them out: python -m synthesis generate --reject.'
        )
    leakage = report['leakage']
    if leakage and leakage.get('shared photographs'):
        told.append(
            f'{leakage["shared photographs"]:,} of the held-out images are training images too, so the baseline is '
            'wrong: name people who are not in the training set.'
        )
    if leakage and leakage['held-out people'] is None:
        told.append(
            'Leakage has no baseline: nobody can say how many of the training people would be as near by accident. '
            'Name other people, made by the same filter, with --held-out.'
        )
    kept = report['people']['levels'][-1]['kept']
    if kept * 10 < report['people']['people']:
        told.append(
            f'The set shows few people: of {report["people"]["people"]:,} identities only {kept:,} can be kept, even '
            f'at FAR {report["people"]["levels"][-1]["far"]:g}.'
        )
    return told


def not_measured(report):
    """Sentences about what was not measured, and what to do about it: a list of str."""
    told = []
    if report['training'] is None:
        told.append(
            'Whether the set resembles people of the training set, and precision, recall, density and coverage: give '
            '--training DATASET.'
        )
    elif report['held-out'] is None:
        told.append('The baseline of leakage, and C_T: give --held-out DATASET, with people who are not in training.')
    if report['people']['real path'] is None:
        told.append(
            'How many look-alikes as many real people have: give a --training or --held-out dataset that python -m '
            'prefilter made with --labels identity.'
        )
    if report['sameness'] is None:
        told.append('Whether variations keep the person: each identity of the set has one image.')
    elif report['leakage']:
        told.append('Leakage by variations: only the first image of each identity is compared with training images.')
    if report['sample']:
        told.append(
            f'All pairs: {report["sample"]["images"]:,} of {report["sample"]["of"]:,} identities were compared with '
            'all others, as --rows says. Curves are of the first ones.'
        )
    if report['classes'] is None:
        told.append('Age, sex, skin and other attributes of the faces: the set has no classes.')
    told.append('People whom the embedding cannot tell apart count as one person.')
    return told
