"""srlib: what the chapters of the super-resolution course-book share.

One image convention everywhere: a ``float32`` tensor ``(C, H, W)``, RGB, in [0, 1]; a batch is
``(N, C, H, W)``. ``uint8`` is for storage and for MATLAB-exact work.
"""

__version__ = "0.1.0"
