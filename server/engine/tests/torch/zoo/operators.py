"""ATen's operations one by one: each is an expression of a few tensors, by their letters."""

import re

import torch
import torch.nn.functional as F
import torchvision  # noqa: F401
from torch import nn

from zoo import tensors

EXPRESSIONS = """
torch.linalg.svdvals(a) | (lambda t: (t[0] * t[1].unsqueeze(-2) @ t[2], t[1]))(torch.linalg.svd(a, full_matrices=False)) | (lambda t: (t[0].mT @ t[0], t[1], t[2] @ t[2].mT))(torch.linalg.svd(a))
(lambda t: t[0] * t[1].unsqueeze(-2) @ t[2].mT)(torch.svd(a)) | torch.linalg.qr(a) | torch.linalg.qr(a, mode="complete") | torch.linalg.eigvalsh(s) | torch.linalg.eigh(s)[1].abs()
torch.linalg.eigvalsh(s, UPLO="U") | torch.linalg.pinv(a) | torch.pinverse(a) | torch.linalg.pinv(a.mT @ a[:, :, :2] @ a[:, :2, :]) | torch.linalg.pinv(a, rtol=0.5) | torch.linalg.lstsq(a, a[:, :, :1] * 2).solution
torch.linalg.matrix_rank(s) | torch.linalg.cond(s) | torch.matrix_exp(s) | torch.linalg.matrix_exp(s * 3) | torch.linalg.matrix_norm(a, "nuc") | torch.linalg.matrix_norm(a, 2) | torch.linalg.matrix_norm(a, -2, keepdim=True)
torch.linalg.matrix_norm(a, 1) | torch.linalg.matrix_norm(a, float("inf")) | torch.linalg.matrix_norm(a, -1, dim=(0, 1)) | torch.linalg.norm(x, 2) | torch.linalg.norm(x) | torch.norm(x, p="nuc") | torch.cholesky_solve(a[:, :3], torch.linalg.cholesky(s @ s.mT + torch.eye(3)))
torch.cholesky_inverse(torch.linalg.cholesky(s @ s.mT + torch.eye(3))) | torch.triangular_solve(a[:, :3], s.triu() + 2 * torch.eye(3))[0] | torch.logdet(s @ s.mT + torch.eye(3)) | torch.linalg.det(s) | torch.linalg.slogdet(s) | torch.linalg.solve(s, a[:, :3]) | torch.linalg.inv(s) | torch.linalg.matmul(x, y.t())
torch.gcd(n, n.flip(1) * 6) | torch.lcm(n, n.flip(0)) | torch.ldexp(x, n) | torch.nextafter(x, y) | torch.isneginf(x / 0) | torch.isposinf(x / 0) | torch.isreal(x) | torch.special.i0(x * 4) | torch.special.i1(x * 4) | torch.special.i0e(x * 4) | torch.special.i1e(x * 4) | torch.i0(x) | torch.special.modified_bessel_k0(p + 0.5) | torch.special.bessel_y0(p)
torch.special.erfcx(x * 6) | torch.special.log_ndtr(x * 5) | torch.special.ndtri(p) | torch.special.xlog1py(x, p) | torch.special.psi(p) | torch.special.exp2(x) | torch.special.multigammaln(p + 2, 3) | torch.special.round(x)
torch.histc(x, 5, -1, 1) | torch.histc(x, 7) | torch.trapezoid(x) | torch.trapezoid(x, dx=0.5, dim=0) | torch.trapezoid(x, x.sort(1)[0]) | torch.cumulative_trapezoid(x) | torch.cov(x) | torch.cov(x[0], correction=0) | torch.corrcoef(x)
torch.nanmedian(torch.where(x > 0.5, float("nan"), x)) | torch.nanmedian(torch.where(x > 0.5, float("nan"), x), 1)[0] | F.pdist(x) | F.pdist(x, 1.0) | torch.vander(x[0]) | torch.vander(x[0], 3, True) | torch.linalg.vander(x, N=3) | torch.renorm(x, 2, 0, 1.0) | torch.norm_except_dim(x, 2, 0)
torch.atleast_1d(x[0, 0]) | torch.atleast_2d(x[0]) | torch.atleast_3d(x) | torch.diagflat(x[0], 1) | x.sum_to_size(1, 4) | torch.equal(x, x) | x * torch.bartlett_window(4) | x * torch.blackman_window(4, periodic=False) | x * torch.kaiser_window(4, True, 5.0) | torch.row_stack([x, y])
F.adaptive_max_pool2d(i, (3, 2), return_indices=True) | F.adaptive_max_pool1d(i[0], 4, return_indices=True) | F.adaptive_max_pool2d(i, 1, return_indices=True) | F.adaptive_max_pool3d(i[None], (2, 3, 3), return_indices=True) | F.adaptive_max_pool2d(i[0], (3, 4), return_indices=True)
torch.repeat_interleave(x, 2, 1) | torch.repeat_interleave(x, torch.tensor([2, 1, 3]), 0) | torch.repeat_interleave(n[0]) | torch.as_strided(x, (2, 3), (1, 4), 1) | torch.squeeze(x[:1]) | torch.combinations(x[0]) | torch.frexp(x)[0] | torch.nanquantile(x, 0.4, 1)
torch.polygamma(1, p) | torch.special.zeta(p + 1.5, p) | torch.special.gammainc(p, p) | torch.special.gammaincc(p, p) | torch.special.bessel_j0(x) | torch.special.bessel_j1(x) | torch.linalg.lu(s) | torch.linalg.lu_factor(s)[0] | torch.lu_unpack(*torch.linalg.lu_factor(s)) | torch.linalg.tensorinv(s.reshape(2, 3, 3)[0], 1) | torch.linalg.householder_product(a, a[:, 0])
F.cosine_embedding_loss(x, y, x[:, 0].sign()) | F.hinge_embedding_loss(x, y.sign()) | F.margin_ranking_loss(x, y, p.sign()) | F.triplet_margin_loss(x, y, p) | F.soft_margin_loss(x, y.sign()) | F.poisson_nll_loss(x, p) | F.gaussian_nll_loss(x, y, p) | F.multi_margin_loss(x, n[:, 0] % 4) | F.multilabel_soft_margin_loss(x, p) | F.multilabel_margin_loss(x, n % 4) | F.cross_entropy(x, p) | F.cross_entropy(x, n[:, 0] % 4, weight=p[0], label_smoothing=0.1) | F.nll_loss(x, n[:, 0] % 4, weight=p[0])
torch.fft.fftshift(x) | torch.fft.ifftshift(x, 1) | torch.fft.fftfreq(6) * x[0, 0] | torch.fft.rfftfreq(6) * x[0, 0] | torch.fft.hfft(x + 0j) | torch.fft.ihfft(x).real | torch.fft.irfft2(torch.fft.rfft2(x)) | torch.fft.fft(x, n=6).abs() | torch.fft.fft(x, n=3).abs() | torch.istft(torch.stft(w, 16, 4, window=torch.hann_window(16), return_complex=True), 16, 4, window=torch.hann_window(16)) | torch.stft(w, 16, 4, normalized=True, return_complex=True).abs() | torch.stft(w, 16, onesided=False, return_complex=True).abs()
F.fractional_max_pool2d(i, 2, output_size=(3, 2), _random_samples=p[None, :, :2].expand(2, 3, 2).sigmoid()) | F.lp_pool2d(i, 2, 2) | F.local_response_norm(i, 2) | F.unfold(i, 2) | F.pixel_unshuffle(i[:, :, :6, :4], 2) | F.channel_shuffle(i.repeat(1, 2, 1, 1), 2) | F.pad(i, (1, 2, 1, 0), mode="replicate") | F.pad(i, (1, 2, 1, 1), mode="reflect") | F.pad(i, (1, 2, 1, 1), mode="circular") | F.glu(x) | F.normalize(x) | F.embedding(n % 3, y) | F.one_hot(n) | F.fold(F.unfold(i, 2), i.shape[2:], 2) | F.ctc_loss(x[:, None].log_softmax(-1), n[:1, :2] % 3 + 1, torch.tensor([3]), torch.tensor([1]))
torch.cumsum(n, 1) | torch.cumprod(x, 1) | torch.cummax(x, 1) | torch.logcumsumexp(x, 0) | torch.diff(x, n=2) | torch.diff(x, prepend=x[:, :1]) | torch.gradient(x)[0] | torch.bucketize(x, y[0].sort()[0]) | torch.searchsorted(y.sort(1)[0], x, right=True) | torch.tril_indices(3, 4) | torch.unravel_index(n, (3, 4)) | torch.take_along_dim(x, n % 3, 0) | torch.index_select(x, 1, n[0] % 4) | torch.slice_scatter(x, y[:2], 0, 1) | torch.select_scatter(x, y[0], 0, 1) | torch.diagonal_scatter(x, y[0, :3]) | torch.as_strided_scatter(x, y[0, :2], (2,), (3,)) | torch.masked_select(x, x > 0) | torch.nonzero(x > 0) | torch.nonzero_static(x > 0, size=4) | torch.argsort(x, 1, True) | torch.topk(x, 2) | torch.kthvalue(x, 2) | torch.mode(n, 1)[0] | torch.unique(n) | torch.unique_consecutive(n, dim=0) | torch.aminmax(x) | torch.std_mean(x, 1) | torch.var(x, 0, correction=0) | torch.logsumexp(x, 1) | torch.count_nonzero(n, 1) | torch.any(x > 1, 1) | torch.prod(x, 1)
torch.addbmm(x[:, :3], s, s) | torch.baddbmm(s, s, s, beta=0.5) | torch.addmv(x[:, 0], x, y[0]) | torch.addcdiv(x, y, p, value=2) | torch.lerp(x, y, 0.3) | torch.fmod(x, 0.3) | torch.remainder(x, -0.3) | torch.floor_divide(n, 2) | torch.div(x, 0.3, rounding_mode="trunc") | torch.pow(2, x) | torch.float_power(p, 2) | torch.hypot(x, y) | torch.atan2(x, y) | torch.copysign(x, y) | torch.xlogy(x, p) | torch.clamp(x, y, p) | torch.bitwise_not(n) | torch.bitwise_left_shift(n, 1) | torch.logical_xor(x > 0, y > 0) | torch.where(x > 0, x, 0.0) | torch.sgn(x) | torch.frac(x) | torch.trunc(x * 3) | torch.logit(p.sigmoid()) | torch.erfinv(x.tanh()) | torch.lgamma(p) | torch.digamma(p) | torch.expm1(x) | torch.log1p(p) | torch.rsqrt(p) | torch.nan_to_num(x / 0) | torch.acosh(p + 1) | torch.asinh(x) | torch.atanh(x.tanh() * 0.5) | torch.round(x, decimals=1) | torch.positive(x) | torch.conj(x) | torch.angle(x) | torch.real(x) | torch.complex(x, y).abs() | torch.view_as_real(torch.complex(x, y) / torch.complex(p, y)) | torch.complex(x, y).exp().real | torch.complex(x, y).sum(0).abs() | (torch.complex(x, y) @ torch.complex(x, y).t()).abs() | torch.polar(p, y).angle()
x.new_tensor([1.0, 2.0]) * x[0, 0] | x.unflatten(1, (2, 2)) | x.view(torch.int32) | x.to(torch.float16) * 2 | x.bfloat16().sum(1) | x.int() // 2 | x.double().mean() | x.expand(2, 3, 4) | x.tile(2, 1) | x.roll(1, 0) | x.rot90() | x.fliplr() | x.movedim(0, 1) | x.split([1, 3], 1)[1] | x.chunk(3, 1)[1] | x.tensor_split(3, 1)[0] | x.unbind(0)[1] | x.hsplit(2)[0] | torch.block_diag(x, y) | torch.cartesian_prod(x[0], y[0]) | torch.meshgrid(x[0], y[0], indexing="xy")[0] | torch.stack([x, y], -1) | torch.dstack([x, y]) | torch.column_stack([x, y]) | torch.kron(x, y) | torch.tensordot(x, y, ([1], [1])) | torch.outer(x[0], y[0]) | torch.cross(s, s.flip(0), dim=-1) | torch.cdist(x, y) | torch.trace(x) | torch.dot(x[0], y[0]) | torch.einsum("ij,kj->ik", x, y) | torch.bincount(n.flatten()) | torch.isin(n, n[0]) | torch.allclose(x, x) | torch.scatter(x, 1, n % 4, y) | torch.scatter_add(x, 1, n % 4, y) | torch.index_put(x, (n[0, :3] % 3,), y) | torch.index_add(x, 0, n[:, 0] % 3, y) | torch.put(x, n % 12, y) | torch.take(x, n) | x.fill_diagonal_(2.0) | x.index_fill(0, n[0, :1] % 3, 1.0)
F.grid_sample(i, torch.tanh(i[:, :2].permute(0, 2, 3, 1)), align_corners=False) | F.grid_sample(i[None], torch.tanh(i[None].permute(0, 2, 3, 4, 1).repeat(1, 1, 1, 1, 2)[..., :3]), align_corners=True) | F.interpolate(i, scale_factor=2, mode="bicubic") | F.interpolate(i, (5, 9), mode="bilinear", antialias=True) | F.interpolate(i, scale_factor=0.5, mode="nearest-exact") | F.group_norm(i, 3) | F.instance_norm(i) | F.layer_norm(x, (4,)) | F.rms_norm(x, (4,)) | F.batch_norm(i, x[:, 0], p[:, 0]) | F.softmin(x) | F.hardswish(x) | F.mish(x) | F.celu(x) | F.selu(x) | F.threshold(x, 0.1, 2.0) | F.softshrink(x) | F.hardshrink(x) | F.tanhshrink(x) | F.gelu(x, approximate="tanh") | F.prelu(x, p[0, 0]) | F.logsigmoid(x) | F.relu6(x * 8) | F.hardtanh(x) | F.softplus(x, 2) | F.conv_transpose2d(i, i[:, :, :2, :2].transpose(0, 1)[:3]) | F.conv3d(i[None], i[None, :, :, :2, :2].transpose(1, 0)[:, :2].transpose(0, 1)[:, :1].expand(2, 2, 3, 2, 2)[:, :2]) | torch.conv_tbc(s, s[:, :, :2], x[0, :2], 1) | F.avg_pool2d(i, 3, 2, ceil_mode=True) | F.max_pool2d(i, 3, 2, 1, ceil_mode=True, return_indices=True) | F.scaled_dot_product_attention(s, s, s, is_causal=True) | F.bilinear(x, y, s[:1, 0, :1].expand(2, 4, 4)) | torch.nn.utils.rnn.pad_sequence([x, y[:2]], True) | torch.segment_reduce(x, "sum", lengths=torch.tensor([2, 1])) | torchvision.ops.nms(p.cumsum(1), p[:, 0], 0.5) | torchvision.ops.box_iou(p.cumsum(1), p.cumsum(1) + 0.1) | torchvision.ops.roi_align(i, [p.cumsum(1)] * 2, 2) | torchvision.ops.ps_roi_align(i.repeat(1, 4, 1, 1), [p.cumsum(1)] * 2, 2) | torchvision.ops.ps_roi_pool(i.repeat(1, 4, 1, 1), [p.cumsum(1)] * 2, 2) | torchvision.ops.sigmoid_focal_loss(x, p)
"""  # noqa: E501


def inputs():
    g = torch.Generator().manual_seed(3)
    rand = lambda *shape: torch.randn(*shape, generator=g)
    return {
        "a": rand(2, 4, 3), "i": rand(2, 3, 7, 5), "n": torch.randint(1, 7, (3, 4), generator=g), "p": torch.rand(3, 4, generator=g) * 0.8 + 0.1, "s": rand(2, 3, 3),
        "w": rand(2, 64), "x": rand(3, 4), "y": rand(3, 4),
    }  # fmt: skip


def module(expression, names):
    scope = {"torch": torch, "F": F, "tensors": tensors, "nn": nn, "torchvision": torchvision}
    answer = f"(lambda answer: torch.tensor(answer) if isinstance(answer, (bool, int, float)) else tensors(answer))({expression})"
    text = f"class Expression(nn.Module):\n    def forward(self, {', '.join(names)}):\n        return {answer}\n"
    exec(text, scope)
    return scope["Expression"]()


def networks():
    found = []
    for expression in (e.strip() for line in EXPRESSIONS.strip().splitlines() for e in line.split(" | ")):
        names = [n for n in inputs() if re.search(rf"(?<![\w.\"]){n}(?![\w\"(=])", expression)]
        name = re.sub(r"\W+", "-", expression)[:60].strip("-") + f"-{len(found)}"
        make = lambda e=expression, names=names: (module(e, names), [{k: v for k, v in inputs().items() if k in names}], {})
        found.append((name, make))
    return found
