"""Questions that one measurement does not answer: what variations keep, what more data gives."""
