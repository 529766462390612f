"""How inputs and attributes of operators are drawn, a family a file."""

from . import arrays, classic, elements, images, layers, runtime, texts  # noqa: F401
