"""Iterations of training without the loop around them."""

from training.schedule import training_schedule


def train(step, reals, options, steps, cur_nimg=0):
    """Trains for a few iterations; returns the number of images shown then, and the losses of the last one."""
    for _ in range(steps):
        schedule = training_schedule(cur_nimg, options.resolution, **options.schedule_options())
        step.set_lod(schedule.lod)
        stats = step.train_D(schedule, cur_nimg, *reals.minibatch(cur_nimg, schedule.minibatch, int(schedule.lod)))
        step.update_Gs(schedule.minibatch)
        cur_nimg += schedule.minibatch
        stats.update(step.train_G(schedule, cur_nimg))
    return cur_nimg, stats
