"""Networks to numbers and pictures. A metric states what it reads, and computes its values from what was read.

Nothing is imported here, because `metrics.registry` and `metrics.results` need no TensorFlow and `metrics.meter` does.
"""
