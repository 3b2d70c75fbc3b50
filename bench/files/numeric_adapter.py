"""What is measured of workers whose import takes long."""

import numpy

from snakepit import command


@command
def total(n: int):
    return int(numpy.arange(n).sum())
