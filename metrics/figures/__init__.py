"""Pictures and films of generators, and curves of runs."""
