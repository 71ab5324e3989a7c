"""What an audit found, in sentences: for the screen, the card of the set, and the head of the page."""

NOTHING = '–'


def percent(share):
    """'3.2 %', '0.012 %'; '–' if it is not known."""
    if share is None:
        return NOTHING
    value = 100 * share
    return f'{value:.2g} %' if 0 < value < 1 else f'{value:.1f} %'


def change(share):
    """'+3.2 %', '−0.012 %'."""
    return ('−' if share < 0 else '+') + percent(abs(share))


def chosen(levels, far):
    """The dict of a false accept rate among those of a report."""
    return next(level for level in levels if level['far'] == far)


def findings_in_words(report):
    """Sentences about a set, the most important first: a list of str.

    Args:
        report: As `synthesis.audit.report.report_of` returns it.
    """
    told = [*report['warnings'], *_about_people(report), *_about_leakage(report), *_about_sameness(report)]
    return [*told, _about_thresholds(report)]


def _about_people(report):
    people, far = report['people'], report['judged at']
    level = chosen((report['sample'] or people)['levels'], far)
    total = report['sample']['of'] if report['sample'] else people['people']
    told = (
        f'Of {total:,} identities, {percent(level["with a look-alike"])} have a look-alike within the set (FAR {far:g}'
    )
    beside = chosen(people['levels'], far)['beside real people']
    if beside is None:
        return [f'{told}); by accident, {percent(level["by accident"])} of as many different people would have one.']
    among = '' if beside['people'] == total else f' Of its first {beside["people"]:,} identities, '
    among = among and f'{among}{percent(beside["with a look-alike"])} have one among each other.'
    return [
        f'{told}).{among} Of {beside["people"]:,} real people, {percent(beside["real with a look-alike"])} have one.',
        f'Of {beside["people"]:,} identities {beside["kept"]:,} can be kept without look-alikes; of as many real '
        f'people {beside["real kept"]:,}.',
    ]


def _about_leakage(report):
    leakage = report['leakage']
    if leakage is None:
        return ['Whether the set resembles people of the training set was not measured.']
    level = chosen(leakage['levels'], leakage['judged at'])
    told = (
        f'{percent(level["share"])} of {leakage["people"]:,} identities have a look-alike among '
        f'{leakage["training images"]:,} training images (FAR {level["far"]:g})'
    )
    if level['held-out share'] is None:
        told = f'{told}. This number has no baseline, because no other real people were given to compare with.'
    else:
        low, high = level['difference interval']
        told = (
            f'{told}; of {leakage["held-out people"]:,} other real people {percent(level["held-out share"])} '
            f'(difference {change(level["difference"])}, 95 % interval {change(low)} to {change(high)}).'
        )
    copies = leakage['copies']
    return [
        told,
        f'{copies["count"]:,} of {copies["compared"]:,} images are copies of training images pixel by pixel, mirrored '
        'ones included.',
    ]


def _about_sameness(report):
    sameness, real = report['sameness'], report['real sameness']
    if sameness is None:
        return []
    far = report['judged at']
    told = (
        f'{percent(chosen(sameness["all"]["levels"], far)["accepted"])} of the pairs of images of one identity match '
        f'(FAR {far:g})'
    )
    if real is None:
        return [f'{told}.']
    accepted = chosen(real['all']['levels'], far)['accepted']
    return [f'{told}; of the pairs of photographs of one real person {percent(accepted)}.']


def _about_thresholds(report):
    title, origin = report['embedding']['title'], report['embedding']['origin']
    return (
        f'Two images are look-alikes if the cosine of their {title} embeddings reaches a threshold. FAR is the share '
        f'of pairs of different people that reach it. The thresholds: {report["thresholds"]["source"].rstrip(".")}. '
        f'{origin}'
    )
