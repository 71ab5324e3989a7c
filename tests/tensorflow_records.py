"""Records as TensorFlow makes them, to compare with."""

import tensorflow.compat.v1 as tf


def serialized(image):
    """The payload of a record, a tf.train.Example, of an image uint8 [C, H, W]."""
    features = {
        'shape': tf.train.Feature(int64_list=tf.train.Int64List(value=image.shape)),
        'data': tf.train.Feature(bytes_list=tf.train.BytesList(value=[image.tobytes()])),
    }
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString(deterministic=True)
