"""From a synthetic set to one that can be given away: without look-alikes, and without faces like training faces."""
