"""What computes face embeddings: ONNX Runtime on CPUs, TensorFlow on GPUs."""

from typing import Any, Callable

import numpy as np
import onnxruntime

from dnnlib.errors import UserError
from metrics.features import facenet


def open_facenet(device: str) -> Callable[[np.ndarray], np.ndarray]:
    """The default network, as a function of inputs, float32 [N, 3, 160, 160], to float32 [N, 512] of any length.

    Args:
        device: 'cpu', or 'gpu' (TensorFlow, which uses the CPU if it sees no GPU).
    """
    if device == 'cpu':
        return OnnxRun(facenet.build_graph(), facenet.find_file())
    from metrics.features.facenet_in_tensorflow import TensorFlowFacenet  # here: CPUs need no TensorFlow

    return TensorFlowFacenet()


class OnnxRun:
    """A network in ONNX Runtime, on one CPU core. It is called with inputs, float32 [N, 3, side, side].

    Args:
        graph: The network: a path, or its bytes.
        path: The file that errors name.
        output: Name of the output; None if the network has only one.
        least: Fewest numbers that it gives for an image.
        where: The user gives the settings there.

    Raises:
        UserError: It is no network from images to embeddings.
    """

    def __init__(
        self, graph: Any, path: str, output: str = None, least: int = 2, where: str = '--embedding-settings'
    ) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4  # what goes wrong arrives as an exception
        self._path, self._least, self._where = path, least, where
        try:
            self._session = onnxruntime.InferenceSession(graph, options, providers=['CPUExecutionProvider'])
        except Exception as error:  # the errors of ONNX Runtime have no class in common
            raise UserError(f'{path} is no network that ONNX Runtime can open ({_first_line(error)}).') from error
        inputs, names = self._session.get_inputs(), [each.name for each in self._session.get_outputs()]
        if len(inputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].type != 'tensor(float)':
            raise UserError(f'{path} is no network with float32 images as its one input: export it with that input.')
        if output not in names and (output is not None or len(names) > 1):
            raise UserError(f'{path}: name one of its outputs with {where} output=NAME: {", ".join(names)}.')
        [self._input], self._output = inputs, output or names[0]

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Outputs, float32 [N, size], of any length."""
        fixed = self._input.shape[0] if isinstance(self._input.shape[0], int) else len(images)
        parts = []
        for start in range(0, len(images), fixed):
            part = np.zeros([fixed, *images.shape[1:]], np.float32)
            count = len(images[start : start + fixed])
            part[:count] = images[start : start + fixed]
            parts.append(self._outputs(part)[:count])
        return np.concatenate(parts)

    def _outputs(self, images):
        if self._input.shape[1] != 3 and self._input.shape[3] == 3:
            images = np.ascontiguousarray(images.transpose(0, 2, 3, 1))
        try:
            (outputs,) = self._session.run([self._output], {self._input.name: images})
        except Exception as error:  # as above
            raise UserError(
                f'{self._path} does not take {images.shape[-2]} px images with {self._where} as they are '
                f'({_first_line(error)}): check side.'
            ) from error
        outputs = np.asarray(outputs)
        if outputs.ndim < 2 or len(outputs) != len(images) or outputs[0].size < self._least:
            raise UserError(f'{self._path} gives no list of numbers for each image: name another output.')
        return outputs.reshape(len(images), -1).astype(np.float32, copy=False)


def _first_line(error):
    return str(error).splitlines()[0] if str(error) else type(error).__name__
