"""A long list of items, examined in shards by processes, GPUs or a cluster; a run that was killed goes on."""
