"""Keeps TensorFlow's chatter away from the user. Every verb imports this before anything that imports TensorFlow.

TensorFlow greets with dozens of lines (deprecations inside itself, processor features, missing CUDA libraries).
No user needs these lines: whatever goes wrong arrives as an exception. `TF_CPP_MIN_LOG_LEVEL=0` in the
environment brings the lines of its C++ side back.
"""

import logging
import os
import warnings

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
logging.getLogger('tensorflow').setLevel(logging.ERROR)
warnings.filterwarnings('ignore', module='tensorflow|tensorboard')
