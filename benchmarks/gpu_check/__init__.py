"""Is this program right and fast on this GPU? `python -m benchmarks.gpu_check` tells in minutes."""
