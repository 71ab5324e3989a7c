"""A worker process of Beam on this machine. It ends when its standard input closes.

Beam's own worker process waits for two minutes for a process that was killed while the worker started.
"""

import os
import sys
import threading


def end_with_input():
    """Ends this process, at once, when standard input closes. Nothing is ever written to it."""
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


if __name__ == '__main__':
    threading.Thread(target=end_with_input, daemon=True).start()  # first: the import takes seconds
    from apache_beam.runners.worker import sdk_worker_main

    sdk_worker_main.main(sys.argv)
