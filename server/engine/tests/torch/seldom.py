"""Modules of what few programs do: factors of matrices, special functions, statistics, losses, loops of exports, work that is forked."""

from typing import List

import torch
import torch.nn.functional as F
import torchvision
from torch import nn


class Factors(nn.Module):
    """Vectors may be turned round: what is given does not tell."""

    def forward(self, x, s):
        left, values, right = torch.linalg.svd(x, full_matrices=False)
        whole, _, _ = torch.linalg.svd(x)
        q, r = torch.linalg.qr(x)
        least, vectors = torch.linalg.eigh(s)
        spread = s @ s.mT + torch.eye(3)
        return (
            left * values.unsqueeze(-2) @ right, values, whole.mT @ whole, q @ r, r.abs(), least, vectors * least.unsqueeze(-2) @ vectors.mT, torch.linalg.pinv(x),
            torch.linalg.pinv(x, rtol=0.5), torch.linalg.lstsq(x, x[:, :, :1]).solution, torch.linalg.matrix_rank(s), torch.linalg.cond(s), torch.matrix_exp(s * 2),
            torch.linalg.matrix_norm(x, "nuc"), torch.linalg.matrix_norm(x, 2), torch.linalg.matrix_norm(x, -1, keepdim=True), torch.linalg.norm(s[0], 2),
            torch.cholesky_solve(s, torch.linalg.cholesky(spread)), torch.logdet(spread), torch.cholesky_inverse(torch.linalg.cholesky(spread), upper=False),
        )  # fmt: skip


class Special(nn.Module):
    def forward(self, x, p, n):
        holes = torch.where(x > 0.5, float("nan"), x)
        return (
            torch.gcd(n, n.flip(1) * 6), torch.lcm(n, n.flip(0)), torch.ldexp(x, n), torch.isposinf(x / 0), torch.special.i0(x * 4), torch.special.i1(x * 4),
            torch.special.i1e(x * 4), torch.special.erfcx(x * 6), torch.special.log_ndtr(x * 5), torch.special.xlog1py(x, p), torch.special.multigammaln(p + 2, 3),
            torch.histc(x, 5, -1.0, 1.0), torch.histc(x, 7), torch.trapezoid(x, dx=0.5, dim=0), torch.cumulative_trapezoid(x), torch.nanmedian(holes, 1)[0], F.pdist(x),
            torch.vander(x[0], 3, True), torch.renorm(x, 2, 0, 1.0), torch.mode(n, 1)[0], torch.put(x, n, p), torch.nonzero_static(x > 0, size=4), torch.diagonal_scatter(x, p[0, :3], 1),
            torch.meshgrid(x[0], p[:, 0], indexing="xy")[0], torch.dstack([x, p]), torch.diff(x, n=2, prepend=p[:, :1]), torch.angle(x), x * torch.kaiser_window(4, True, 5.0),
            torch.combinations(x[0]), x.view(torch.int32), torch.repeat_interleave(n[0]),
        )  # fmt: skip


class Losses(nn.Module):
    def forward(self, x, y, p, n):
        return (
            F.cosine_embedding_loss(x, y, x[:, 0].sign()), F.hinge_embedding_loss(x, y.sign()), F.margin_ranking_loss(x, y, p.sign()), F.triplet_margin_loss(x, y, p, swap=True),
            F.soft_margin_loss(x, y.sign()), F.poisson_nll_loss(x, p), F.multi_margin_loss(x, n), F.cross_entropy(x, p), F.cross_entropy(x, n, weight=p[0], label_smoothing=0.1),
        )  # fmt: skip


class Maxima(nn.Module):
    """Where the maxima of windows of different sizes are."""

    def forward(self, x):
        line, places = F.adaptive_max_pool1d(x[:, :, 0], 4, return_indices=True)
        image, at = F.adaptive_max_pool2d(x, (3, 2), return_indices=True)
        own, there = F.adaptive_max_pool2d(x, 1, return_indices=True)
        return line, places, image, at, own, there, torchvision.ops.ps_roi_align(x, torch.tensor([[0.0, 0.5, 0.5, 4.0, 5.0]]), 2, 1.0, 2)


class Sounds(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("window", torch.hann_window(16))

    def forward(self, x):
        short = torch.stft(x, 16, 4, window=self.window, return_complex=True)
        return torch.istft(short * 2, 16, 4, window=self.window), torch.fft.fftshift(torch.fft.fft(x, n=20).abs(), 1), torch.fft.ihfft(x).real


class Repeated(nn.Module):
    """A loop that an export keeps."""

    def __init__(self):
        super().__init__()
        self.dense = nn.Linear(4, 4)

    def forward(self, x):
        from torch._higher_order_ops.while_loop import while_loop

        goes_on = lambda n, y: (n < 20) & (y.abs().sum() < 100)
        turn = lambda n, y: (n + 1, y + self.dense(y) + x)
        return while_loop(goes_on, turn, (torch.tensor(0), x))


class Forked(nn.Module):
    """Work that is done beside other work."""

    def __init__(self):
        super().__init__()
        self.dense = nn.Linear(4, 4)

    def deep(self, x):
        return self.dense(x) + 1

    def forward(self, x):
        first = torch.jit.fork(self.deep, x)
        more: List[torch.jit.Future[torch.Tensor]] = []
        for n in range(2):
            more.append(torch.jit.fork(self.deep, x * n))
        y = torch.jit.wait(first)
        for one in more:
            y = y * torch.jit.wait(one)
        return y


def fixtures():
    torch.manual_seed(2)
    rand, told = torch.randn, {}
    ways = ("export", "trace")
    n = torch.randint(1, 7, (3, 4))
    yield "factors", Factors(), [{"x": rand(2, 4, 3), "s": (lambda s: s + s.mT)(rand(2, 3, 3))}], ("trace",), told
    yield "special", Special(), [{"x": rand(3, 4), "p": torch.rand(3, 4), "n": n}], ("export",), told
    yield "losses", Losses(), [{"x": rand(3, 4), "y": rand(3, 4), "p": torch.rand(3, 4), "n": n[:, 0] % 4}], ways, told
    yield "maxima", Maxima(), [{"x": rand(1, 8, 7, 5)}], ways, told
    yield "sounds", Sounds(), [{"x": rand(2, 64)}], ways, told
    yield "repeated", Repeated(), [{"x": rand(2, 4)}, {"x": rand(3, 4) * 5}], ("dynamic",), {"x": (0,)}
    yield "forked", Forked(), [{"x": rand(2, 4)}, {"x": rand(3, 4)}], ("script",), {"x": (0,)}
