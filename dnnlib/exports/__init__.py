"""Sets of images in the forms that other programs read: each form is a file or a folder beside the set."""
