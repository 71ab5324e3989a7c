"""Finds faces in photographs with MTCNN, and knows which pixels of a photograph become its crop."""
