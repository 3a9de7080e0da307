"""The asv suite over versions of onnxruntime: committed files, in environments that have no framework.

Nothing here imports one, nor does what it takes from the other suite, whose folder asv has on its path.
"""
