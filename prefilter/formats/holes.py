"""Holes: a download that made its file first, and was then cut off, leaves zeros where the rest should be."""

HOLE = bytes(64)  # so many zeros end the coded pixels of hardly any picture
