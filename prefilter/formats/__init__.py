"""What single formats of images need beyond Pillow: damage that it does not notice, files that it reads wrong."""
