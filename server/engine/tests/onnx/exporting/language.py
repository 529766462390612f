"""The networks of `torch/zoo/language.py`."""

from exporting import torches
from zoo import language


def exports(seed):
    return torches.of(language.networks(), seed)
