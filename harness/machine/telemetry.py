"""onnxruntime's telemetry, which is off unless somebody asks for it.

Its builds of 1.29 and later gather facts on the machine and on each session, and send them to its maker, from every
process that imports it. A variable of the environment stops that before it begins. Processes that are started from this
one inherit it.
"""

import os

VARIABLE = "ORT_DISABLE_TELEMETRY"
STOPPED, LEFT_ON = "1", "0"


def stop() -> None:
    """Stop it in this process and in those that it starts, unless the environment has decided already."""
    os.environ.setdefault(VARIABLE, STOPPED)


def allow() -> None:
    """Leave it on in this process, if onnxruntime is not yet imported, and in those that it starts."""
    os.environ[VARIABLE] = LEFT_ON


def described() -> str:
    """Whether it is on, as a run records it."""
    return "off" if os.environ.get(VARIABLE) == STOPPED else "on"
