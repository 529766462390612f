"""Modules of operations that networks seldom have, and programs whose way the request decides; `make.py` makes fixtures of them."""

from typing import Dict, List, NamedTuple, Optional

import torch
import torch.nn.functional as F
import torchvision
from torch import nn


class Resizes(nn.Module):
    def forward(self, x, volume):
        return (
            F.interpolate(x, size=(9, 7), mode="bicubic"), F.interpolate(x, size=(4, 5), mode="bicubic", align_corners=True),
            F.interpolate(x, scale_factor=1.5, mode="bicubic"), F.interpolate(x, size=(4, 3), mode="bicubic", antialias=True),
            F.interpolate(x, size=(4, 3), mode="bilinear", antialias=True), F.interpolate(x, scale_factor=1.3, mode="bilinear"),
            F.interpolate(x, scale_factor=1.3), F.interpolate(x, scale_factor=0.7, mode="nearest-exact"), F.interpolate(x, size=(4, 5), mode="area"),
            F.interpolate(x, scale_factor=0.5, mode="bilinear", recompute_scale_factor=True), F.interpolate(volume, size=(5, 3, 2), mode="trilinear"),
            F.interpolate(volume, scale_factor=2.0, mode="trilinear", align_corners=True), F.interpolate(volume, scale_factor=2.0),
        )  # fmt: skip


class Sampling(nn.Module):
    def forward(self, x, grid, theta, volume):
        places, kept = F.max_pool2d(x, 3, 2, 1, return_indices=True)
        pooled, at = F.max_pool2d(x[:, :, :6, :6], 2, return_indices=True)
        columns = F.unfold(x, (2, 3), dilation=2, padding=1, stride=2)
        return (
            F.grid_sample(x, grid, align_corners=False), F.grid_sample(x, grid * 1.5, mode="nearest", padding_mode="border", align_corners=True),
            F.grid_sample(x, grid * 1.5, padding_mode="reflection", align_corners=False), F.grid_sample(x, grid, mode="bicubic", align_corners=False),
            F.affine_grid(theta, [2, 3, 4, 5], align_corners=False), F.affine_grid(theta, [2, 3, 4, 5], align_corners=True), columns, places, kept,
            F.fold(x.reshape(2, 12, -1)[:, :, :12], (4, 5), 2), F.max_unpool2d(pooled, at, 2), F.adaptive_max_pool2d(x, (3, 4)), F.max_pool2d(x, 3, 1, 1, 2),
            F.avg_pool2d(x, 2, divisor_override=3), F.adaptive_max_pool3d(volume, (2, 2, 3)), F.pixel_shuffle(x.reshape(3, 2, 4, 6, 2), 2),
        )  # fmt: skip


class Boxes(nn.Module):
    def forward(self, x, boxes, scores, regions):
        return (
            torchvision.ops.nms(boxes, scores, 0.3), torchvision.ops.roi_align(x, regions, [3, 3], 0.5, 2),
            torchvision.ops.roi_align(x, regions, [2, 3], 0.5, -1, True), torchvision.ops.roi_pool(x, regions, [3, 3], 0.5),
        )  # fmt: skip


class Deformed(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torchvision.ops.DeformConv2d(3, 4, 3, padding=1)

    def forward(self, x, offsets, mask):
        return self.layer(x, offsets), self.layer(x, offsets, mask)


class Doubles(nn.Module):
    def __init__(self):
        super().__init__()
        self.plain = nn.Conv2d(3, 4, 3, padding=1)
        self.depthwise = nn.Conv2d(4, 4, 3, stride=2, groups=4)
        self.back = nn.ConvTranspose2d(4, 2, 2, stride=2)
        self.norm = nn.BatchNorm2d(4)
        self.double()

    def forward(self, x):
        y = F.gelu(self.norm(self.plain(x)))
        return y, self.depthwise(y), self.back(y), F.max_pool2d(y, 3, 2, 1), F.avg_pool2d(y, 3, 2, 1), F.adaptive_avg_pool2d(y, (3, 4))


class Ordered(nn.Module):
    def forward(self, x, n):
        most, where = torch.cummax(x, 1)
        least, there = torch.cummin(x, 0)
        median, at = torch.median(x, 1)
        third, place = torch.kthvalue(x, 3, 1)
        runs, owners, lengths = torch.unique_consecutive(n, return_inverse=True, return_counts=True)
        return (
            most, where, least, there, median, at, torch.median(x), third, place, torch.quantile(x, 0.3, dim=1), torch.quantile(x, torch.tensor([0.25, 0.75])),
            torch.unique(n), torch.unique(n, return_inverse=True)[1], runs, owners, lengths, torch.isin(n, torch.tensor([1, 3])), torch.bincount(n.flatten(), minlength=9),
            torch.searchsorted(torch.sort(x, 1)[0], x * 0.5, right=True), torch.logcumsumexp(x, 1), torch.msort(x), torch.argwhere(n > 3), x.unfold(1, 3, 2),
            torch.repeat_interleave(x, n[0, :3] % 3, dim=0), torch.linalg.vector_norm(x, 0, dim=1), torch.linalg.vector_norm(x, float("-inf"), dim=1),
        )  # fmt: skip


class Scatters(nn.Module):
    def forward(self, x, n, y):
        return (
            x.scatter_reduce(1, n, y, reduce="prod"), x.scatter_reduce(1, n, y, reduce="mean"), x.scatter_reduce(1, n, y, reduce="amin", include_self=False),
            x.scatter_reduce(1, n, y, reduce="sum", include_self=False), x.scatter_reduce(1, n, y, reduce="mean", include_self=False), x.index_add(1, n[0], y, alpha=0.5),
            x.index_copy(0, torch.tensor([2, 0]), y[:2, :3].repeat(1, 2)[:, :5]), x.index_fill(1, torch.tensor([2, 0]), 3.5), x.index_reduce(1, n[0], y, "amax"),
            x.index_put((torch.arange(3)[:, None], n), y, accumulate=True), x.masked_scatter(x > 0, x * 2), torch.take(x, n), x[-1 - n[:, 0] % 3], x[:, n[0]],
            x[n[:, 0] % 3, :, None][:, :2],
        )  # fmt: skip


class Distances(nn.Module):
    def forward(self, x, y, n):
        p = torch.sigmoid(y)
        return (
            torch.cdist(x, y), torch.cdist(x, y, p=1.0), F.cosine_similarity(x, y, dim=1), F.pairwise_distance(x, y), torch.dist(x, y), F.mse_loss(x, y),
            F.l1_loss(x, y, reduction="none"), F.smooth_l1_loss(x, y), F.huber_loss(x, y, delta=0.5), F.binary_cross_entropy(torch.sigmoid(x), p),
            F.binary_cross_entropy_with_logits(x, p), F.kl_div(x, p, reduction="batchmean"), F.cross_entropy(x, n), F.nll_loss(F.log_softmax(x, 1), n),
            torch.hypot(x, y), torch.copysign(x, y), torch.logaddexp(x, y), torch.isclose(x, x + 1e-9), torch.sinc(x), torch.special.ndtr(x),
            torch.fake_quantize_per_tensor_affine(x, 0.1, 3, 0, 255), F.rrelu(x), torch.heaviside(x, y), torch.diff(x), torch.rot90(x, 1, [0, 1]), torch.nanmean(x),
        )  # fmt: skip


class Algebra(nn.Module):
    def forward(self, x, y):
        sign, log = torch.linalg.slogdet(x)
        spread = x @ x.mT + torch.eye(3)
        return (
            torch.linalg.inv(x), torch.linalg.det(x), sign, log, torch.linalg.cholesky(spread), torch.linalg.solve(x, y), torch.linalg.matrix_power(x, 3),
            torch.linalg.solve_triangular(spread.tril(), y, upper=False), torch.linalg.cross(x, x.mT), torch.diag_embed(x[0], 1), torch.diag(x[0, 0]), torch.trace(x[0]),
            torch.block_diag(x[0], y[1]), torch.kron(x[0], y[0]), torch.einsum("bij,bjk,bkl->il", x, x, y), F.bilinear(x[0], x[1], y.mT.repeat(2, 1, 1)[:, :, :, None].expand(-1, -1, -1, 3)[:, 0]),
            torch.linalg.vecdot(x, x), torch.linalg.matrix_norm(x), x[0][torch.tril_indices(3, 3)[0]], torch.addr(x[0], x[0, 0], x[0, 1], alpha=2), torch.linalg.multi_dot([x[0], x[1], y[0]]),
        )  # fmt: skip


class Spectra(nn.Module):
    def __init__(self):
        super().__init__()
        self.filter = nn.Parameter(torch.randn(5, 2, generator=torch.Generator().manual_seed(3)))
        self.register_buffer("window", torch.hann_window(8))

    def forward(self, x):
        half = torch.fft.rfft(x)
        turned = torch.view_as_complex(x.reshape(x.size(0), 3, 4, 2).contiguous()) * torch.polar(torch.ones(3, 4), x[0, :, :4])
        short = torch.stft(x.flatten(1), 8, hop_length=4, window=self.window, return_complex=True)
        return (
            half.abs(), torch.view_as_real(half), torch.fft.irfft(half * torch.view_as_complex(self.filter), n=8), torch.fft.fft(torch.fft.fft(x, dim=-1), dim=-2).real,
            torch.view_as_real(torch.fft.ifft(torch.fft.fft(x, norm="ortho"))), torch.fft.fft2(x).imag, torch.view_as_real(turned).flatten(2), short.abs(),
        )  # fmt: skip


class Cells(nn.Module):
    def __init__(self):
        super().__init__()
        self.long = nn.LSTMCell(4, 5)
        self.gated = nn.GRUCell(5, 5)
        self.plain = nn.RNNCell(5, 5, nonlinearity="relu")
        self.projected = nn.LSTM(4, 6, 2, proj_size=3, batch_first=True, bidirectional=True)

    def forward(self, x, h):
        state, cell = self.long(x[:, 0])
        y, (last, cells) = self.projected(x, (h, h.repeat(1, 1, 2)))
        return self.plain(self.gated(state)), cell, y, last, cells


class Packed(nn.Module):
    def __init__(self):
        super().__init__()
        self.long = nn.LSTM(4, 5, batch_first=True, bidirectional=True)
        self.gated = nn.GRU(10, 3, batch_first=True)

    def forward(self, x, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        packed, (last, cell) = self.long(packed)
        packed, state = self.gated(packed)
        y, n = nn.utils.rnn.pad_packed_sequence(packed, batch_first=True, padding_value=-1.0)
        return y, n, last, cell, state


class Bags(nn.Module):
    def __init__(self):
        super().__init__()
        self.mean = nn.EmbeddingBag(20, 6, mode="mean", padding_idx=0)
        self.sum = nn.EmbeddingBag(20, 6, mode="sum")
        self.max = nn.EmbeddingBag(20, 6, mode="max")

    def forward(self, words, begins, table):
        return self.mean(words, begins), self.sum(words, begins), self.max(words, begins), self.sum(table), self.max(table)


class Weights(nn.Module):
    def __init__(self):
        super().__init__()
        self.line = nn.utils.parametrizations.weight_norm(nn.Conv1d(3, 4, 3))
        self.dense = nn.utils.parametrizations.spectral_norm(nn.Linear(5, 4))

    def forward(self, x):
        return self.dense(F.relu(self.line(x)))


class Chosen(nn.Module):
    """A choice that an export keeps."""

    def __init__(self):
        super().__init__()
        self.dense = nn.Linear(4, 4)

    def forward(self, x):
        yes = lambda x: (self.dense(x) + 1, x.sum())
        no = lambda x: (x * 2, x.mean())
        return torch.cond(x.sum() > 0, yes, no, (x,))


class Decided(nn.Module):
    """Choices and loops whose way the numbers of a request decide."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.second = nn.Linear(4, 4)

    def forward(self, x):
        scale = 1
        if bool(x.sum() > 0):
            y = self.first(x)
            scale = 3
        elif bool(x.mean() > -0.5):
            y = self.second(x)
            scale = 2
        else:
            y = x + 1
        turns = 0
        while bool(y.abs().max() > 0.1) and turns < 20:
            y = y * 0.7
            turns += 1
        total = torch.zeros_like(x)
        rows: List[torch.Tensor] = [x[0]]
        for n in range(x.size(0)):
            total = total + x[n] * n
            rows.append(x[n] - n)
        return y * scale, torch.tensor(turns), total * float(x.size(0) / 2), torch.stack(rows, 1), torch.cat(rows)


class Parts(NamedTuple):
    low: torch.Tensor
    high: torch.Tensor


class Worded(nn.Module):
    """Strings, dictionaries, tuples with names."""

    modes: str
    sizes: Dict[str, int]

    def __init__(self):
        super().__init__()
        self.modes = "mean,SUM"
        self.sizes = {"b": 3, "a": 2}
        self.layers = nn.ModuleDict({"one": nn.Linear(4, 4), "two": nn.Linear(4, 4)})

    def forward(self, x, more: Optional[torch.Tensor] = None):
        found: Dict[str, torch.Tensor] = {}
        for name, layer in self.layers.items():
            found[name] = layer(x)
        if "one" in found and more is None:
            found["three"] = found["one"] * 2
        y = x
        for mode in self.modes.split(","):
            if mode.lower().startswith("me"):
                y = y + x.mean()
            elif mode.upper() == "SUM":
                y = y + x.sum()
        name = "size_{}".format(self.sizes["a"])
        if name.replace("_", "-") == "size-2" and name.find("_") == 4 and name[-1] == "2":
            y = y * len(name)
        order: List[int] = []
        order.extend([3, 1])
        order.insert(0, 2)
        order.sort()
        parts = Parts(y[:, : sorted(self.sizes.values())[0]], y[:, 2:] * order[-1])
        low, high = parts
        return parts, low + high, found


class Closed(nn.Module):
    """Attention of queries that may look at nothing."""

    def forward(self, x, mask):
        q = x.unflatten(-1, (2, 4)).transpose(1, 2)
        far = torch.where(mask, 0.25, float("-inf"))
        return F.scaled_dot_product_attention(q, q, q, attn_mask=mask), F.scaled_dot_product_attention(q, q, q, attn_mask=far)


def fixtures():
    torch.manual_seed(1)
    rand, ints = torch.randn, lambda high, *shape: torch.randint(0, high, shape)
    ways, told = ("export", "script"), {}
    boxes = lambda n: (lambda a: torch.cat([a, a + torch.rand(n, 2) * 4 + 0.5], 1))(torch.rand(n, 2) * 6)
    regions = torch.cat([ints(2, 5, 1).float(), boxes(5) * 1.5], 1)
    yield "resizes", Resizes(), [{"x": rand(2, 3, 6, 6), "volume": rand(1, 2, 3, 2, 4)}], ways, told
    sampled = {"x": rand(2, 3, 6, 8), "grid": torch.rand(2, 4, 4, 2) * 2 - 1, "theta": rand(2, 2, 3), "volume": rand(1, 2, 4, 3, 5)}
    yield "sampling", Sampling(), [sampled], ways, told
    yield "boxes", Boxes(), [{"x": rand(2, 3, 8, 8), "boxes": boxes(12), "scores": torch.rand(12), "regions": regions}], (*ways, "trace"), told
    yield "deformed", Deformed(), [{"x": rand(2, 3, 6, 6), "offsets": rand(2, 18, 6, 6), "mask": torch.rand(2, 9, 6, 6)}], ("export", "trace"), told
    yield "doubles", Doubles(), [{"x": rand(2, 3, 7, 7).double()}, {"x": rand(1, 3, 7, 7).double()}], ("dynamic", "script"), {"x": (0,)}
    yield "ordered", Ordered(), [{"x": rand(3, 7), "n": ints(6, 3, 4)}], ways, told
    yield "scatters", Scatters(), [{"x": rand(3, 5), "n": ints(5, 3, 4), "y": rand(3, 4)}], ways, told
    yield "distances", Distances(), [{"x": rand(4, 4), "y": rand(4, 4), "n": ints(4, 4)}], ways, told
    yield "algebra", Algebra(), [{"x": rand(2, 3, 3) + 2 * torch.eye(3), "y": rand(2, 3, 2)}], ways, told
    yield "spectra", Spectra(), [{"x": rand(2, 3, 8)}, {"x": rand(3, 3, 8)}], ("dynamic", "script"), {"x": (0,)}
    steps = lambda n: {"x": rand(n, 5, 4), "h": rand(4, n, 3)}
    yield "cells", Cells(), [steps(2), steps(3)], ("dynamic", "script", "trace"), {"x": (0,), "h": (1,)}
    yield "packed", Packed(), [{"x": rand(3, 5, 4), "lengths": torch.tensor([3, 5, 2])}], ("script", "trace"), told
    bagged = lambda n: {"words": ints(20, 9), "begins": torch.tensor([0, 4, 6][:n]), "table": ints(20, n, 4)}
    yield "bags", Bags(), [bagged(3), bagged(2)], ("dynamic", "script"), {"begins": (0,), "table": (0,)}
    yield "weights", Weights(), [{"x": rand(2, 3, 7)}], ("export", "trace"), told
    signs = [{"x": rand(2, 4).abs()}, {"x": -rand(2, 4).abs() * 0.3}, {"x": -rand(2, 4).abs() - 1}]
    yield "chosen", Chosen(), signs, ("export",), told
    yield "decided", Decided(), [*signs, {"x": rand(3, 4)}], ("script",), {"x": (0,)}
    yield "worded", Worded(), [{"x": rand(3, 4)}, {"x": rand(2, 4)}], ("script",), {"x": (0,)}
    open_to = torch.tensor([[True, False, True], [False, False, False], [True, True, True]])
    yield "closed", Closed(), [{"x": rand(2, 3, 8), "mask": open_to}], (*ways, "trace"), told
