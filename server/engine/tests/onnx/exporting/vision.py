"""The networks of `torch/zoo/vision.py`."""

from exporting import torches
from zoo import vision


def exports(seed):
    return torches.of(vision.networks(), seed)
