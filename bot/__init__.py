"""The machine: configuration, dispatch, outbox, clock, channels and the command line."""

import os

# Read when numpy is loaded. The index of questions is small: a second thread only costs CPU and memory.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
