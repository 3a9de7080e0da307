"""The lessons: one folder a family, each with its facts, its Keras form and its PyTorch form."""
