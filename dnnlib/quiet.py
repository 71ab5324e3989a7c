"""Keeps TensorFlow's chatter away from the user. Every verb imports this before anything that imports TensorFlow.

TensorFlow greets with dozens of lines (deprecations inside itself, processor features, missing CUDA libraries).
What goes wrong for the user arrives as an exception, so none of them is needed. `TF_CPP_MIN_LOG_LEVEL=0` in the
environment brings the lines of its C++ side back.
"""

import logging
import os
import warnings

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
logging.getLogger('tensorflow').setLevel(logging.ERROR)
warnings.filterwarnings('ignore', module='tensorflow|tensorboard')
