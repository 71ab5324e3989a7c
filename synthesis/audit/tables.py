"""Charts and tables of the page about an audit."""

import numpy as np

from dnnlib.pages import charts
from synthesis.audit.words import NOTHING, change, chosen, percent

CURVES = 3  # false accept rates with a chart
BARS_WIDTH = 16  # bins of a histogram, of 1/1024, in a bar
FIDELITY = 'precision', 'recall', 'density', 'coverage'


def curves_of(report):
    """Charts of K(n) and U(n) at the rates that matter most: the judged one and those next to it."""
    curves, levels = report['people']['curves'], report['people']['levels']
    places = sorted(range(len(levels)), key=lambda place: abs(np.log(levels[place]['far'] / report['judged at'])))
    drawn = []
    for place in sorted(places[:CURVES]):
        far = f'FAR {levels[place]["far"]:g}'
        for what, title in (('kept', 'Kept'), ('unique', 'Without a look-alike')):
            lines = [charts.Line('set', list(zip(curves['sizes'], curves[what][place])))]
            if f'real {what}' in curves:
                lines.append(charts.Line('real people', list(zip(curves['real sizes'], curves[f'real {what}'][place]))))
            span = curves['sizes'][0], curves['sizes'][-1]
            drawn.append(charts.chart(f'{title}, {far}', lines, span, against='number of images'))
    return drawn


def uniqueness_of(report):
    """The table of look-alikes within the set: titles, rows and remarks."""
    people = report['people']
    rows = []
    for level in people['levels']:
        beside = level['beside real people'] or {}
        further = level['at least']
        rows.append(
            [
                f'{level["far"]:g}{"" if _observed(report, level) else " *"}',
                f'{level["cosine"]:.3f}',
                f'{level["pairs"]:,}',
                percent(level['with a look-alike']),
                percent(level['by accident']),
                percent(beside.get('with a look-alike')),
                percent(beside.get('real with a look-alike')),
                f'{level["kept"]:,}',
                f'{beside["real kept"]:,}' if beside else NOTHING,
                f'{further[0]["people"]:,.0f}' if further else NOTHING,
            ]
        )
    count = people['real people']
    ten_times = f'at least, of {10 * people["people"]:,}'
    remarks = [
        'FAR: share of pairs of different people that reach the threshold. By accident: share of as many different '
        'people who would have a look-alike at that FAR.'
    ]
    if any(not level['observed'] for level in report['thresholds']['levels']):
        remarks.append('* This threshold was not observed but extrapolated by a generalised Pareto tail.')
    sample = report['sample']
    if sample:
        remarks.append(
            f'{sample["images"]:,} identities, drawn at random, were compared with all {sample["of"]:,}: '
            + '; '.join(
                f'FAR {level["far"]:g}: {percent(level["with a look-alike"])} have a look-alike '
                f'({percent(level["interval"][0])} to {percent(level["interval"][1])})'
                for level in sample['levels']
            )
            + f'. The table and the curves are of the first {people["people"]:,} identities.'
        )
    return {
        'titles': [
            'FAR',
            'threshold',
            'pairs',
            'with a look-alike',
            'by accident',
            f'of the first {count:,}' if count else 'of the first …',
            f'of {count:,} real people' if count else 'of real people',
            'kept',
            f'kept of {count:,} real' if count else 'kept of real',
            ten_times,
        ],
        'rows': rows,
        'remarks': remarks,
    }


def _observed(report, level):
    return chosen(report['thresholds']['levels'], level['far'])['observed']


def sections_of(report):
    """The further sections: dicts of title, paragraphs, charts and tables."""
    made = [make(report) for make in (_leaks, _sameness, _diversity, _looks, _classes, _scores)]
    return [section for section in made if section]


def _leaks(report):
    leakage = report['leakage']
    if leakage is None:
        return None
    rows = []
    for level in leakage['levels']:
        has_baseline = level['held-out share'] is not None
        low, high = level['difference interval'] if has_baseline else (None, None)
        rows.append(
            [
                f'{level["far"]:g}{"" if _observed(report, level) else " *"}',
                f'{level["cosine"]:.3f}',
                f'{level["images"]:,}',
                percent(level['share']),
                percent(level['held-out share']),
                f'{change(level["difference"])} ({change(low)} to {change(high)})' if has_baseline else NOTHING,
                percent(level['by accident']),
            ]
        )
    quantiles = [
        [
            f'{100 * each["probability"]:g} % of the images are below',
            f'{each["cosine"]:.3f}',
            f'{each["held-out"]:.3f}' if 'held-out' in each else NOTHING,
            '{difference:+.3f} ({low:+.3f} to {high:+.3f})'.format(**each).replace('-', '−')
            if 'low' in each
            else NOTHING,
        ]
        for each in leakage['quantiles']
    ]
    paragraphs = [
        f'Authenticity: {percent(leakage["authenticity"])} of the images are farther from their nearest training image '
        f'than that one is from its own nearest neighbour; of the held-out people '
        f'{percent(leakage["held-out authenticity"])}.'
    ]
    return {
        'title': 'Nearness to the training set, by threshold',
        'paragraphs': paragraphs,
        'charts': [],
        'tables': [
            {
                'titles': [
                    'FAR',
                    'threshold',
                    'identities',
                    'of the set',
                    'of other people',
                    'difference',
                    'by accident',
                ],
                'rows': rows,
            },
            {
                'titles': ['cosine with the nearest training image', 'set', 'other people', 'difference'],
                'rows': quantiles,
            },
        ],
    }


def _sameness(report):
    sameness, real = report['sameness'], report['real sameness']
    if sameness is None:
        return None
    kinds = [('all pairs', sameness['all']), *sameness['by kind'].items()]
    kinds += [('photographs of one real person', real['all'])] if real else []
    rows = [
        [
            name,
            f'{kind["pairs"]:,}',
            f'{kind["mean"]:.3f}',
            f'{kind["quantiles"]["0.05"]:.3f}',
            *(percent(level['accepted']) for level in kind['levels']),
        ]
        for name, kind in kinds
    ]
    fars = [f'match at {level["far"]:g}' for level in sameness['all']['levels']]
    return {
        'title': 'Images of one identity',
        'paragraphs': [f'{sameness["identities"]:,} identities have several images.'],
        'charts': [],
        'tables': [{'titles': ['pairs', 'number', 'mean cosine', '5 % below', *fars], 'rows': rows}],
    }


def _diversity(report):
    found = report['diversity']
    if not found or not any(found.values()):
        return None
    rows = []
    for name, told in found.items():
        if told is None:
            continue
        for who in ('set', 'held-out', 'training'):
            if told[who]:
                values = [f'{told[who][key]:.3f}' if key in told[who] else NOTHING for key in FIDELITY]
                rows.append([f'{who}, {name}', *values, f'{told[who]["vendi"]:.1f}'])
    count = next(told['images'] for told in found.values() if told)
    return {
        'title': 'Diversity and fidelity',
        'paragraphs': [
            f'{count:,} images of each dataset, compared with as many training images, by their embeddings and by the '
            'features of fd_onet. Real people who are not in training (held-out) show what to expect. The Vendi score '
            'is the number of different images in effect.'
        ],
        'charts': [],
        'tables': [{'titles': ['', *FIDELITY, 'Vendi'], 'rows': rows}],
    }


def _looks(report):
    looks = report['looks']
    rows = [
        [title, *(' · '.join(map(_short, told['quantiles'][title])) for told in looks.values())]
        for title in looks['set']['quantiles']
    ]
    for name in ('without a face', 'several faces', 'low score'):
        rows.append([name, *(percent(told[name]) for told in looks.values())])
    return {
        'title': 'How the images look',
        'paragraphs': ['5 %, median and 95 % of the images. Low score: the detector’s score is below 0.95.'],
        'charts': [],
        'tables': [{'titles': ['', *looks], 'rows': rows}],
    }


def _short(value):
    return (f'{value:,.0f}' if abs(value) >= 100 else f'{value:.3g}').replace('-', '−')


def _classes(report):
    classes = report['classes']
    if classes is None:
        return None
    columns = [counts for counts in (classes['set'], classes['training']) if counts]
    rows = [
        [str(name), *(percent(counts.get(name, 0) / max(sum(counts.values()), 1)) for counts in columns)]
        for name in classes['set']
    ]
    return {
        'title': 'Classes',
        'paragraphs': ['Share of the images with each class of the conditional network.'],
        'charts': [],
        'tables': [{'titles': ['class', 'set', 'training'][: 1 + len(columns)], 'rows': rows}],
    }


def _scores(report):
    edges, people, leakage = report['edges'], report['people'], report['leakage']
    drawn = [_histogram('Cosines of two identities', edges, people['scores'], people['real scores'], 'real people')]
    if leakage:
        drawn.append(
            _histogram(
                'Cosines with the nearest training image',
                edges,
                leakage['scores'],
                leakage['held-out scores'],
                'other people',
            )
        )
    return {
        'title': 'Distributions of scores',
        'paragraphs': ['The height is a share in per cent.'],
        'charts': [chart for chart in drawn if chart],
        'tables': [],
    }


def _histogram(title, edges, ours, theirs, name):
    shares, bounds = [], None
    for counts in (ours, theirs):
        if counts is None or not sum(counts):
            continue
        full = np.array(counts[: len(counts) // BARS_WIDTH * BARS_WIDTH], np.float64)
        full[-1] += sum(counts[len(full) :])
        joined = full.reshape(-1, BARS_WIDTH).sum(axis=1)
        shares.append(100 * joined / joined.sum())
    if not shares:
        return None
    bounds = np.array(edges[: len(shares[0]) * BARS_WIDTH + 1 : BARS_WIDTH])
    used = np.flatnonzero(sum(shares))
    first, last = used[0], used[-1] + 1
    bars = [
        charts.Bars(label, share[first:last].tolist(), colour)
        for colour, (label, share) in enumerate(zip(('set', name), shares))
    ]
    ticks = [(tick, f'{tick:g}'.replace('-', '−')) for tick in (np.arange(-5, 6) / 5).tolist()]
    ticks = [tick for tick in ticks if bounds[first] <= tick[0] <= bounds[last]]
    return charts.histogram(title, bounds[first : last + 1].tolist(), ticks, bars)


def facts_of(report):
    """[(name, value)]: datasets, network, embedding and thresholds."""
    told = [('set', _of_dataset(report['set']))]
    for name in ('training', 'held-out'):
        if report[name]:
            told.append((name, _of_dataset(report[name])))
    if report['network']:
        told.append(('network', f'{report["network"]["name"]}, SHA-256 {report["network"]["sha256"]}'))
    told += [
        ('embedding', '{title}, {size} numbers, identity {identity}'.format(**report['embedding'])),
        ('thresholds', report['thresholds']['source']),
    ]
    for level in report['thresholds']['levels']:
        kind = 'observed' if level['observed'] else 'extrapolated'
        low, high = level['interval']
        told.append((f'threshold at FAR {level["far"]:g}', f'{level["cosine"]:.4f} ({low:.4f} to {high:.4f}), {kind}'))
    return told


def _of_dataset(told):
    people = '' if told['people'] is None else f' of {told["people"]:,} people'
    return f'{told["path"]}: {told["images"]:,} images{people}, fingerprint {told["fingerprint"]}'
