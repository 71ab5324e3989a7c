"""Embeddings by the frozen graph as it stands in the wheel, in TensorFlow: `python -m tests.goldens.facenet`."""

import dnnlib.quiet  # noqa: F401, I001  before TensorFlow

import pathlib

import numpy as np
import tensorflow.compat.v1 as tf

from metrics.features import facenet
from metrics.features.embeddings import open_embedding
from metrics.features.self_check import read_pictures

PATH = pathlib.Path(__file__).parents[1] / 'golden' / 'audit' / 'facenet.npz'


def golden_images():
    """Two pictures in colour, and one that is grey, mirrored and enlarged by the embedding: two arrays of images."""
    pictures = read_pictures()
    return pictures, pictures[1:, 1:2, ::2, ::-2]


def main():
    """Computes the vectors one by one, as the wheel's own code does."""
    with tf.Session(graph=tf.Graph()) as session:
        definition = tf.GraphDef.FromString(facenet.read_file())
        tf.import_graph_def(definition, name='')
        vectors = [
            session.run('embeddings:0', {'input:0': image[np.newaxis].transpose(0, 2, 3, 1)})
            for images in golden_images()
            for image in open_embedding().prepare(images)
        ]
    np.savez_compressed(PATH, vectors=np.concatenate(vectors))


if __name__ == '__main__':
    main()
