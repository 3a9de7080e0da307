"""The same network in Keras and in PyTorch, exported to ONNX, proved equivalent and measured.

Nothing is imported here, so that ``harness --help`` answers at once.
"""

__version__ = "0.1.0"
