"""Directions in W that change an image most, from the weights alone: SeFa (Shen & Zhou 2021). Pure arithmetic."""

import numpy as np


def closed_form_directions(weights):
    """The directions in W that change the styles of some layers most (Shen & Zhou 2021, equation 8).

    A step n in w changes the styles by A^T n, where the columns of A are the style weights, each divided by its length.
    The unit vectors that change them most are the eigenvectors of A A^T with the largest eigenvalues.

    Args:
        weights: The style weights of each of the layers, float [W, styles of the layer].

    Returns:
        (directions, eigenvalues): float32 [W, W], a direction a row, the one that changes most first; and float64 [W],
        how much each one changes, falling. The largest component of each direction is positive.
    """
    columns = np.concatenate(list(weights), axis=1).astype(np.float64)
    lengths = np.linalg.norm(columns, axis=0)
    columns = columns / np.where(lengths > 0, lengths, 1)
    eigenvalues, vectors = np.linalg.eigh(columns @ columns.T)
    eigenvalues, directions = eigenvalues[::-1], vectors.T[::-1]
    largest = np.argmax(np.abs(directions), axis=1)
    signs = np.sign(directions[np.arange(len(directions)), largest])
    return (directions * signs[:, np.newaxis]).astype(np.float32), eigenvalues
