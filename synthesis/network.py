"""What a network can do, checked against the options of a dataset; and the recipe made of both."""

import dataclasses
from typing import List, Optional

import click
import numpy as np

from dnnlib.errors import UserError
from dnnlib.records.datasets import open_dataset
from metrics.batches import default_minibatch_size
from metrics.figures.drawing import TRUNCATION_CUTOFF, fine_layers
from metrics.named_directions import check_size
from metrics.styles import check_layers, network_directions
from synthesis.draws import BALANCED, LIKE_REALS, Classes
from synthesis.given import NOTHING, Given
from synthesis.options import GenerateOptions
from synthesis.variations import DIRECTIONS, FINE, NEAR, NOISE, Recipe, spread_inputs, spread_of

_NOT_NUMBERS = 'has values that are no numbers (NaN or infinite): choose an earlier snapshot.'
SPREAD_MINIBATCH = 64  # latents at a time; always the same, since the last bits of w depend on it


@dataclasses.dataclass(frozen=True)
class NetworkFacts:
    """What a generator is, as far as generating a dataset needs it."""

    side: int  # px of its images
    channels: int  # 1: grey, 3: RGB
    latent_size: int
    label_size: int  # 0: no labels
    dlatent_size: int
    num_layers: int  # style layers; 1: a network without styles, where one w is the input of the first layer
    grown_layers: int  # the layers that its images depend on; fewer than `num_layers` in the middle of growing
    has_noise: bool
    has_average: bool  # whether it knows the average w, that truncation needs

    @property
    def has_styles(self) -> bool:
        """Whether its layers have styles of their own."""
        return self.num_layers > 1

    @property
    def fine_layers(self) -> range:
        """The layers that `fine` changes: from 64x64 on; the later half of the grown layers, if they end before."""
        return range(fine_layers(self.grown_layers).start, self.num_layers) if self.has_styles else range(0)


def facts_of(Gs) -> NetworkFacts:
    """What a generator `Network` is, read in the default session."""
    synthesis = Gs.components.synthesis
    num_layers, dlatent_size = synthesis.input_shape[1:]
    side = Gs.output_shape[2]
    grown = num_layers - 2 * int(Gs.get_var('lod'))
    return NetworkFacts(
        side=side,
        channels=Gs.output_shape[1],
        latent_size=Gs.input_shape[1],
        label_size=Gs.input_shapes[1][1] if len(Gs.input_shapes) > 1 else 0,
        dlatent_size=dlatent_size,
        num_layers=num_layers,
        grown_layers=max(grown, min(num_layers, 4)),  # 8x8 is grown from the beginning
        has_noise=any(name.startswith('noise') for name in synthesis.vars),
        has_average=bool(np.any(Gs.get_var('dlatent_avg'))),
    )


def resolve(options: GenerateOptions, facts: NetworkFacts) -> GenerateOptions:
    """The options, with a value wherever None stands for one that depends on the network.

    Raises:
        click.UsageError, UserError: The network cannot do what is asked for.
    """
    if options.size is not None and options.size > facts.side:
        raise click.UsageError(
            f'--size {options.size}: images are only shrunk, and the network makes {facts.side}x{facts.side}: '
            f'give {facts.side} or less, or leave --size out.'
        )
    return dataclasses.replace(
        options,
        size=options.size or facts.side,
        minibatch=options.minibatch or default_minibatch_size(facts.side),
        psi_layers=_psi_layers(options.psi_layers, facts),
        classes=_classes(options.classes, facts),
        vary=_vary(options, facts),
    )


def _psi_layers(psi_layers, facts):
    if psi_layers is None:
        return min(TRUNCATION_CUTOFF, facts.num_layers)
    if psi_layers > facts.num_layers:
        raise click.UsageError(f'--psi-layers {psi_layers}: this network has {facts.num_layers} layers: give no more.')
    return psi_layers


def _classes(classes, facts):
    if not facts.label_size:
        if classes is not None:
            raise click.UsageError('--classes is for networks with labels, and this one has none: leave it out.')
        return None
    if isinstance(classes, tuple) and max(classes) >= facts.label_size:
        raise click.UsageError(
            f'--classes: there is no class {max(classes)}; this network has classes 0 to {facts.label_size - 1}.'
        )
    return BALANCED if classes is None else classes


def _vary(options, facts):
    if options.per_identity == 1:
        return ()
    able = {NOISE: facts.has_noise, FINE: facts.has_styles, DIRECTIONS: facts.has_styles, NEAR: True}
    if options.vary is None:
        vary = tuple(word for word in (NOISE, FINE) if able[word])
        if not vary:
            raise click.UsageError(f'This network has neither noise nor styles: give --vary {NEAR}.')
        return vary
    unable = [word for word in options.vary if not able[word]]
    if unable:
        what = 'noise inputs' if unable[0] == NOISE else 'styles of its layers'
        raise click.UsageError(f'--vary {unable[0]}: this network has no {what}: leave {unable[0]} out.')
    if DIRECTIONS in options.vary:
        check_layers('--direction-layers', options.direction_layers, facts.num_layers)
        beyond = max((number for number in options.directions if isinstance(number, int)), default=0)
        if beyond >= facts.dlatent_size:
            raise click.UsageError(
                f'--directions: there is no direction {beyond}; this network has 0 to {facts.dlatent_size - 1}.'
            )
        if min(options.direction_layers) >= facts.grown_layers:
            raise click.UsageError(
                f'--direction-layers: the layers from {facts.grown_layers} on are not grown yet in this network, '
                'so they change nothing: choose lower ones.'
            )
    return options.vary


def remarks_of(options: GenerateOptions, facts: NetworkFacts) -> List[str]:
    """Sentences about what the user may not expect, for resolved options."""
    remarks = []
    truncates = options.psi != 1 and options.psi_layers > 0
    if truncates and not facts.has_average:
        remarks.append(
            'The average w of this network is zero, as if it had not been trained: --psi pulls all images to w = 0; '
            '--psi 1 leaves them as they are.'
        )
    if truncates and options.psi == 0 and options.psi_layers >= facts.grown_layers:
        remarks.append('With --psi 0 all identities are the same person: the average of the network.')
    return remarks + growing_remark(facts)


def growing_remark(facts: NetworkFacts) -> List[str]:
    """A sentence about a network in the middle of growing; none for another one."""
    if facts.grown_layers == facts.num_layers:
        return []
    side = 2 ** (facts.grown_layers // 2 + 1)
    return [f'This network is still growing: its images are {side}x{side}, enlarged to {facts.side}x{facts.side}.']


def recipe_of(Gs, options: GenerateOptions, given: Given = NOTHING) -> Recipe:
    """The recipe of a dataset. Its last bits may depend on the number of threads.

    Args:
        Gs: Generator `Network`, in the default session.
        options: Resolved by `resolve`.
        given: `synthesis.given.Given`.

    Raises:
        UserError: Weights of the network are no numbers.
    """
    facts = facts_of(Gs)
    average = Gs.get_var('dlatent_avg')
    if not np.isfinite(average).all():
        raise UserError(f'The average w of this network {_NOT_NUMBERS}')
    spread = directions = None
    if NEAR in options.vary:
        spread = _spread(Gs, facts)
    if DIRECTIONS in options.vary:
        if given.vectors is None:
            directions = network_directions(Gs, options.direction_layers)[0][list(options.directions)]
        else:
            directions = np.array(given.vectors, np.float32)
            check_size(directions, facts.dlatent_size)
    return Recipe(
        seed=options.seed,
        dlatent_avg=average,
        psi=options.psi,
        psi_layers=options.psi_layers,
        classes=None if options.classes is None else Classes(options.classes, facts.label_size, given.frequencies),
        vary=options.vary,
        fine_layers=facts.fine_layers,
        fine=options.fine,
        near=options.near,
        spread=spread,
        directions=directions,
        direction_layers=options.direction_layers,
        distance=options.direction_distance,
    )


def _spread(Gs, facts):
    latents, labels = spread_inputs(facts.latent_size, facts.label_size)
    dlatents = Gs.components.mapping.run(latents, labels, minibatch_size=SPREAD_MINIBATCH)
    spread = spread_of(dlatents.reshape([len(latents), -1])[:, : facts.dlatent_size])  # the same w for all layers
    if not np.isfinite(spread).all():
        raise UserError(f'The mapping of this network {_NOT_NUMBERS}')
    return spread


def frequencies_of(data: Optional[str], label_size: int) -> np.ndarray:
    """How many images of each class a dataset has, int64 [label_size].

    Args:
        data: Folder of the dataset of the training; None if it is not known.
        label_size: Of the network.

    Raises:
        UserError: There is no dataset, it has no labels of this size, or its labels are not one class an image.
    """
    if data is None:
        raise UserError(f'--classes {LIKE_REALS} needs the dataset of the training: name it with --data.')
    with open_dataset(data) as dataset:
        labels = dataset.labels
    if labels is None:
        raise UserError(f'--classes {LIKE_REALS}: {data} has no labels: name the dataset of the training with --data.')
    if labels.size > label_size:
        raise UserError(
            f'--classes {LIKE_REALS}: {data} has labels of {labels.size} numbers, and the network of {label_size}: '
            'name the dataset of the training with --data.'
        )
    classes = labels.classes()
    if classes is None:
        raise UserError(
            f'--classes {LIKE_REALS}: the images of {data} have several attributes instead of one class: choose class '
            f'numbers, or {BALANCED}.'
        )
    return np.bincount(classes, minlength=label_size)
