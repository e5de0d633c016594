"""srlib: what the chapters of the super-resolution course-book share.

One image convention everywhere: a ``float32`` tensor ``(C, H, W)``, RGB, in [0, 1]; a batch is
``(N, C, H, W)``. ``uint8`` is for storage and for MATLAB-exact work.
"""

import os

# Threads of GCC's OpenMP, which torch uses, wait for each other at the end of every operation, and turn in
# circles meanwhile for up to 300,000 rounds. Where anything else wants the processor, that makes a training
# ten times slower. After 10,000 rounds they sleep; alone on the machine they are as fast as before. It has to
# stand there before torch is imported for the first time.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

__version__ = "0.1.0"
