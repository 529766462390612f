"""Modules of what hardly any program does: triangles of matrices, slopes, shares of what is known, segments, unseen steps, random numbers, whole
steps, and what exports break operations into; `make.py` makes fixtures of them."""

import torch
import torch.ao.quantization.fx._decomposed  # noqa: F401
import torch.nn.functional as F
from torch import nn

Q = torch.ops.quantized_decomposed


class Triangles(nn.Module):
    def forward(self, x, s):
        both, pivots = torch.linalg.lu_factor(s)
        order, left, right = torch.linalg.lu(x)
        return (
            both, pivots, order, left, right, torch.linalg.lu(x.mT)[2], torch.lu_unpack(both, pivots)[0], torch.linalg.lu_solve(both, pivots, s.mT),
            torch.linalg.lu_solve(both, pivots, s.mT, adjoint=True), torch.linalg.lu_solve(both, pivots, x, left=False), torch.linalg.solve(s, x, left=False),
            torch.linalg.solve_triangular(s.triu(), x, upper=True, left=False), torch.linalg.solve_triangular(s.tril(), s.mT, upper=False, unitriangular=True),
            torch.linalg.householder_product(x, x[:, 0]), torch.ormqr(x, x[:, 0], x), torch.linalg.tensorsolve(s[0] + 2 * torch.eye(3), x[0, 0]),
        )  # fmt: skip


class Slopes(nn.Module):
    def forward(self, x, p):
        holes = torch.where(x > 0.5, float("nan"), x)
        return (
            *torch.gradient(x), *torch.gradient(x, spacing=2.0, dim=1), *torch.gradient(x, spacing=(p[0].cumsum(0),), dim=1, edge_order=2), *torch.frexp(x * 100),
            *torch.frexp(x.double() * 1e-310), *torch.frexp(x * 0), torch.nanquantile(holes, 0.4, 1), torch.nanquantile(holes, torch.tensor([0.1, 0.8])),
            torch.quantile(x, torch.tensor([0.3, 0.6]), 1, interpolation="nearest"), torch.quantile(x, 0.3, 1, True, interpolation="higher"),
            torch.quantile(x, 0.3, interpolation="midpoint"), torch.quantile(x, 0.3, keepdim=True), torch.nanmean(holes, 1, keepdim=True), torch.sort(holes, 1)[0], torch.topk(holes, 3, 1, largest=False)[0],
        )  # fmt: skip


class Segments(nn.Module):
    def forward(self, x, n):
        parts = lambda how, **told: torch.segment_reduce(x, how, lengths=torch.tensor([2, 0, 1]), **told)
        return (
            parts("sum"), parts("mean", initial=2.0), parts("max"), parts("min", initial=0.1), parts("prod"),
            torch.segment_reduce(x, "sum", offsets=torch.tensor([0, 1, 3])), F.multilabel_margin_loss(x, n % 4 - 1), F.multilabel_margin_loss(x[0], n[0] % 4),
        )  # fmt: skip


class Unseen(nn.Module):
    """Labels of which it is not told at which steps they are."""

    def forward(self, x, n):
        logs = x.log_softmax(2)
        lengths, counts = torch.tensor([8, 7, 6, 8]), torch.tensor([3, 2, 1, 0])
        return (
            F.ctc_loss(logs, n, lengths, counts), F.ctc_loss(logs, n.flatten()[:6], (8, 7, 6, 8), (3, 2, 1, 0), reduction="none"),
            F.ctc_loss(logs, torch.ones(4, 6).long(), (8, 7, 6, 8), (3, 6, 1, 5), blank=3, reduction="sum", zero_infinity=True),
            F.ctc_loss(logs[:, 0], n[0, :2], torch.tensor(8), torch.tensor(2), reduction="none"),
        )  # fmt: skip


class Broken(nn.Module):
    """What `run_decompositions` makes of what it breaks."""

    def __init__(self):
        super().__init__()
        self.pairs = nn.Bilinear(4, 4, 3)

    def forward(self, x, y, s):
        return (
            torch.fft.rfft(x, norm="ortho").abs(), torch.fft.irfft(torch.fft.rfft(x), n=7), torch.fft.ifft2(torch.complex(x, y)).abs(), torch.linalg.solve(s, s.mT),
            self.pairs(x, y), torch.linalg.lu_factor(s)[0], x.clone().fill_diagonal_(2.0), F.logsigmoid(x), torch.linalg.qr(x)[1].abs(), torch.istft(
                torch.stft(x.repeat(1, 16), 16, 4, window=torch.hann_window(16), return_complex=True), 16, 4, window=torch.hann_window(16)),
        )  # fmt: skip


class Drawn(nn.Module):
    """Of random numbers what is the same each time."""

    def forward(self, x, p):
        whole = torch.randint(3, 5, (50, 4))
        return (
            (torch.rand(1000, x.shape[1]) + 0.5).mean().round(), torch.rand_like(x) < 1, torch.randn(100, 100).std().round(), torch.randn_like(x).isfinite(), whole.amin(),
            whole.amax(), torch.randperm(9).sort()[0], torch.bernoulli(torch.ones_like(x)), torch.normal(x * 0 + 5, x * 0 + 0.001).round(),
            torch.normal(2.0, 1e-5, (3, 4)).round(), torch.multinomial(p, 4).sort()[0], torch.multinomial(p[0] * torch.tensor([0.0, 1.0, 0.0, 0.0]), 5, replacement=True),
            torch.empty(300, 40).uniform_(1, 2.9).mean().round(), torch.empty(300, 40).normal_(2, 0.01).mean().round(), torch.empty_like(x).exponential_() >= 0, torch.poisson(x * 0),
        )  # fmt: skip


class Steps(nn.Module):
    """A layer as quantised exports write it down."""

    def __init__(self):
        super().__init__()
        weight = torch.randn(3, 4)
        self.register_buffer("sizes", weight.abs().amax(1) / 127)
        self.register_buffer("zeros", torch.zeros(3, dtype=torch.int64))
        self.register_buffer("weight", Q.quantize_per_channel(weight, self.sizes, self.zeros, 0, -127, 127, torch.int8))

    def forward(self, x):
        size, zero = Q.choose_qparams(x, -128, 127, 1e-5, torch.int8)
        own = Q.quantize_per_tensor.tensor(x, size, zero, -128, 127, torch.int8)
        wide = Q.dequantize_per_tensor.tensor(own, size, zero, -128, 127, torch.int8)
        weight = Q.dequantize_per_channel(self.weight, self.sizes, self.zeros, 0, -127, 127, torch.int8)
        made = F.linear(wide, weight)
        return own, made, Q.dequantize_per_tensor(Q.quantize_per_tensor(made, 0.05, 2, 0, 255, torch.uint8), 0.05, 2, 0, 255, torch.uint8)


def fixtures():
    torch.manual_seed(5)
    rand, told = torch.randn, {}
    square, chances = rand(2, 3, 3) + 2 * torch.eye(3), torch.rand(3, 4) * 0.8 + 0.1
    yield "triangles", Triangles(), [{"x": rand(2, 4, 3), "s": square}], ("core", "trace"), told
    yield "slopes", Slopes(), [{"x": rand(3, 4), "p": chances}], ("trace",), told
    yield "segments", Segments(), [{"x": rand(3, 4), "n": torch.randint(1, 7, (3, 4))}], ("export", "trace"), told
    yield "unseen", Unseen(), [{"x": rand(8, 4, 4), "n": torch.randint(1, 4, (4, 3))}], ("trace",), told
    yield "broken-up", Broken(), [{"x": rand(3, 4), "y": rand(3, 4), "s": square}], ("core",), told
    yield "drawn", Drawn(), [{"x": rand(3, 4), "p": chances}], ("export", "trace"), told
    yield "steps", Steps(), [{"x": rand(2, 4)}, {"x": rand(3, 4)}], ("dynamic",), {"x": (0,)}
