"""From a trained network to a large, labelled, synthetic set of faces."""
