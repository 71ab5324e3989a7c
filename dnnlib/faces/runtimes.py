"""What computes MTCNN's networks: ONNX Runtime on CPUs, TensorFlow on GPUs. Each is a `Runtime`."""

import abc
import ctypes
import os

import numpy as np
import onnxruntime

from dnnlib.faces.onnx_graphs import as_lines, build_graph


class Runtime(abc.ABC):
    """Computes MTCNN's networks.

    Attributes:
        batch: Dict of 'rnet' and 'onet' to the number of patches that they should get at once.
    """

    @abc.abstractmethod
    def run(self, network: str, pixels: np.ndarray) -> np.ndarray:
        """The heads of a network.

        Args:
            network: 'pnet', 'rnet' or 'onet'.
            pixels: float32 [N, H, W, 3] in any memory order, dynamic range [-128, 127]: `PIXEL_ZERO` of
                `dnnlib.faces.patches` is subtracted already.

        Returns:
            float32, [N, h, w, 6] for P-Net and [N, 6] for the others: logits of 'no face' and 'face', then the
            regression of left, top, right and bottom.

        Raises:
            MemoryError: The memory of the computer or the GPU is too small.
        """


def resolve_device(device: str) -> str:
    """Turns 'auto' into 'gpu' or 'cpu'. Starts TensorFlow only if 'gpu' is asked for or there is an NVIDIA driver.

    Raises:
        click.UsageError: 'gpu' was asked for, but TensorFlow sees none.
    """
    if device == 'cpu' or (device == 'auto' and not _has_nvidia_driver()):
        return 'cpu'
    import dnnlib.quiet  # noqa: F401, I001
    from dnnlib.tflib import devices

    return devices.resolve_device(device)


def open_runtime(device: str) -> Runtime:
    """The runtime for a device: 'cpu', 'gpu' (TensorFlow, which uses the CPU if it sees no GPU) or 'auto'."""
    if (resolve_device(device) if device == 'auto' else device) == 'cpu':
        return OnnxRuntime()
    from dnnlib.faces.tensorflow_runtime import TensorFlowRuntime  # here: CPUs need no TensorFlow, and it starts slowly

    return TensorFlowRuntime()


def _has_nvidia_driver():
    try:
        ctypes.CDLL('libcuda.so.1')
    except OSError:
        return False
    return True


class OnnxRuntime(Runtime):
    """ONNX Runtime on one CPU core: to use more cores, start more processes.

    The sessions are made at the first call. A process that is forked later makes its own.
    """

    batch = {'rnet': 16, 'onet': 4}  # small, so that the activations stay in the processor's cache

    def __init__(self):
        self._sessions, self._process = {}, None

    def run(self, network: str, pixels: np.ndarray) -> np.ndarray:
        """See `Runtime.run`. Computes `dnnlib.faces.onnx_graphs.POINTS`, too."""
        if self._process != os.getpid():
            self._sessions, self._process = {}, os.getpid()
        if network not in self._sessions:
            self._sessions[network] = _open_session(network)
        (heads,) = self._sessions[network].run(None, {'lines': as_lines(network, pixels)})
        return heads.transpose(0, 2, 3, 1) if network == 'pnet' else heads


def _open_session(network):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # it would keep a plan for each size of image in memory
    return onnxruntime.InferenceSession(build_graph(network), options, providers=['CPUExecutionProvider'])
