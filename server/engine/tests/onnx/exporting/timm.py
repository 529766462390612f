"""The networks of `torch/zoo/timm.py`."""

from exporting import torches
from zoo import timm


def exports(seed):
    return torches.of(timm.networks(), seed)
