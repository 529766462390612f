"""Modules of what fresh networks were found to need: integers of few bits that wrap, images pooled and shuffled whatever their size, filters of
complex numbers."""

import torch
import torch.nn.functional as F
from torch import nn


class Wrapped(nn.Module):
    """Integers that do not fit their type begin anew at its other end."""

    def forward(self, x):
        few, byte, some = x.to(torch.int8), x.to(torch.uint8), x.to(torch.int32)
        return few + few, few * few, -byte, byte - 7, byte << 3, few**2, some * 1103515245 + 12345, torch.abs(few * 0 - 128), few + 1.5


class Pooled(nn.Module):
    def forward(self, x):
        return F.adaptive_avg_pool2d(x, (3, 2)), F.adaptive_avg_pool2d(x, (x.size(2), 2)), F.adaptive_avg_pool1d(x[:, :, 0], 5), F.pixel_shuffle(x, 2), F.pixel_unshuffle(x, 2)


class Filtered(nn.Module):
    """A layer of a Fourier neural operator, for lines of any length."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 2, 4, dtype=torch.cfloat))

    def forward(self, x):
        short = torch.fft.rfft(x)
        made = torch.zeros(x.size(0), 2, x.size(-1) // 2 + 1, dtype=torch.cfloat)
        made[:, :, :4] = torch.einsum("bix,iox->box", short[:, :, :4], self.weight)
        made[:, 1, 0] = 2.0
        return torch.fft.irfft(made, n=x.size(-1)), torch.fft.irfft(short, n=x.size(-1), norm="ortho"), made.abs()


class Listed(nn.Module):
    """Lists of lists, of which one alone has a float."""

    def forward(self, x):
        return x @ torch.tensor([[1.0, 0.0, 2.5], [0.0, 1.0, 0.0]]), torch.tensor([[1, 2]]) + x.long()


def fixtures():
    torch.manual_seed(4)
    rand = torch.randn
    both, sized = ("dynamic", "trace", "script"), {"x": (0, 2, 3)}
    yield "wrapped", Wrapped(), [{"x": torch.tensor([[-100, 5, 127], [77, 3, 90]])}, {"x": torch.tensor([[1, 255, 300]])}], both, {"x": (0,)}
    yield "pooled", Pooled(), [{"x": rand(2, 4, 8, 6)}, {"x": rand(1, 4, 10, 12)}], both, sized
    yield "filtered", Filtered(), [{"x": rand(2, 3, 16)}, {"x": rand(3, 3, 21)}], both, {"x": (0, 2)}
    yield "listed", Listed(), [{"x": rand(3, 2)}, {"x": rand(2, 2)}], ("script",), {"x": (0,)}
