"""The arithmetic of metrics: values from features and distances. Pure functions, no TensorFlow."""
