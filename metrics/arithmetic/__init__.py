"""Numbers from numbers: what a metric computes of features. Pure functions, no TensorFlow."""
