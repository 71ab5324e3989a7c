"""Networks to numbers and pictures. A metric is features, then statistics, then a value, one file each.

Nothing is imported here: `metrics.registry` and `metrics.results` need no TensorFlow, `metrics.meter` starts it.
"""
