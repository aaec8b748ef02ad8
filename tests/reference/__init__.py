"""The picture of each layer in numpy, written from its definition and not from its shader."""
