"""The verb `python -m synthesis prune`: a set in, and a set out without what should not be given away."""

from dnnlib.verb import STATUS, Verb  # noqa: I001  first: Ctrl-C shows no traceback, and TensorFlow keeps quiet

import os
import shlex
import sys

import click

from dnnlib.errors import UserError
from dnnlib.exports.card import CARD_FILES
from dnnlib.exports.flags import export_flags
from dnnlib.exports.forms import check_exports, check_parts, names_written
from dnnlib.faces.runtimes import resolve_device
from dnnlib.flags import FiniteRange
from dnnlib.jobs.command import check_runner, choose_cluster, exit_on_signals, plan_processes, processing_flags
from dnnlib.jobs.command import saying_how_to_go_on
from dnnlib.records.names import AUDIT_PAGE, MANIFEST_FILE, REPORT_FILE
from metrics.arithmetic.pruning import ORDERS, SEED
from metrics.features.embeddings import open_embedding
from synthesis.audit.embeddings import share_embeddings
from synthesis.audit.options import AuditOptions, beside, check_audit_options
from synthesis.audit.plan import LEAST_PEOPLE
from synthesis.audit.run import audit_set, levels_of
from synthesis.embedding_flags import embedding_flags
from synthesis.generate import SET_FORM, Processes
from synthesis.images import SetImages
from synthesis.prune.choice import MEANINGS, REMOVED_FILE
from synthesis.prune.options import PruneOptions, check_prune_options
from synthesis.prune.run import check_out, decide, make_pruned
from synthesis.prune.source import SourceSet

AUDIT_FLAGS = 'training', 'held_out', 'calibration', 'embedding', 'embedding_settings', 'extrapolate'
EPILOG = """\b
Examples:
  python -m synthesis prune datasets/synthetic --training datasets/faces --out datasets/released
  python -m synthesis prune datasets/synthetic --training datasets/faces --drop asked.txt --out datasets/released-2

If a run was ended before its end, the same command goes on with it.
"""


@click.command(cls=Verb, epilog=EPILOG)
@click.argument('source', metavar='SET', type=click.Path())
@click.option('--out', required=True, type=click.Path(), help='Folder of the set to make, such as datasets/NAME.')
@click.option('--training', metavar='DATASET', type=click.Path(), help='Take out identities like people in here.')
@click.option(
    '--unique-far',
    type=FiniteRange(0, 0.5),
    metavar='FAR',
    help='Take out look-alikes: two identities are alike if their images are as near as of this share of pairs of '
    'different people. 0 leaves look-alikes in.  [default: 0.1 look-alikes by accident for each identity]',
)
@click.option(
    '--leak-far',
    type=FiniteRange(0, 0.5),
    metavar='FAR',
    help='Likewise, for identities and people of the training set.  [default: likewise]',
)
@click.option(
    '--min-score', type=FiniteRange(0, 1), metavar='SCORE', help='Take out images whose face has a lower score.'
)
@click.option(
    '--drop',
    metavar='LIST',
    type=click.Path(dir_okay=False),
    help='Text file: take out these identities. Each line has the number of an identity, or the path of an image as in '
    'manifest.jsonl.',
)
@click.option(
    '--held-out',
    metavar='DATASET',
    type=click.Path(),
    help='Other people than in --training, as many: the baseline of the audit of what remains.',
)
@click.option(
    '--audit/--no-audit', default=True, show_default=True, help='Audit what remains, as python -m synthesis audit does.'
)
@click.option('--calibration', metavar='FILE', help='Thresholds that python -m synthesis calibrate measured.')
@click.option('--extrapolate', is_flag=True, help='Use thresholds that were extrapolated, too: for large sets.')
@click.option(
    '--order', type=click.Choice(ORDERS), default=SEED, show_default=True, help='Whom of look-alikes to keep.'
)
@click.option('--licence', help='Licence of the new set, for its card.  [default: of SET]')
@click.option('--dry-run', is_flag=True, help='Print what would be taken out; make nothing.')
@embedding_flags
@export_flags
@processing_flags(
    device_help='Where embeddings are computed; auto takes a GPU if there is one.',
    staging_help="Folder or gs://, hdfs://, ... that this machine and Beam's workers reach. Results go through it. "
    'Give it if the workers do not reach SET.',
)
def prune(**flags):
    """Make a set of the images of SET that can be given away.

    SET is a folder that python -m synthesis made. Look-alikes are taken out until no two identities are alike, and so
    are identities like people of the training set. The images that stay are not made again: they keep their bytes.
    """
    options = PruneOptions(**flags)
    check_prune_options(options)
    check_runner(options, 'faces are embedded')
    check_out(options)
    source = SourceSet(options.source)
    with SetImages(source.folder, source.count, 1) as images:
        side = images.shape[1]
    check_exports(options.export, side, True, there=[SET_FORM])
    cluster = choose_cluster(options)
    device = 'cpu' if cluster else resolve_device(options.device)
    processes = Processes.planned(*plan_processes(options, device))
    embedding = None
    if options.compares or options.audit:
        embedding = open_embedding(options.embedding, options.embedding_settings, device)
    if options.audit:  # its flags are checked now, though it comes last
        check_audit_options(_audited(options))
        levels_of(_audited(options), embedding, side)
    exit_on_signals()
    with saying_how_to_go_on():
        decision = decide(source, options, embedding, processes, cluster)
    stays = decision.choice.stays
    check_parts(options.export, source.identities[stays])
    _tell(decision)
    if options.dry_run:
        click.echo(f'{int(stays.sum()):,} images would stay. Nothing is made: leave out --dry-run to begin.')
        return
    with saying_how_to_go_on(options.out):
        result = make_pruned(decision, options)
    click.echo(f'{result["images"]:,} images of {result["identities"]:,} identities stay.')
    name = os.path.basename(os.path.abspath(options.out))
    written = [MANIFEST_FILE, REMOVED_FILE, *CARD_FILES, *names_written(options.export, name, [SET_FORM])]
    click.echo(f'{options.out}: {", ".join(written)}.')
    click.echo(f'Look at {os.path.join(options.out, REPORT_FILE)}.')
    if options.audit and result['identities'] < LEAST_PEOPLE:
        click.echo('One identity is left, so there is nothing to audit.')
    elif options.audit:
        _audit(decision, options, embedding, processes, cluster)


def _audit(decision, options, embedding, processes, cluster):
    """Audits what remains. Its embeddings are known already."""
    if options.compares:
        share_embeddings(decision.source.folder, options.out, decision.choice.stays, embedding)
    audited = _audited(options)
    try:
        sentences = audit_set(audited, embedding, processes, cluster)
    except (KeyboardInterrupt, SystemExit, UserError) as error:
        click.echo(f'{options.out} is whole, but was not audited: {_audit_command(options)}', err=True)
        if isinstance(error, UserError):
            raise
        sys.exit(STATUS if isinstance(error, KeyboardInterrupt) else error.code)
    for sentence in sentences:
        click.echo(sentence)
    click.echo(f'Look at {os.path.join(audited.folder, AUDIT_PAGE)}.')


def _audited(options):
    """The `AuditOptions` of the audit of what remains."""
    # The page shows photographs of the training set, which are not to be given away with the new set.
    out = None if options.training is None else beside(options.out)
    return AuditOptions(source=options.out, out=out, **{name: getattr(options, name) for name in AUDIT_FLAGS})


def _audit_command(options):
    """The command that audits what remains."""
    values = {name: getattr(_audited(options), name) for name in (*AUDIT_FLAGS, 'out')}
    if options.embedding == 'facenet':
        del values['embedding']
    settings = values['embedding_settings']
    values['embedding_settings'] = settings and ','.join(f'{name}={value}' for name, value in settings.items())
    words = ['python', '-m', 'synthesis', 'audit', options.out]
    for name, value in values.items():
        if value:
            words += [f'--{name.replace("_", "-")}', *([] if value is True else [value])]
    return ' '.join(map(shlex.quote, words))


def _tell(decision):
    source, choice = decision.source, decision.choice
    click.echo(f'{source.folder}: {source.count:,} images of {len(choice.names):,} identities.')
    gone = choice.identities_gone()
    for reason, count in choice.counts().items():
        click.echo(f'{reason} ({MEANINGS[reason]}): {count:,} images, {gone.get(reason, 0):,} identities.')
    for sentence in decision.warnings:
        click.echo(sentence, err=True)
