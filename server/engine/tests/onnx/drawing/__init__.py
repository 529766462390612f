"""How inputs and attributes of operators are drawn, a family a file."""

from . import arrays, classic, elements, images, layers, places, runtime, signals, texts  # noqa: F401
