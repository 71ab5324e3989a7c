"""Photographs to datasets: MTCNN finds the face, its crop becomes a record, the rest is refused with a reason."""
