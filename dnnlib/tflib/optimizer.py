"""Adam over replicas: averaged gradients, updates skipped when a gradient is not finite, optional loss scaling."""

from typing import Any, Iterable

import tensorflow.compat.v1 as tf

from dnnlib.processes import ALONE, Processes
from dnnlib.tflib.replicas import Replicas
from dnnlib.tflib.tfutil import run


class Optimizer:
    """Adam that keeps the copies of a network on several devices equal.

    Every replica registers its loss; `apply_updates` averages the gradients over the replicas and applies the same
    step to each replica's own variables. If any gradient of any replica is not finite, nothing is updated, not even
    Adam's step count. A variable that a loss does not depend on gets a zero gradient.

    Args:
        name: Name scope of the optimizer's variables.
        learning_rate: Float or scalar tensor.
        beta1: Decay of the gradient's average.
        beta2: Decay of the squared gradient's average.
        epsilon: Added to the square root outside of the bias correction ("epsilon hat" in Kingma and Ba).
        use_loss_scaling: Multiply losses by 2^s and gradients by 2^-s, for half-precision activations.
        loss_scaling_init: The first s.
        loss_scaling_inc: Added to s after each update.
        loss_scaling_dec: Subtracted from s when an update is skipped.

    Attributes:
        state_variables: All variables of the optimizer, a list of tuples; a tuple holds the same variable of every
            replica. With loss scaling, the last one holds `loss_scaling_log2` alone. Empty before `apply_updates` is
            called.
        reset_op: Operation that forgets the moments and the step count. `apply_updates` makes it.
        finite: Tensor, whether all gradients of a step were finite, so that it changed something. `apply_updates` makes
            it.
        loss_scaling_log2: Variable, s; None without loss scaling.
    """

    def __init__(
        self,
        name: str,
        learning_rate: Any,
        beta1: float = 0.0,
        beta2: float = 0.99,
        epsilon: float = 1e-8,
        use_loss_scaling: bool = False,
        loss_scaling_init: float = 64.0,
        loss_scaling_inc: float = 0.0005,
        loss_scaling_dec: float = 1.0,
    ):
        self.name = name
        self.learning_rate = learning_rate
        self._adam = {'beta1': beta1, 'beta2': beta2, 'epsilon': epsilon}
        self._use_loss_scaling = use_loss_scaling
        self._scaling_inc, self._scaling_dec = loss_scaling_inc, loss_scaling_dec
        self._devices, self._gradients, self._variables = [], [], []  # one entry a replica
        self._adams = []
        self.state_variables, self.reset_op, self.finite, self.loss_scaling_log2 = [], None, None, None
        if use_loss_scaling:
            with tf.variable_scope(name), tf.control_dependencies(None):
                self.loss_scaling_log2 = tf.get_variable(
                    'loss_scaling_log2', [], initializer=tf.constant_initializer(loss_scaling_init), trainable=False
                )

    def register_gradients(self, loss: tf.Tensor, variables: Iterable[tf.Variable], device: str = '') -> None:
        """Adds one replica.

        Args:
            loss: Tensor of any shape; the optimizer minimises its mean.
            variables: The replica's trainable variables, in the same order for every replica.
            device: Device that holds the replica.
        """
        variables = list(variables)
        with tf.device(device), tf.name_scope(self.name + '_gradients'):
            loss = tf.reduce_mean(tf.cast(loss, tf.float32))
            gradients = tf.gradients(self._scaled(loss, 1.0), variables, gate_gradients=tf.train.Optimizer.GATE_NONE)
            gradients = [
                tf.zeros_like(v) if g is None else tf.convert_to_tensor(g) for g, v in zip(gradients, variables)
            ]
        self._devices.append(device)
        self._gradients.append(gradients)
        self._variables.append(variables)

    def apply_updates(self, initialize: bool = True, processes: Processes = ALONE) -> tf.Operation:
        """Builds the op that makes one step on every replica. Call it once, after all `register_gradients`.

        Args:
            initialize: Give the optimizer's variables their first values now. With False the caller does it: it runs
                `reset_op`, and the initializer of the loss scale if there is one.
            processes: `Processes` that train together; gradients are averaged over the replicas of all.
        """
        updates = []
        with tf.variable_scope(self.name), tf.control_dependencies(None):
            averaged = Replicas(self._devices, processes).averages(self._gradients)
            with tf.device(self._devices[0]):  # the averages are the same everywhere
                finite = tf.reduce_all(tf.stack([tf.reduce_all(tf.is_finite(g)) for g in averaged[0]]))
            for replica, (device, gradients) in enumerate(zip(self._devices, averaged)):
                with tf.device(device), tf.variable_scope(f'replica{replica}'):
                    gradients = [self._scaled(g, -1.0) for g in gradients]
                    updates.append(self._adam_step(finite, gradients, self._variables[replica]))
            if self._use_loss_scaling:
                change = tf.where(finite, self._scaling_inc, -self._scaling_dec)
                with tf.control_dependencies(updates):
                    updates.append(tf.assign_add(self.loss_scaling_log2, change).op)
        self.finite = finite
        self.reset_op = tf.group(*[tf.variables_initializer(adam.variables()) for adam in self._adams])
        self.state_variables = [*zip(*map(_state_of, self._adams, self._variables))]
        if self._use_loss_scaling:
            self.state_variables.append((self.loss_scaling_log2,))
        if initialize:
            run([self.reset_op, *([self.loss_scaling_log2.initializer] if self._use_loss_scaling else [])])
        return tf.group(*updates, name=self.name + '_update')

    def reset_state(self) -> None:
        """Forgets the moments and the step count. The loss scale is kept."""
        run(self.reset_op)

    def _adam_step(self, finite, gradients, variables):
        adam = tf.train.AdamOptimizer(self.learning_rate, name='adam', **self._adam)
        self._adams.append(adam)
        adam._create_slots(variables)  # outside of the conditional, so that they can be initialised outside of it
        return tf.cond(finite, lambda: adam.apply_gradients(list(zip(gradients, variables))), tf.no_op)

    def _scaled(self, value, sign):
        if not self._use_loss_scaling:
            return value
        return value * tf.pow(2.0, sign * self.loss_scaling_log2)


def _state_of(adam, variables):
    """The variables of one Adam, in an order that does not depend on their names."""
    moments = [adam.get_slot(variable, slot) for variable in variables for slot in ('m', 'v')]
    return [*moments, *adam._get_beta_accumulators()]
