"""Fakes that the processes of a training run read together: the minibatches in turns."""

from metrics.batches import Fakes


class SharedFakes:
    """What extractors read from a generator's fakes. Each process of `dnnlib.processes` has one.

    The values do not depend on the number of processes, because a minibatch follows from its place alone.

    Args:
        Gs: Generator `Network`, which is the same in all processes.
        extractors: Dict of (kind, name) to `metrics.features.extractor.Extractor`.
        minibatch_size: Images at a time.
        num_gpus: How many GPUs of each process generate.
        seed: Seed of latents and noise.
        labels: `metrics.batches.Labels`.
        processes: `Processes` that read together.
    """

    def __init__(self, Gs, extractors, minibatch_size, num_gpus, seed, labels, processes):
        self._extractors, self._size, self._num_gpus, self._processes = extractors, minibatch_size, num_gpus, processes
        self._fakes = Fakes(Gs, minibatch_size, num_gpus, seed, labels)
        self._shape = Gs.output_shape[1:]

    def batches(self, begin, end, extractors):
        """Yields for each minibatch a list of arrays [N, ...], one for each extractor: in the chief.

        Args:
            begin, end: Range of images; the last minibatch is whole, so it may go beyond the end.
            extractors: Of those in the dict.
        """
        keys = [key for extractor in extractors for key, each in self._extractors.items() if each is extractor]
        for start in range(begin, end, self._size * self._processes.size):
            question = self._size, self._num_gpus, start, end, keys
            shares = self._processes.ask(question, lambda question=question: self.own_share(*question[2:]))
            yield from (arrays for arrays in shares if arrays is not None)

    def own_share(self, start, end, keys):
        """The arrays of one minibatch: the one of this process among those from image `start` on; None after `end`."""
        begin = start + self._size * self._processes.rank
        if begin >= end:
            return None
        extractors = [self._extractors[key] for key in keys]
        transforms = list(dict.fromkeys(extractor.in_graph for extractor in extractors))
        (outputs,) = self._fakes.batches(begin, begin + self._size, transforms)
        made = dict(zip(transforms, outputs))
        return [extractor.finish(made[extractor.in_graph], self._num_gpus) for extractor in extractors]

    def open(self, keys):
        """Prepares extractors in the generator's graph."""
        for key in keys:
            self._extractors[key].open(self._shape)
