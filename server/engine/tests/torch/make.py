#!/usr/bin/env python3
"""Makes the fixtures of the PyTorch test: small modules, exported and scripted, and what torch answers for them.

    python3 -m venv new && new/bin/pip install torch torchvision transformers
    new/bin/python make.py                 # torch.export as it is now, TorchScript
    new/bin/python make.py only views      # one of them
    # a version whose torch.export still writes the older archive
    python3.11 -m venv old && old/bin/pip install "numpy<2" torch==2.5.1
    old/bin/python make.py old

Networks are compared by `compare.py`. A directory holds `cases.json` (inputs by name, and the answers) and one artifact for each way of saving. Everything is seeded.
"""

import json
import shutil
import struct
import sys
import warnings
import zipfile
from pathlib import Path
from typing import List, Optional

import torch
import torch.nn.functional as F
from torch import nn

warnings.filterwarnings("ignore")
HERE = Path(__file__).parent
DTYPES = {
    torch.float32: "float32", torch.float64: "float64", torch.float16: "float16", torch.bfloat16: "bfloat16",
    torch.int64: "int64", torch.int32: "int32", torch.uint8: "uint8", torch.bool: "bool", torch.int8: "int8",
}  # fmt: skip


def plain(tensor):
    values = tensor.detach().reshape(-1)
    wide = values.double().tolist() if tensor.is_floating_point() else values.long().tolist()
    finite = lambda v: v if v == v and abs(v) != float("inf") else str(v)
    short = lambda v: finite(float(f"{v:.9g}") if tensor.dtype != torch.float64 else v)
    return {
        "dtype": DTYPES[tensor.dtype],
        "shape": list(tensor.shape),
        "values": [short(v) if isinstance(v, float) else v for v in wide],
    }


def flat(outputs):
    if isinstance(outputs, torch.Tensor):
        return [outputs]
    if isinstance(outputs, dict):
        outputs = outputs.values()
    if outputs is None or isinstance(outputs, str):
        return []
    if isinstance(outputs, (bool, int, float)):
        return [torch.tensor(outputs, dtype=torch.float64 if isinstance(outputs, float) else None)]
    return [t for o in outputs for t in flat(o)]


# Programs in text whose inputs' shapes follow from what is done with them.
UNTOLD = ("network", "convolutions", "control", "older", "in-place")


def told(case, dynamic):
    """What a program in text does not say of its inputs."""
    shape = lambda k, v: [None if a in dynamic.get(k, ()) else d for a, d in enumerate(v.shape)]
    return {k: {"dtype": DTYPES[v.dtype], "shape": shape(k, v)} for k, v in case.items()}


def unplaced(graph):
    """Leaves out which line of which file each node is from, in a graph and those within it."""
    for key, part in graph.items() if isinstance(graph, dict) else enumerate(graph):
        if key == "metadata":
            graph[key] = {}
        elif isinstance(part, (dict, list)):
            unplaced(part)


def slim(path):
    """Compresses the graph, and leaves the example's inputs out."""
    with zipfile.ZipFile(path) as archive:
        members = [(i.filename, archive.read(i)) for i in archive.infolist() if "sample_inputs" not in i.filename]
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members:
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            if name.endswith(".json"):
                graph = json.loads(data)
                if "graph_module" in graph:
                    unplaced(graph["graph_module"]["graph"])
                data = json.dumps(graph).encode()
            archive.writestr(info, data, zipfile.ZIP_DEFLATED if name.endswith(".json") else zipfile.ZIP_STORED)


def bare(path):
    """Leaves out which lines of which files a program is from. Data begin where 64 divides, as torch puts them."""
    with zipfile.ZipFile(path) as archive:
        members = [(i, archive.read(i)) for i in archive.infolist() if not i.filename.endswith(".debug_pkl")]
    with zipfile.ZipFile(path, "w") as archive:
        for old, data in members:
            info = zipfile.ZipInfo(old.filename, (1980, 1, 1, 0, 0, 0))
            short = -(archive.fp.tell() + 34 + len(old.filename)) % 64
            info.extra = b"FB" + struct.pack("<H", short) + b"Z" * short
            archive.writestr(info, data, old.compress_type)


def write(root, name, module, inputs, ways, dynamic=None):
    """One fixture. `inputs`: cases, each a dict of the arguments; `dynamic`: the axes of each argument that may be of any extent."""
    to = root / name
    shutil.rmtree(to, ignore_errors=True)
    to.mkdir(parents=True)
    module = module.eval()
    with torch.no_grad():
        cases = [
            {
                "inputs": {k: plain(v) for k, v in case.items()},
                "outputs": [plain(t) for t in flat(module(**{k: v.clone() for k, v in case.items()}))],
            }
            for case in inputs
        ]
        example = tuple(v.clone() for v in inputs[0].values())
        for way in ways:
            (to / way).mkdir()
            if way in ("export", "dynamic", "core", "older"):
                axes = None
                if way != "export" and dynamic:
                    axes = {k: {a: torch.export.Dim.AUTO for a in dynamic.get(k, ())} for k in inputs[0]}
                program = torch.export.export(module, example, dynamic_shapes=axes)
                if way == "core":
                    program = program.run_decompositions()
                for part in program.graph_module.modules():
                    for node in part.graph.nodes if isinstance(part, torch.fx.GraphModule) else ():
                        node.meta.pop("stack_trace", None)
                torch.export.save(program, to / way / "model.pt2")
                if name not in ("network", "older"):
                    slim(to / way / "model.pt2")
            elif way == "script":
                if name not in UNTOLD:
                    (to / way / "berth.json").write_text(json.dumps({"inputs": told(inputs[0], dynamic or {})}))
                torch.jit.script(getattr(module, "scripted", module)).save(str(to / way / "model.pt"))
            elif way == "frozen":
                torch.jit.freeze(torch.jit.script(module)).save(str(to / way / "model.pt"))
            elif way == "trace":
                traced = module if isinstance(module, torch.jit.ScriptModule) else torch.jit.trace(module, example, check_trace=False)
                traced.save(str(to / way / "model.pt"))
            if (to / way / "model.pt").exists():
                bare(to / way / "model.pt")
    (to / "cases.json").write_text(json.dumps(cases))


class Pointwise(nn.Module):
    def forward(self, x):
        p = x.abs() + 0.1
        return (
            torch.relu(x), F.relu6(x * 4), torch.sigmoid(x), torch.tanh(x), torch.exp(x), torch.log(p), torch.sqrt(p),
            torch.rsqrt(p), x.abs(), -x, torch.sin(x), torch.cos(x), torch.tan(x), torch.atan(x), torch.floor(x * 3),
            torch.ceil(x * 3), torch.round(x * 3), torch.trunc(x * 3), torch.erf(x), torch.erfc(x), torch.expm1(x),
            torch.log1p(p), torch.reciprocal(p), torch.sign(x), torch.square(x), F.softplus(x), F.softplus(x, 2.0, 1.0),
            F.elu(x), F.elu(x, 0.5), F.selu(x), F.celu(x, 2.0), F.leaky_relu(x, 0.2), F.silu(x), F.mish(x), F.hardtanh(x),
            F.hardtanh(x, -0.5, 0.25), F.hardsigmoid(x * 4), F.hardswish(x * 4), F.gelu(x), F.gelu(x, approximate="tanh"),
            torch.log2(p), torch.log10(p), torch.exp2(x), F.logsigmoid(x), torch.sinh(x), torch.cosh(x), torch.asin(torch.tanh(x)),
            torch.acos(torch.tanh(x)), torch.frac(x * 3), torch.isnan(x), torch.isfinite(x), torch.logical_not(x > 0),
            F.threshold(x, 0.1, -2.0), F.hardshrink(x), F.softshrink(x), F.tanhshrink(x), torch.logit(torch.sigmoid(x), 1e-3),
            F.softsign(x), torch.nan_to_num(x),
        )  # fmt: skip


class Binary(nn.Module):
    def forward(self, x, n):
        y = x[:, :1] + 0.5
        p = x.abs() + 0.1
        return (
            x + y, x - y, torch.sub(x, y, alpha=2), torch.add(x, n, alpha=3), x * 2, 2 - x, x / (y.abs() + 1), 1 / p, x + n, n + 1.5,
            n * 2, n / 2, n // 2, torch.div(n, 3, rounding_mode="floor"), torch.div(x, 0.3, rounding_mode="trunc"),
            torch.div(n - 3, 2, rounding_mode="trunc"), n % 3, (n - 3) % 4, torch.fmod(x, 0.4), torch.remainder(x, 0.4),
            p**2, p**0.5, p**-0.5, p**3, p**1.7, n**2, torch.pow(2.0, x), torch.pow(p, y), torch.maximum(x, y), torch.minimum(x, y),
            torch.atan2(x, p), x == y, x != 0, x < y, x <= 0.25, x > n, n >= 2, (x > 0) & (n > 1), (x > 0) | (n > 1), (x > 0) ^ (n > 1),
            torch.logical_and(x, n), torch.logical_or(x > 1, n), torch.logical_xor(x > 0, n > 1), n & 3, n | 4, n ^ 5, ~n,
            torch.where(x > 0, x, y), torch.where(n > 2, x, 0.5), torch.where(n > 2, n, 1.5), torch.clamp(x, -0.3, 0.4),
            torch.clamp(x, min=0.1), torch.clamp(x, max=0.1), torch.clamp(n, 1, 3), torch.lerp(x, y, 0.3), torch.addcmul(x, y, p, value=0.5),
            torch.addcdiv(x, y, p), torch.rsub(x, 3), (x > 0) * x, (x > 0) + (n > 1), torch.clamp_min(x, 0.2), n << 1, n >> 1,
        )  # fmt: skip


class Reductions(nn.Module):
    def forward(self, x, n):
        return (
            x.sum(), x.sum(1), x.sum([0, 2], keepdim=True), x.mean(), x.mean(-1), x.mean([1, 2]), x.mean(1, keepdim=True), x.amax(1), x.amin([0, 1]),
            n.sum(), n.sum(0), (n > 1).sum(1), x.prod(1), n.prod(), (x > 0).any(), (x > 0).any(1), (x > -3).all(), (x > 0).all(2),
            x.var(), x.var(1), x.var(1, unbiased=False), x.std(2), x.std([0, 1], keepdim=True), torch.logsumexp(x, 1), x.norm(2),
            torch.norm(x, dim=1), torch.linalg.vector_norm(x, dim=2), x.norm(p=1, dim=2), torch.cumsum(x, 1), n.cumsum(0), torch.cumprod(x, 2),
            torch.count_nonzero(n, dim=1), F.normalize(x, dim=1), torch.softmax(x, 1), F.softmax(x, -1), F.log_softmax(x, 2), F.log_softmax(x, 0),
            torch.var_mean(x, 1, unbiased=False)[0], torch.std_mean(x, 1)[1], n.float().mean(),
        )  # fmt: skip


class Extremes(nn.Module):
    def forward(self, x):
        best, where = x.max(1)
        least, there = x.min(-1, keepdim=True)
        top, at = torch.topk(x, 3, dim=1)
        low, low_at = torch.topk(x, 2, dim=2, largest=False)
        ordered, order = torch.sort(x, 1)
        down, down_at = torch.sort(x, dim=2, descending=True)
        return (
            x.max(), x.min(), best, where, least, there, x.argmax(), x.argmax(1), x.argmin(-1, keepdim=True), top, at, low, low_at,
            ordered, order, down, down_at, torch.argsort(x, 1, descending=True), torch.max(x, -x),
        )  # fmt: skip


class Views(nn.Module):
    def forward(self, x):
        n = x.size(0)
        return (
            x.view(n, -1), x.view(n, 2, 3, 4), x.reshape(-1, 12), x.flatten(1), x.flatten(), x.permute(2, 0, 1), x.transpose(1, 2),
            x[:, 0].t(), x.unsqueeze(1), x.unsqueeze(-1), x.unsqueeze(1).squeeze(1), x[0], x[:, -1], x[:, 1:4], x[:, ::2], x[..., -2:],
            x[:, 1:-1, None], x[:, :, 1], x.select(1, 2), x.narrow(1, 1, 3), x.unsqueeze(0).expand(3, -1, -1, -1), x[:, :1].expand(n, 5, 4),
            x[:, :1].expand_as(x), x.movedim(0, 2), x.swapaxes(0, 1), torch.unflatten(x, 1, [2, 3]), x.mT, x.contiguous().view(-1),
            x.view(x.shape[0], x.shape[1] * x.shape[2]), torch.zeros(x.shape[0], 2), x.new_ones(n, x.shape[2]), x.reshape(n * 6, 4),
            x.unfold(1, 3, 2), torch.diagonal(x, 0, 1, 2), x[:, [0, 2]], x.clone().detach(), F.dropout(x, 0.5, False), torch.squeeze(x[:, :1]),
        )  # fmt: skip


class Parts(nn.Module):
    def forward(self, x, y):
        a, b = x.split([2, 4], dim=1)
        c, d, e = torch.split(x, 2, 1)
        f, g = x.chunk(2, dim=2)
        parts = torch.unbind(x, 1)
        i, j = torch.meshgrid(torch.arange(2), torch.arange(3), indexing="ij")
        return (
            a, b, c, d, e, f, g, parts[0], parts[5], torch.cat([x, y], 0), torch.cat([a, b * 2, a], dim=1), torch.cat([f, g], -1),
            torch.stack([x, x * 2]), torch.stack(parts[:3], 1), F.glu(x, 1), torch.cat([x, torch.arange(4).expand(x.size(0), 1, 4)], 1), i, j,
            torch.hstack([x, x]), torch.vstack([x, y]), torch.tensor_split(x, 4, 1)[1],
        )  # fmt: skip


class Moves(nn.Module):
    def forward(self, x):
        return (
            x.repeat(1, 2, 1), x.repeat(2, 1, 1, 1), x.tile(2), torch.repeat_interleave(x, 2, 1), x.flip([1, 2]), torch.roll(x, 1, 1),
            torch.roll(x, [1, -2], [1, 2]), F.pad(x, [1, 2]), F.pad(x, [1, 0, 2, 1], value=3.0), F.pad(x, [-1, 1]), F.pad(x, [1, 2], mode="reflect"),
            F.pad(x, [2, 1], mode="replicate"), F.pad(x, [1, 2], mode="circular"), torch.tril(x), torch.triu(x, 1), torch.tril(x, -1),
            F.pixel_shuffle(x.reshape(-1, 4, 3, 2), 2), F.pixel_unshuffle(x.reshape(-1, 1, 6, 4), 2), F.channel_shuffle(x.reshape(-1, 6, 2, 2), 3),
            F.pad(x.unsqueeze(1), [1, 1, 2, 0]), F.pad(x.unsqueeze(1), [1, 1, 1, 1], mode="reflect"),
        )  # fmt: skip


class Indexing(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(10, 4, padding_idx=0)

    def forward(self, x, n):
        written = x.clone()
        written[:, 1] = 0.5
        masked = x.clone()
        masked[x > 0] = -1.0
        return (
            self.table(n), torch.index_select(x, 1, torch.tensor([2, 0])), torch.gather(x, 1, n[:, :2, None].expand(-1, -1, 4)), x[:, n[0]],
            x[n[:, 0] % 2, n[:, 1] % 6], x[:, n[0, :2], n[1, :2] % 4], x[torch.tensor([-1, 0])], x.masked_fill(x > 0, 2.0), written, masked,
            F.one_hot(n % 4, 4), torch.zeros_like(x).scatter(1, n[:, :2, None].expand(-1, -1, 4) % 6, 1.0),
            torch.zeros(x.size(0), 6, 4).scatter_add(1, n[:, :, None].expand(-1, -1, 4) % 6, x[:, :3]), torch.take_along_dim(x, x.argsort(1), 1),
            torch.bucketize(x, torch.tensor([-0.5, 0.0, 0.5])), torch.where(x > 0)[0].sum(), x.index_select(0, torch.tensor([1])), torch.nonzero(n > 3),
            torch.masked_select(x, x > 0.5),
        )  # fmt: skip


class Creation(nn.Module):
    def forward(self, x):
        n = x.size(0)
        return (
            torch.arange(5) + x[0, 0].long(), torch.arange(n), torch.arange(1, 7, 2), torch.arange(0.0, 1.0, 0.25), torch.zeros(n, 2), torch.ones(2, n),
            torch.full((2, n), 3.5), torch.full((n,), 2), torch.zeros_like(x), torch.ones_like(x, dtype=torch.int64), torch.full_like(x, 0.5),
            torch.eye(3), torch.linspace(0, 1, 5), torch.tensor([1.0, 2.0]) + x[0, :1], x.new_zeros(3), x.new_full((2, 2), 1.5), x.to(torch.float64),
            x.long(), x.to(torch.int32), (x > 0).float(), x.half().float(), torch.scalar_tensor(3.0) * x, x.type_as(x), x.double().to(torch.float32),
        )  # fmt: skip


class Convolutions(nn.Module):
    def __init__(self):
        super().__init__()
        self.plain = nn.Conv2d(3, 8, 3, padding=1)
        self.grouped = nn.Conv2d(8, 8, 3, stride=2, padding=1, groups=4, bias=False)
        self.depthwise = nn.Conv2d(8, 8, 5, padding=2, groups=8)
        self.multiplied = nn.Conv2d(8, 16, 3, groups=8)
        self.dilated = nn.Conv2d(8, 6, 3, dilation=2, padding="same")
        self.wide = nn.Conv2d(3, 4, (1, 3), stride=(1, 2), padding=(0, 1))
        self.line = nn.Conv1d(3, 5, 3, padding=1, stride=2)
        self.volume = nn.Conv3d(2, 4, (2, 3, 3), padding=(0, 1, 1))
        self.back = nn.ConvTranspose2d(8, 4, 3, stride=2, padding=1, output_padding=1)
        self.back_grouped = nn.ConvTranspose2d(8, 4, 2, stride=2, groups=2)
        self.back_line = nn.ConvTranspose1d(3, 4, 4, stride=2, padding=1)
        self.reflected = nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect")

    def forward(self, x, line, volume):
        y = self.plain(x)
        return (
            y, self.grouped(y), self.depthwise(y), self.multiplied(y), self.dilated(y), self.wide(x), self.line(line), self.volume(volume),
            self.back(y), self.back_grouped(y), self.back_line(line), self.reflected(x), self.plain(x[0]), F.relu(y) + y * 2,
        )  # fmt: skip


class Pools(nn.Module):
    def forward(self, x, line):
        return (
            F.max_pool2d(x, 2), F.max_pool2d(x, 3, 2, 1), F.max_pool2d(x, 3, 2, ceil_mode=True), F.max_pool2d(x, 2, 2, 1, ceil_mode=True), F.avg_pool2d(x, 2),
            F.avg_pool2d(x, 3, 2, 1), F.avg_pool2d(x, 3, 2, 1, count_include_pad=False), F.avg_pool2d(x, 3, 2, ceil_mode=True),
            F.avg_pool2d(x, 3, 2, 1, ceil_mode=True), F.adaptive_avg_pool2d(x, 1), F.adaptive_avg_pool2d(x, (3, 3)), F.adaptive_avg_pool2d(x, (4, 5)),
            F.adaptive_max_pool2d(x, 1), F.adaptive_max_pool2d(x, 3), F.max_pool1d(line, 3, 2), F.avg_pool1d(line, 2), F.adaptive_avg_pool1d(line, 1),
            F.adaptive_avg_pool1d(line, 4), F.avg_pool3d(x.unsqueeze(1), 2), F.max_pool3d(x.unsqueeze(1), 2), x.mean([2, 3]),
        )  # fmt: skip


class Norms(nn.Module):
    def __init__(self):
        super().__init__()
        self.image, self.line, self.row = nn.BatchNorm2d(6), nn.BatchNorm1d(6), nn.BatchNorm1d(6, affine=False)
        self.last, self.two, self.bare = nn.LayerNorm(5), nn.LayerNorm([5, 5]), nn.LayerNorm(5, elementwise_affine=False)
        self.groups, self.instance = nn.GroupNorm(3, 6), nn.InstanceNorm2d(6, affine=True)
        self.root = nn.RMSNorm(5) if hasattr(nn, "RMSNorm") else nn.LayerNorm(5)
        for p in [*self.parameters(), *(b for b in self.buffers() if b.is_floating_point())]:
            p.data.uniform_(0.5, 1.5)

    def forward(self, x):
        return (
            self.image(x), self.line(x[:, :, 0]), self.row(x[:, :, 0, 0]), self.last(x), self.two(x), self.bare(x), self.groups(x), self.instance(x),
            self.root(x), F.layer_norm(x.permute(0, 2, 3, 1), (6,)).permute(0, 3, 1, 2), F.group_norm(x, 2), F.instance_norm(x),
        )  # fmt: skip


class Products(nn.Module):
    def __init__(self):
        super().__init__()
        self.dense, self.bare = nn.Linear(4, 5), nn.Linear(4, 3, bias=False)

    def forward(self, x, y):
        v = y[0, :, 0]
        return (
            self.dense(x), self.bare(x[0]), self.dense(x[0, 0]), x @ y, torch.bmm(x, y), torch.mm(x[0], y[0]), torch.matmul(x, y[0]), x @ v, v @ y,
            torch.dot(v, v), torch.mv(x[0], v), torch.addmm(x[0, :, :3], x[0], y[0], beta=0.5, alpha=2.0), torch.baddbmm(x[:, :, :3], x, y),
            torch.einsum("bij,bjk->bik", x, y), torch.einsum("bij,bkj->bik", x, x), torch.einsum("bij->bji", x), torch.einsum("i,j", v, v),
            torch.outer(v, v), x.unsqueeze(1) @ y, torch.tensordot(x, y[0], dims=1), torch.einsum("bhi,ij->bhj", x, self.dense.weight.t()),
        )  # fmt: skip


class Attends(nn.Module):
    def __init__(self):
        super().__init__()
        self.heads = nn.MultiheadAttention(8, 2, batch_first=True)
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, activation="gelu")

    def forward(self, x, mask):
        q = x.view(x.size(0), -1, 2, 4).transpose(1, 2)
        return (
            F.scaled_dot_product_attention(q, q, q), F.scaled_dot_product_attention(q, q, q, is_causal=True),
            F.scaled_dot_product_attention(q, q * 2, q, attn_mask=mask), F.scaled_dot_product_attention(q, q, q, attn_mask=mask.float(), scale=0.3),
            self.heads(x, x, x)[0], self.layer(x), torch.softmax(q @ q.transpose(-1, -2) / 2.0 + mask.float(), -1) @ q,
        )  # fmt: skip


class Scales(nn.Module):
    def forward(self, x):
        return (
            F.interpolate(x, scale_factor=2.0), F.interpolate(x, size=(7, 3)), F.interpolate(x, scale_factor=2.0, mode="bilinear"),
            F.interpolate(x, size=(3, 9), mode="bilinear"), F.interpolate(x, size=(8, 7), mode="bilinear", align_corners=True),
            F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=True), F.interpolate(x, size=(9, 7), mode="nearest-exact"),
            F.interpolate(x[:, :, 0], scale_factor=3.0), F.interpolate(x[:, :, 0], size=7, mode="linear"),
        )  # fmt: skip


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(4, 6, num_layers=2, batch_first=True, bidirectional=True)
        self.gru = nn.GRU(4, 5, batch_first=True)
        self.rnn = nn.RNN(4, 3)
        self.bare = nn.GRU(4, 3, bias=False, bidirectional=True)

    def forward(self, x):
        y, (h, c) = self.lstm(x)
        z, g = self.gru(x)
        r, s = self.rnn(x)
        t, u = self.bare(x)
        return y, h, c, z, g, r, s, t, u


class InPlace(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        y = F.relu(self.conv(x), inplace=True)
        z = y.clone()
        z += 1
        z.mul_(2).clamp_(0, 3)
        w = torch.zeros_like(y)
        w[:, 1] = y[:, 0]
        w[:, 2:, :2] += 1.5
        w.view(-1)[0] = 7.0
        v = y.transpose(1, 2).clone()
        v[:, :, 0].fill_(2.0)
        return y, z, w, v, y + z


class Types(nn.Module):
    def __init__(self):
        super().__init__()
        g = torch.Generator().manual_seed(5)
        self.narrow = nn.Parameter(torch.randn(4, 3, generator=g).half())
        self.short = nn.Parameter(torch.randn(4, 3, generator=g).bfloat16())
        self.double_ = nn.Parameter(torch.randn(4, 3, generator=g).double())
        self.register_buffer("whole", torch.arange(12, dtype=torch.int32).view(4, 3))
        self.register_buffer("truth", torch.tensor([True, False, True]))
        self.register_buffer("turned", torch.randn(3, 4, generator=g).t())
        self.register_buffer("gaps", torch.randn(8, 6, generator=g)[::2, ::2])
        self.register_buffer("spread", torch.randn(1, 3, generator=g).expand(4, 3))
        self.register_buffer("lost", torch.randn(4, 3, generator=g), persistent=False)
        self.tied = self.narrow

    def forward(self, x):
        return (
            x + self.narrow.float(), x + self.short.float(), x.double() * self.double_, x + self.whole, torch.where(self.truth, x, -x), x + self.turned,
            x * self.gaps, x - self.spread, x + self.lost, x * self.tied.float(), self.whole + 1,
        )  # fmt: skip


class Network(nn.Module):
    """A small convolutional network of everything that large ones have."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(inplace=True))
        self.blocks = nn.ModuleList([nn.Sequential(nn.Conv2d(8, 8, 3, 1, 1, groups=8), nn.BatchNorm2d(8), nn.Hardswish(), nn.Conv2d(8, 8, 1)) for _ in range(2)])
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 4, 1), nn.SiLU(), nn.Conv2d(4, 8, 1), nn.Hardsigmoid())
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(16, 5))

    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = x + block(x)
        x = x * self.gate(x)
        x = torch.cat([x, F.max_pool2d(x, 3, 1, 1)], 1)
        return F.softmax(self.head(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1)), 1)


class Control(nn.Module):
    """What only programs in text have: choices, loops, lists, dictionaries, methods."""

    sizes: List[int]

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 1)
        self.steps = nn.ModuleList([nn.Linear(6, 6) for _ in range(3)])
        self.sizes = [2, 3]
        self.scale = 0.5
        self.kind = "sum"

    def choose(self, x, deep: bool = True):
        if deep and self.kind == "sum":
            return x + 1
        return x * 100

    def forward(self, x, y: Optional[torch.Tensor] = None):
        assert x.dim() == 4, "an image is wanted"
        x = self.conv(x).mean([2, 3])
        seen = [x]
        for n, step in enumerate(self.steps):
            x = step(seen[-1]) * (self.scale + n)
            if n != 1:
                seen.append(x)
        total = torch.zeros_like(x)
        for n in range(len(seen)):
            if n % 2 == 0:
                total = total + seen[n]
            else:
                total -= seen[n]
        at = 0
        while at < 4:
            at += self.sizes[0]
            total = self.choose(total)
        if y is not None:
            total = total * y
        table = {"first": total, "second": seen[0]}
        table["first"] = table["first"] * 2
        parts = torch.split(table["first"], self.sizes[1], 1)
        rows = [p.sum(1) for p in parts]
        return table["first"], torch.stack(rows, 1), table["second"].view(x.shape[0], -1)


class Named(nn.Module):
    def forward(self, x):
        return {"first": x + 1, "second": x.sum(1)}


def fixtures():
    torch.manual_seed(0)
    rand, ints = torch.randn, lambda high, *shape: torch.randint(0, high, shape)
    everything = ("dynamic", "script", "trace")
    x = lambda n: {"x": rand(n, 6, 4)}
    xn = lambda n: {"x": rand(n, 6, 4), "n": ints(6, n, 6, 4)}
    few = lambda n: {"x": rand(n, 6, 4), "n": torch.stack([torch.randperm(6)[:3] for _ in range(n)])}
    batch = {"x": (0,), "n": (0,), "y": (0,), "line": (0,), "volume": (0,), "mask": ()}
    image = lambda n, c=3, s=8: {"x": rand(n, c, s, s)}
    yield "pointwise", Pointwise(), [{"x": rand(3, 5)}, {"x": rand(2, 5)}], everything, batch
    yield "binary", Binary(), [{"x": rand(3, 4), "n": ints(6, 3, 4)}, {"x": rand(2, 4), "n": ints(6, 2, 4)}], everything, batch
    yield "reductions", Reductions(), [xn(3), xn(2)], everything, batch
    yield "extremes", Extremes(), [x(3), x(2)], everything, batch
    yield "views", Views(), [x(3), x(2)], everything, batch
    yield "parts", Parts(), [{**x(3), "y": rand(3, 6, 4)}, {**x(2), "y": rand(2, 6, 4)}], everything, batch
    yield "moves", Moves(), [x(3), x(2)], everything, batch
    yield "indexing", Indexing(), [few(3)], ("export", "script", "trace"), batch
    yield "creation", Creation(), [{"x": rand(3, 4)}, {"x": rand(2, 4)}], everything, batch
    volumes = lambda n: {**image(n), "line": rand(n, 3, 9), "volume": rand(n, 2, 4, 5, 5)}
    yield "convolutions", Convolutions(), [volumes(2), volumes(3)], (*everything, "core", "export"), batch
    pools = lambda n: {**image(n, 3, 9), "line": rand(n, 3, 8)}
    yield "pools", Pools(), [pools(2), pools(3)], everything, batch
    yield "norms", Norms(), [image(2, 6, 5), image(3, 6, 5)], (*everything, "core"), batch
    yield "products", Products(), [{"x": rand(3, 3, 4), "y": rand(3, 4, 3)}], (*everything, "core"), batch
    attends = lambda n: {"x": rand(n, 5, 8), "mask": torch.ones(5, 5).tril().bool()}
    yield "attention", Attends(), [attends(2), attends(3)], (*everything, "core"), batch
    yield "scales", Scales(), [image(2, 3, 4), image(3, 3, 4)], everything, batch
    yield "recurrent", Recurrent(), [{"x": rand(3, 5, 4)}, {"x": rand(2, 5, 4)}], everything, batch
    yield "in-place", InPlace(), [image(2, 3, 5), image(3, 3, 5)], (*everything, "core"), batch
    yield "types", Types(), [{"x": rand(4, 3)}], ("export", "script"), batch
    yield "network", Network(), [image(2, 3, 16), image(1, 3, 16)], (*everything, "frozen", "core", "export"), batch
    yield "control", Control(), [image(2, 3, 4), image(3, 3, 4)], ("script",), batch
    yield "named", Named(), [{"x": rand(3, 4)}], ("dynamic", "script"), batch


if __name__ == "__main__":
    if sys.argv[1:] == ["old"]:
        torch.manual_seed(0)
        write(HERE, "older", Network(), [{"x": torch.randn(2, 3, 16, 16)}], ("older", "script"), {"x": (0,)})
        write(HERE, "older-types", Types(), [{"x": torch.randn(4, 3)}], ("older",))
    else:
        sys.path.insert(0, str(HERE))
        import found
        import more
        import rare
        import seldom
        import written

        for fixture in (*fixtures(), *more.fixtures(), *seldom.fixtures(), *rare.fixtures(), *written.fixtures(), *found.fixtures()):
            if sys.argv[1:] in ([], ["only", fixture[0]]):
                write(HERE, *fixture)
