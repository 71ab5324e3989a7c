"""Pictures and films of generators and of runs."""
