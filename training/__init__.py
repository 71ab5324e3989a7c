"""TFRecords to networks: data, networks, losses, growing schedule, training loop, checkpoints."""
