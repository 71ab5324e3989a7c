"""The graph of one training step over all replicas, and the numbers that go into it."""

import re

import numpy as np
import tensorflow.compat.v1 as tf

from dnnlib import tflib
from dnnlib.random_streams import D_DRAWS, D_LATENTS, G_DRAWS, G_LABELS, G_LATENTS, noise_seed, seed_from
from dnnlib.util import EasyDict
from training import losses, networks_progan, networks_stylegan
from training.auxiliary import Auxiliary, KeptImages
from training.networks_stylegan import active_lod
from training.options import PROGAN, STYLEGAN
from training.precision import FIRST_LOSS_SCALING_LOG2, half_dtype, optimizer_arguments, precision_arguments

_REPLICA = re.compile(r'^G_replica\d+/')  # begins the names of variables that each replica has for itself
_LOSS_SCALING = '{}/loss_scaling_log2'  # the name of an optimizer's loss scale in a state


BUILD_FUNCTIONS_OF = {  # of G and D, by the names in `training.options`
    STYLEGAN: (networks_stylegan.G_style, networks_stylegan.D_basic),
    PROGAN: (networks_progan.G_paper, networks_progan.D_paper),
}


def make_networks(options, num_channels, label_size):
    """Builds G and D with fresh weights; arguments as of `network_arguments`. Returns the tuple (G, D) of `Network`."""
    arguments = network_arguments(options, num_channels, label_size)
    functions = BUILD_FUNCTIONS_OF[options.architecture]
    return tuple(tflib.Network(name, function, **arguments[name]) for name, function in zip('GD', functions))


def network_arguments(options, num_channels, label_size):
    """The arguments of the build functions of G and D.

    Args:
        options: `TrainingOptions`. If the run starts from a pickle, `options.networks` decides instead of the others.
        num_channels: Channels of the images, 1 or 3.
        label_size: Number of label columns, 0 without labels.

    Returns:
        Dict of 'G' and 'D' to a dict of arguments.
    """
    if options.networks:
        return options.networks
    shape = {
        'num_channels': num_channels,
        'resolution': options.resolution,
        'label_size': label_size,
        'fmap_base': options.fmap_base,
        'fmap_max': options.fmap_max,
    }
    if options.architecture == PROGAN:
        return {'D': shape, 'G': dict(shape, latent_size=options.latent_size)}
    return {
        'D': shape,
        'G': dict(
            shape,
            latent_size=options.latent_size,
            dlatent_size=options.latent_size,
            mapping_fmaps=options.latent_size,
            mapping_layers=options.mapping_layers,
            style_mixing_prob=options.style_mixing_prob,
        ),
    }


class TrainingStep:
    """Networks, optimizers and the ops that train them, replicated over devices.

    Every replica has a copy of G and D. The copies stay equal, because gradients are averaged over the replicas. Each
    replica draws its own style mixing and noise, forms its own groups in the minibatch stddev layer, and tracks its own
    average of w; only the average of replica 0 is used. Other processes have the other replicas of a run, and call the
    same methods in the same order.

    Args:
        options: `TrainingOptions`.
        training_set: `TrainingSet`, for the shapes and the random labels.
        replicas: `dnnlib.tflib.Replicas`: the ones in this process, which are built here, and those of all processes.

    Attributes:
        options, training_set: As given. They may be replaced by others that give the same graph.
        G, D: The networks of the first replica in this process.
        Gs: The moving average of G.
    """

    def __init__(self, options, training_set, replicas):
        self.options, self.training_set, self._replicas = options, training_set, replicas
        self._devices = replicas.devices
        self._make_networks()
        self._make_placeholders()
        scaling = optimizer_arguments(options)
        self._G_optimizer = tflib.Optimizer('TrainG', self._inputs.G_lrate, **scaling)
        self._D_optimizer = tflib.Optimizer('TrainD', self._inputs.D_lrate, **scaling)
        stats = [self._make_replica(index) for index in range(len(self._devices))]
        self._G_update = self._G_optimizer.apply_updates(False, replicas.processes)
        self._D_update = self._D_optimizer.apply_updates(False, replicas.processes)
        self._reset_optimizers = tf.group(self._G_optimizer.reset_op, self._D_optimizer.reset_op)
        self._set_lods = tf.group(
            *[
                tf.assign(variable, self._inputs.lod)
                for net in [*self._G_replicas, *self._D_replicas, *self._C_replicas]
                for name, variable in net.vars.items()
                if name.split('/')[-1] == 'lod'
            ]
        )
        self._restore_dlatent_avgs = tf.group(
            *[
                tf.assign(average, tf.where(tf.is_finite(average), average, self.Gs.vars['dlatent_avg']))
                for average in (G.vars['dlatent_avg'] for G in self._G_replicas if 'dlatent_avg' in G.vars)
            ]
        )
        self._Gs_update = self.Gs.setup_as_moving_average_of(self.G, beta=self._inputs.Gs_beta)
        self._stats = {which: replicas.means([replica[which] for replica in stats]) for which in 'GD'}
        # Once, when the graph is complete: the first run of anything in a graph that has grown takes long.
        self.reset_optimizers()
        tflib.run([variable.initializer for variable in self._loss_scalings().values()])

    # ----------------------------------------------------------------------------------------------------------------
    # Graph

    def _make_networks(self):
        with tf.device(self._devices[0]):
            self.G, self.D = make_networks(self.options, self.training_set.shape[0], self.training_set.label_size)
            self.Gs = self.G.clone('Gs')
            # Before the copies, so that first weights do not depend on how many replicas a process has.
            self._auxiliary = None
            if self.options.auxiliary is not None:
                self._auxiliary = Auxiliary(self.options, self.D, self.training_set.label_kind)
        self._G_replicas, self._D_replicas = [self.G], [self.D]
        self._C_replicas = [] if self._auxiliary is None else self._auxiliary.replicas
        for device in self._devices[1:]:
            with tf.device(device):
                self._G_replicas.append(self.G.clone())
                self._D_replicas.append(self.D.clone())
                self._C_replicas += [C.clone() for C in self._C_replicas[:1]]

    def _make_placeholders(self):
        channels, labels = self.training_set.shape[0], self.training_set.label_size
        with tf.name_scope('inputs'), tf.device('/cpu:0'):
            self._inputs = EasyDict(
                lod=tf.placeholder(tf.float32, [], 'lod'),
                G_lrate=tf.placeholder(tf.float32, [], 'G_lrate'),
                D_lrate=tf.placeholder(tf.float32, [], 'D_lrate'),
                Gs_beta=tf.placeholder(tf.float32, [], 'Gs_beta'),
                reals=tf.placeholder(tf.uint8, [None, channels, None, None], 'reals'),
                mirror_draws=tf.placeholder(tf.float32, [None], 'mirror_draws'),
                labels=tf.placeholder(tf.float32, [None, labels], 'labels'),
                latents=tf.placeholder(tf.float32, [None, *self.G.input_shape[1:]], 'latents'),
                seeds=tf.placeholder(tf.int32, [len(self._devices), 2], 'seeds'),
            )
            self._shares = {
                name: tf.split(self._inputs[name], len(self._devices))
                for name in ('reals', 'mirror_draws', 'labels', 'latents')
            }

    def _make_replica(self, index):
        """Builds the losses of a replica and registers its gradients; returns dicts of means to report, for G and D."""
        G, D = self._G_replicas[index], self._D_replicas[index]
        share = EasyDict({name: shares[index] for name, shares in self._shares.items()})
        seed = self._inputs.seeds[index]
        with tf.device(self._devices[index]), tf.name_scope(f'replica{index}'):
            # Images of the side that trains give the same losses as upscaled ones, with less work.
            kwargs = {'random_seed': seed, **active_arguments(G, D)}
            kwargs.update(precision_arguments(self.options, self._devices[index]))
            reals = losses.process_reals(
                share.reals,
                self._inputs.lod,
                share.mirror_draws,
                output_lod=active_lod(self._inputs.lod, self.options.resolution),
            )
            G_function, D_function = losses.losses_of(self.options)
            made_for_G, made_for_D = KeptImages(G), KeptImages(G)
            G_loss = G_function(made_for_G, D, share.latents, share.labels, **kwargs)
            D_loss = D_function(made_for_D, D, share.latents, share.labels, reals, **kwargs)
            means = {
                which: {f'{which}_loss': tf.reduce_mean(loss.value)} for which, loss in (('G', G_loss), ('D', D_loss))
            }
            means['D'].update({name: tf.reduce_mean(value) for name, value in D_loss.stats.items()})
            trained = {'G': G_loss.value, 'D': D_loss.value}
            trainables = {'G': [*G.trainables.values()], 'D': [*D.trainables.values()]}
            if self._auxiliary is not None:  # C is trained with D, by the same optimizer
                images = made_for_G.images, made_for_D.images, reals
                more = self._auxiliary.losses(index, *images, share.labels, **active_arguments(G, D))
                trained['G'] = self._auxiliary.mixed(means['G']['G_loss'], more.of_G)
                trained['D'] = means['D']['D_loss'] + more.of_C  # neither depends on the weights of the other
                trainables['D'] += self._C_replicas[index].trainables.values()
                means['G']['G_label_loss'] = more.of_G
                means['D'].update(more.stats)
        self._G_optimizer.register_gradients(trained['G'], trainables['G'], self._devices[index])
        self._D_optimizer.register_gradients(trained['D'], trainables['D'], self._devices[index])
        return means

    # ----------------------------------------------------------------------------------------------------------------
    # Steps

    def set_lod(self, lod):
        """Sets the level of detail of G and D. Gs takes it over at its next update."""
        tflib.run(self._set_lods, {self._inputs.lod: lod})

    def train_D(self, schedule, cur_nimg, reals, labels, mirror_draws):
        """Makes one step of D.

        Args:
            schedule: Settings from `training_schedule`.
            cur_nimg: Number of reals shown before. With the seed it decides the step's random numbers.
            reals: uint8 [N, C, H, W] at the resolution of floor(lod): this process's share of the minibatch.
            labels: float32 [N, L].
            mirror_draws: float32 [N], see `TrainingSet.minibatch`.

        Returns:
            Dict of means over the minibatch: D_loss, real_scores, fake_scores, and the penalty of the loss, if it has
            one: r1_penalty, r2_penalty or gradient_penalty. With half precision also D_skipped: 1 if a gradient was not
            finite, so that D stays as it was, else 0. With --auxiliary also C_real_loss and C_fake_loss, and for a
            classifier C_real_accuracy and C_fake_accuracy.
        """
        feed = self._random_numbers(cur_nimg, schedule.minibatch, D_LATENTS, D_DRAWS)
        feed.update(
            {
                self._inputs.lod: schedule.lod,
                self._inputs.D_lrate: schedule.D_lrate,
                self._inputs.reals: reals,
                self._inputs.labels: labels,
                self._inputs.mirror_draws: mirror_draws,
            }
        )
        return self._run_update('D', self._D_update, self._D_optimizer, feed)

    def update_Gs(self, minibatch):
        """Moves the weights of Gs towards G, with a half-life of G_smoothing_kimg; copies the other variables."""
        tflib.run(self._Gs_update, {self._inputs.Gs_beta: Gs_beta(minibatch, self.options.G_smoothing_kimg)})

    def restore_dlatent_avgs(self):
        """Sets an average of w to the value in Gs if it is not finite, as after a step that was not finite."""
        # The chief's is the one of replica 0. ProGAN has none.
        averages = [variable for name, variable in self.Gs.vars.items() if name == 'dlatent_avg']
        tflib.set_vars(dict(zip(averages, self._replicas.processes.broadcast(tflib.run(averages)))))
        tflib.run(self._restore_dlatent_avgs)

    def train_G(self, schedule, cur_nimg):
        """Makes one step of G; arguments as of `train_D`.

        Returns:
            Dict of means over the minibatch: G_loss, and G_skipped as of `train_D`; with --auxiliary also G_label_loss,
            the part of the loss that C judges.
        """
        random = np.random.RandomState(seed_from(self.options.seed, G_LABELS, cur_nimg))
        feed = self._random_numbers(cur_nimg, schedule.minibatch, G_LATENTS, G_DRAWS)
        feed.update(
            {
                self._inputs.G_lrate: schedule.G_lrate,
                self._inputs.labels: self.training_set.random_labels(schedule.minibatch, random)[
                    self._replicas.share_of(schedule.minibatch)
                ],
            }
        )
        return self._run_update('G', self._G_update, self._G_optimizer, feed)

    def _run_update(self, which, update, optimizer, feed):
        if half_dtype(self.options) is None:
            return tflib.run([self._stats[which], update], feed)[0]
        stats, finite, _ = tflib.run([self._stats[which], optimizer.finite, update], feed)
        return {**stats, f'{which}_skipped': int(not finite)}

    def loss_scales(self):
        """Dict of 'G_loss_scale' and 'D_loss_scale' to what losses are multiplied by; empty without loss scaling."""
        values = tflib.run(self._loss_scalings())
        return {f'{name[len("Train")]}_loss_scale': float(2.0**value) for name, value in values.items()}

    def reset_optimizers(self):
        """Clears Adam's moments of G and D."""
        tflib.run(self._reset_optimizers)

    def _random_numbers(self, cur_nimg, count, latents_stream, draws_stream):
        seed = self.options.seed
        random = np.random.RandomState(seed_from(seed, latents_stream, cur_nimg))
        draws = [noise_seed(seed, draws_stream, cur_nimg, replica) for replica in self._replicas.own]
        latents = random.randn(count, *self.G.input_shape[1:])[self._replicas.share_of(count)]
        return {self._inputs.latents: latents, self._inputs.seeds: draws}

    # ----------------------------------------------------------------------------------------------------------------
    # State

    def set_networks(self, values):
        """Sets the networks of all replicas to the networks of a pickle.

        Args:
            values: Dict of 'G', 'D' and 'Gs' to dicts of variable name to array.

        Raises:
            KeyError: A variable is missing.
        """
        for name, networks in (('G', self._G_replicas), ('D', self._D_replicas), ('Gs', [self.Gs])):
            for net in networks:
                tflib.set_vars({variable: values[name][local_name] for local_name, variable in net.vars.items()})

    def get_state(self):
        """All variables that training changes, a dict of name to array. Equal copies on other replicas are left out.

        Processes get the same state, except for the average of w in Gs: a state is saved as the chief gets it.
        """
        state, averages, moments = tflib.run([self._network_variables(), self._averages_of_w(), self._moments()])
        for found in self._replicas.processes.gather(averages):
            state.update(found)
        return {**state, **moments}

    def is_spoiled(self, state):
        """Whether a variable of the networks is not finite in a dict from `get_state`."""
        return not all(np.isfinite(state[name]).all() for name in self._network_variables())

    def set_state(self, state):
        """Sets the variables of all replicas.

        Args:
            state: Dict from `get_state`.

        Raises:
            KeyError: A variable is missing.
        """
        variables = [*self._network_variables().items(), *self._averages_of_w().items(), *self._moments().items()]
        values = {variable: _value_in(state, name) for name, variable in variables}
        for first, *copies in filter(None, (self._G_replicas, self._D_replicas, self._C_replicas)):
            for copy in copies:
                values.update(
                    {
                        copy.vars[name]: values[variable]
                        for name, variable in first.vars.items()
                        if copy.vars[name] not in values
                    }
                )
        for optimizer in (self._G_optimizer, self._D_optimizer):
            for first, *copies in optimizer.state_variables:
                values.update(dict.fromkeys(copies, values[first]))
        tflib.set_vars(values)

    def _network_variables(self):
        networks = {'G': self.G, 'D': self.D, 'Gs': self.Gs, **({'C': self._C_replicas[0]} if self._C_replicas else {})}
        return {f'{which}/{name}': variable for which, net in networks.items() for name, variable in net.vars.items()}

    def _averages_of_w(self):
        """The averages of w of the replicas in this process, by their names in a state."""
        return {
            f'G_replica{number}/dlatent_avg' if number else 'G/dlatent_avg': net.vars['dlatent_avg']
            for number, net in zip(self._replicas.own, self._G_replicas)
            if 'dlatent_avg' in net.vars  # of ProGAN, none
        }

    def _moments(self):
        return {
            _LOSS_SCALING.format(optimizer.name)
            if first is optimizer.loss_scaling_log2
            else f'{optimizer.name}/{number:03d}': first
            for optimizer in (self._G_optimizer, self._D_optimizer)
            for number, (first, *_) in enumerate(optimizer.state_variables)
        }

    def _loss_scalings(self):
        return {
            optimizer.name: optimizer.loss_scaling_log2
            for optimizer in (self._G_optimizer, self._D_optimizer)
            if optimizer.loss_scaling_log2 is not None
        }


def active_arguments(G, D):
    """Arguments with which networks compute only the levels that train. It does not matter if theirs say all levels."""
    is_linear = 'linear' in (net.static_kwargs.get('structure') for net in (G, D))
    return {'active_resolution': True, **({'structure': 'recursive'} if is_linear else {})}


def _value_in(state, name):
    """The value of a variable in a state. A replica that the run did not have takes the value of replica 0.

    A state of a run in float32 has no loss scale: the first one is taken.
    """
    if name not in state and name in map(_LOSS_SCALING.format, ('TrainG', 'TrainD')):
        return FIRST_LOSS_SCALING_LOG2
    return state[name] if name in state else state[_REPLICA.sub('G/', name)]


def Gs_beta(minibatch, G_smoothing_kimg):
    """Decay of Gs in one step: 0.5^(minibatch / (1000 G_smoothing_kimg)); 0, a copy, without smoothing."""
    return 0.5 ** (minibatch / (G_smoothing_kimg * 1000.0)) if G_smoothing_kimg > 0 else 0.0
