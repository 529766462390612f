"""Modules as people write them for `torch.jit.script`: loops, choices, containers, cells and decoders of their own."""

from typing import Dict, List, NamedTuple, Optional, Tuple

import torch
import torch.nn.functional as F
import torchvision  # noqa: F401
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class Tagger(nn.Module):
    """Words to tags, with sequences that are packed by their lengths."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(50, 8, padding_idx=0)
        self.lstm = nn.LSTM(8, 6, num_layers=2, bidirectional=True, batch_first=True)
        self.head = nn.Linear(12, 5)

    def forward(self, words: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(self.embed(words), lengths, batch_first=True, enforce_sorted=False)
        out, _ = self.lstm(packed)
        padded, _ = pad_packed_sequence(out, batch_first=True, total_length=words.size(1))
        return F.log_softmax(self.head(padded), dim=-1)


class PackedGru(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(6, 5)
        self.head = nn.Linear(5, 3)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        order = torch.argsort(lengths, descending=True)
        packed = pack_padded_sequence(x[:, order], lengths[order])
        _, hidden = self.gru(packed)
        return self.head(hidden[-1][torch.argsort(order)])


class Crf(nn.Module):
    """Viterbi's way as pytorch-crf has it: scores and where they come from, step by step, and back again."""

    def __init__(self, tags: int = 5):
        super().__init__()
        self.start = nn.Parameter(torch.randn(tags))
        self.end = nn.Parameter(torch.randn(tags))
        self.moves = nn.Parameter(torch.randn(tags, tags))

    def forward(self, emissions: Tensor, mask: Tensor) -> Tensor:
        steps, batch, tags = emissions.shape
        score = self.start + emissions[0]
        history: List[Tensor] = []
        for i in range(1, steps):
            every = score.unsqueeze(2) + self.moves + emissions[i].unsqueeze(1)
            best, at = every.max(dim=1)
            score = torch.where(mask[i].unsqueeze(1), best, score)
            history.append(torch.where(mask[i].unsqueeze(1), at, torch.arange(tags).unsqueeze(0).expand(batch, tags)))
        score = score + self.end
        _, last = score.max(dim=1)
        tags_found = [last]
        for i in range(len(history) - 1, -1, -1):
            last = torch.gather(history[i], 1, last.unsqueeze(1)).squeeze(1)
            tags_found.append(last)
        tags_found.reverse()
        return torch.stack(tags_found, 0)


class CrfPartition(nn.Module):
    def __init__(self, tags: int = 5):
        super().__init__()
        self.moves = nn.Parameter(torch.randn(tags, tags))

    def forward(self, emissions: Tensor) -> Tensor:
        score = emissions[:, 0]
        for i in range(1, emissions.size(1)):
            score = torch.logsumexp(score.unsqueeze(2) + self.moves + emissions[:, i].unsqueeze(1), dim=1)
        return torch.logsumexp(score, dim=1)


class Greedy(nn.Module):
    """An encoder, and a decoder that goes on until each row has ended."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(20, 8)
        self.encoder = nn.GRU(8, 8, batch_first=True)
        self.cell = nn.GRUCell(8, 8)
        self.head = nn.Linear(8, 20)
        self.longest = 12

    def forward(self, words: Tensor) -> Tensor:
        _, hidden = self.encoder(self.embed(words))
        state = hidden[0]
        token = torch.ones(words.size(0), dtype=torch.long)
        done = torch.zeros(words.size(0), dtype=torch.bool)
        made: List[Tensor] = []
        for _n in range(self.longest):
            state = self.cell(self.embed(token), state)
            token = self.head(state).argmax(-1)
            token = torch.where(done, torch.zeros_like(token), token)
            done = done | (token == 2)
            made.append(token)
            if bool(done.all()):
                break
        return torch.stack(made, 1)


class WhileGreedy(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = nn.LSTMCell(4, 4)
        self.head = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tuple[Tensor, Tensor]:
        h = torch.zeros_like(x)
        c = torch.zeros_like(x)
        steps = torch.tensor(0)
        while float(h.abs().max()) < 0.5 and int(steps) < 15:
            h, c = self.cell(x, (h, c))
            x = torch.tanh(self.head(h)) + x
            steps += 1
        return h, steps


class Beam(nn.Module):
    """A search that keeps the best few."""

    def __init__(self):
        super().__init__()
        self.table = nn.Parameter(torch.randn(10, 10))
        self.width = 3

    def forward(self, first: Tensor) -> Tuple[Tensor, Tensor]:
        batch = first.size(0)
        scores = torch.full((batch, self.width), -1e9)
        scores[:, 0] = 0.0
        tokens = first.unsqueeze(1).repeat(1, self.width).unsqueeze(2)
        for _ in range(5):
            logits = F.log_softmax(self.table[tokens[:, :, -1]], -1)
            every = (scores.unsqueeze(2) + logits).view(batch, -1)
            scores, at = torch.topk(every, self.width, dim=1)
            parent = torch.div(at, 10, rounding_mode="floor")
            word = at % 10
            tokens = torch.gather(tokens, 1, parent.unsqueeze(2).expand(-1, -1, tokens.size(2)))
            tokens = torch.cat([tokens, word.unsqueeze(2)], 2)
        return tokens, scores


class LSTMState(NamedTuple):
    hx: Tensor
    cx: Tensor


class OwnCell(nn.Module):
    def __init__(self, wide: int, size: int):
        super().__init__()
        self.w_x = nn.Parameter(torch.randn(4 * size, wide) * 0.3)
        self.w_h = nn.Parameter(torch.randn(4 * size, size) * 0.3)
        self.norm = nn.LayerNorm(4 * size)

    def forward(self, x: Tensor, state: LSTMState) -> Tuple[Tensor, LSTMState]:
        gates = self.norm(torch.mm(x, self.w_x.t()) + torch.mm(state.hx, self.w_h.t()))
        i, f, g, o = gates.chunk(4, 1)
        c = torch.sigmoid(f) * state.cx + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, LSTMState(h, c)


class OwnLstm(nn.Module):
    """Layers of cells of one's own, over `unbind`, with states in named tuples."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([OwnCell(4, 6), OwnCell(6, 6)])
        self.size = 6

    def forward(self, x: Tensor) -> Tuple[Tensor, List[Tensor]]:
        last: List[Tensor] = []
        for layer in self.layers:
            state = LSTMState(torch.zeros(x.size(1), self.size), torch.zeros(x.size(1), self.size))
            outs: List[Tensor] = []
            steps = x.unbind(0)
            for i in range(len(steps)):
                out, state = layer(steps[i], state)
                outs += [out]
            x = torch.stack(outs)
            last.append(state.hx)
        return x, last


class Boxed(NamedTuple):
    logits: Tensor
    hidden: Optional[Tensor]
    scores: Dict[str, Tensor]


class Contained(nn.Module):
    """Everything that programs put tensors in."""

    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleDict({"a": nn.Linear(4, 4), "b": nn.Sequential(nn.Linear(4, 4), nn.ReLU()), "c": nn.Identity()})
        self.names = ["x", "y"]
        self.sizes = {"x": 2, "y": 3}

    def scores(self, x: Tensor) -> Dict[str, Tensor]:
        made: Dict[str, Tensor] = {}
        for name in self.names:
            made[name] = x * self.sizes[name]
        if "z" not in made:
            made["z"] = x.sum(1)
        return made

    def forward(self, x: Tensor, mask: Optional[Tensor] = None, deep: bool = True) -> Boxed:
        for name, block in self.blocks.items():
            x = block(x) if name != "c" else block(x) + 1
        hidden: Optional[Tensor] = None
        if deep:
            hidden = x * 2
        if mask is not None:
            x = x.masked_fill(mask, 0.0)
        return Boxed(x.softmax(-1), hidden, self.scores(x))


class Prepared(nn.Module):
    """An image of bytes as networks want it."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1))
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1))
        self.net = nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))

    def forward(self, image: Tensor) -> Tuple[Tensor, Tensor]:
        x = image.permute(0, 3, 1, 2).float() / 255.0
        h, w = x.shape[-2:]
        if h > w:
            size = [int(16 * h / w), 16]
        else:
            size = [16, int(16 * w / h)]
        x = F.interpolate(x, size=size, mode="bilinear", align_corners=False)
        top, left = (size[0] - 12) // 2, (size[1] - 12) // 2
        x = x[:, :, top : top + 12, left : left + 12]
        chances = torch.softmax(self.net((x - self.mean) / self.std), 1)
        best, at = chances.max(1)
        return best, at


class Padded(nn.Module):
    """Images padded to what divides by 8, and results cut again."""

    def __init__(self):
        super().__init__()
        self.down = nn.Conv2d(3, 6, 3, 2, 1)
        self.up = nn.ConvTranspose2d(6, 3, 2, 2)

    def forward(self, x: Tensor) -> Tensor:
        h, w = x.size(2), x.size(3)
        x = F.pad(x, (0, (8 - w % 8) % 8, 0, (8 - h % 8) % 8), mode="reflect")
        return torch.clamp(self.up(F.relu(self.down(x))), 0.0, 1.0)[:, :, :h, :w]


class Tiled(nn.Module):
    """An image in pieces, one after the other."""

    def __init__(self):
        super().__init__()
        self.net = nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        out = torch.zeros_like(x)
        step = 4
        for top in range(0, x.size(2), step):
            for left in range(0, x.size(3), step):
                piece = x[:, :, top : top + step, left : left + step]
                out[:, :, top : top + step, left : left + step] = self.net(piece)
        return out


class Experts(nn.Module):
    """A few of many layers for each row."""

    def __init__(self):
        super().__init__()
        self.gate = nn.Linear(6, 4)
        self.experts = nn.ModuleList([nn.Sequential(nn.Linear(6, 8), nn.GELU(), nn.Linear(8, 6)) for _ in range(4)])

    def forward(self, x: Tensor) -> Tensor:
        weights, chosen = torch.topk(self.gate(x), 2, dim=-1)
        weights = F.softmax(weights, dim=-1)
        out = torch.zeros_like(x)
        for i, expert in enumerate(self.experts):
            rows, nth = torch.where(chosen == i)
            if rows.numel() > 0:
                out.index_add_(0, rows, expert(x[rows]) * weights[rows, nth].unsqueeze(1))
        return out


class Graph(nn.Module):
    """Messages along edges."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(5, 8), nn.Linear(8, 3)
        self.att = nn.Linear(16, 1)

    def forward(self, x: Tensor, edges: Tensor) -> Tensor:
        nodes = x.size(0)
        loops = torch.arange(nodes).unsqueeze(0).repeat(2, 1)
        edges = torch.cat([edges, loops], 1)
        src, dst = edges[0], edges[1]
        degree = torch.zeros(nodes).scatter_add_(0, dst, torch.ones(dst.size(0)))
        norm = degree.pow(-0.5)
        h = self.first(x)
        h = torch.zeros(nodes, h.size(1)).index_add_(0, dst, h[src] * (norm[src] * norm[dst]).unsqueeze(1)).relu()
        score = F.leaky_relu(self.att(torch.cat([h[src], h[dst]], 1)).squeeze(1), 0.2).exp()
        total = torch.zeros(nodes).index_add_(0, dst, score)
        h = torch.zeros_like(h).index_add_(0, dst, h[src] * (score / total[dst]).unsqueeze(1))
        return self.second(h)


class Capsules(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.randn(1, 3, 6, 4, 5) * 0.3)

    @torch.jit.export
    def squash(self, s: Tensor) -> Tensor:
        size = (s**2).sum(-1, keepdim=True)
        return size / (1 + size) * s / torch.sqrt(size + 1e-8)

    def forward(self, x: Tensor) -> Tensor:
        u = torch.matmul(x[:, None, :, None, :], self.w).squeeze(3)
        b = torch.zeros(x.size(0), 3, 6, 1)
        v = torch.zeros(0)
        for i in range(3):
            c = F.softmax(b, dim=1)
            v = self.squash((c * u).sum(2))
            if i < 2:
                b = b + (u * v.unsqueeze(2)).sum(-1, keepdim=True)
        return torch.sqrt((v**2).sum(-1))


class Furthest(nn.Module):
    """Points that are far from each other, and their neighbours."""

    def forward(self, xyz: Tensor) -> Tuple[Tensor, Tensor]:
        batch, count, _ = xyz.shape
        found = torch.zeros(batch, 4, dtype=torch.long)
        distance = torch.ones(batch, count) * 1e10
        farthest = torch.zeros(batch, dtype=torch.long)
        rows = torch.arange(batch)
        for i in range(4):
            found[:, i] = farthest
            centre = xyz[rows, farthest, :].view(batch, 1, 3)
            dist = torch.sum((xyz - centre) ** 2, -1)
            mask = dist < distance
            distance[mask] = dist[mask]
            farthest = torch.max(distance, -1)[1]
        near = torch.cdist(xyz, xyz).topk(3, dim=-1, largest=False)[1]
        return found, xyz.gather(1, near[:, :, 1].unsqueeze(-1).expand(-1, -1, 3))


class Decided(nn.Module):
    """What the numbers of a request decide, in all the ways that people write it."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

    def early(self, x: Tensor) -> Tensor:
        if bool(x.mean() > 0):
            return self.a(x)
        if bool(x.min() < -2):
            return self.b(x) * 2
        return x

    def forward(self, x: Tensor) -> Tuple[Tensor, Tensor, int]:
        y = self.early(x)
        count = 0
        for i in range(x.size(0)):
            if x[i].sum() > 0:
                y = y + self.b(x[i])
                count += 1
            elif x[i, 0] > 0 and not bool(x[i, 1] > 0):
                continue
            else:
                y = y - 1
        if y.sum().item() > 10:
            y = y / y.sum()
        return y, x.max() if y.shape[0] > 2 else x.min(), count


class Counted(nn.Module):
    """Rows one after the other, as many as there are."""

    def __init__(self):
        super().__init__()
        self.cell = nn.RNNCell(4, 4)

    def forward(self, x: Tensor) -> Tuple[Tensor, Tensor]:
        state = torch.zeros(x.size(1), 4)
        kept: List[Tensor] = []
        for t in range(x.size(0)):
            state = self.cell(x[t], state)
            if t % 2 == 0:
                state = state * 0.9
            kept.append(state)
        back = torch.zeros_like(state)
        for t in range(x.size(0) - 1, -1, -1):
            back = 0.5 * back + kept[t]
        return torch.stack(kept), back


class Runge(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 3))

    def forward(self, y: Tensor, times: Tensor) -> Tensor:
        path = [y]
        for i in range(times.size(0) - 1):
            h = times[i + 1] - times[i]
            k1 = self.net(y)
            k2 = self.net(y + h / 2 * k1)
            k3 = self.net(y + h / 2 * k2)
            k4 = self.net(y + h * k3)
            y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
            path.append(y)
        return torch.stack(path)


class Detect(nn.Module):
    """Heads of boxes on grids, and which of them stay."""

    def __init__(self):
        super().__init__()
        self.heads = nn.ModuleList([nn.Conv2d(3, 2 * 8, 1), nn.Conv2d(3, 2 * 8, 1)])
        self.register_buffer("anchors", torch.tensor([[[1.0, 1.3], [1.9, 3.0]], [[2.0, 1.7], [4.0, 3.2]]]))
        self.strides = [8, 16]

    def grid(self, ny: int, nx: int) -> Tensor:
        y, x = torch.meshgrid(torch.arange(ny), torch.arange(nx), indexing="ij")
        return torch.stack((x, y), 2).expand(1, 2, ny, nx, 2).float()

    def forward(self, x: Tensor) -> Tensor:
        found: List[Tensor] = []
        for i, head in enumerate(self.heads):
            p = head(F.avg_pool2d(x, self.strides[i]))
            n, _, ny, nx = p.shape
            p = p.view(n, 2, 8, ny, nx).permute(0, 1, 3, 4, 2).contiguous().sigmoid()
            xy, wh, rest = p.split((2, 2, 4), 4)
            xy = (xy * 2 - 0.5 + self.grid(ny, nx)) * self.strides[i]
            wh = (wh * 2) ** 2 * self.anchors[i].view(1, 2, 1, 1, 2) * self.strides[i]
            found.append(torch.cat((xy, wh, rest), 4).view(n, -1, 8))
        return torch.cat(found, 1)


class Kept(nn.Module):
    """The boxes of one image that stay."""

    def forward(self, found: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
        found = found[found[:, 4] > 0.3]
        scores, labels = (found[:, 5:] * found[:, 4:5]).max(1)
        boxes = torch.cat([found[:, :2] - found[:, 2:4] / 2, found[:, :2] + found[:, 2:4] / 2], 1)
        keep = torch.ops.torchvision.nms(boxes + labels.unsqueeze(1) * 100.0, scores, 0.5)
        keep = keep[:10]
        return boxes[keep], scores[keep], labels[keep]


class Kalman(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("f", torch.tensor([[1.0, 0.1], [0.0, 1.0]]))
        self.register_buffer("h", torch.tensor([[1.0, 0.0]]))
        self.register_buffer("q", torch.eye(2) * 0.01)

    def forward(self, z: Tensor) -> Tensor:
        x = torch.zeros(2, 1)
        p = torch.eye(2)
        out = torch.empty(z.size(0), 2)
        for i in range(z.size(0)):
            x = self.f @ x
            p = self.f @ p @ self.f.t() + self.q
            s = self.h @ p @ self.h.t() + 0.1
            k = p @ self.h.t() @ torch.inverse(s)
            x = x + k @ (z[i].view(1, 1) - self.h @ x)
            p = (torch.eye(2) - k @ self.h) @ p
            out[i] = x.squeeze(1)
        return out


class Wide(nn.Module):
    """Fields of a table, some of them categories."""

    def __init__(self):
        super().__init__()
        self.tables = nn.ModuleList([nn.Embedding(n, 4) for n in (10, 20, 5)])
        self.linear = nn.ModuleList([nn.Embedding(n, 1) for n in (10, 20, 5)])
        self.deep = nn.Sequential(nn.Linear(15, 8), nn.ReLU(), nn.BatchNorm1d(8), nn.Dropout(0.1), nn.Linear(8, 1))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, dense: Tensor, sparse: Tensor) -> Tensor:
        parts = [table(sparse[:, i]) for i, table in enumerate(self.tables)]
        stacked = torch.stack(parts, 1)
        pairs = 0.5 * (stacked.sum(1).pow(2) - stacked.pow(2).sum(1)).sum(1, keepdim=True)
        first = torch.stack([table(sparse[:, i]) for i, table in enumerate(self.linear)], 0).sum(0)
        return torch.sigmoid(pairs + first + self.deep(torch.cat([dense, stacked.flatten(1)], 1)) + self.bias).squeeze(-1)


class Bags(nn.Module):
    def __init__(self):
        super().__init__()
        self.bag = nn.EmbeddingBag(30, 6, mode="mean")
        self.head = nn.Linear(6, 3)

    def forward(self, words: Tensor, offsets: Tensor) -> Tensor:
        return self.head(self.bag(words, offsets))


class Translates(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(30, 8)
        self.net = nn.Transformer(8, 2, 1, 1, 16, batch_first=True)
        self.head = nn.Linear(8, 30)

    def causal(self, n: int) -> Tensor:
        return torch.triu(torch.full((n, n), float("-inf")), diagonal=1)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        padding = source == 0
        made = self.net(self.embed(source), self.embed(target), tgt_mask=self.causal(target.size(1)), src_key_padding_mask=padding, memory_key_padding_mask=padding)
        return self.head(made)


class Generates(nn.Module):
    """A Transformer that reads what it has said."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(30, 8)
        self.place = nn.Parameter(torch.randn(40, 8))
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.net = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(8, 30)

    def forward(self, words: Tensor) -> Tensor:
        for _ in range(4):
            n = words.size(1)
            mask = torch.ones(n, n, dtype=torch.bool).triu(1)
            y = self.net(self.embed(words) + self.place[:n], mask=mask)
            words = torch.cat([words, self.head(y[:, -1]).argmax(-1, keepdim=True)], 1)
        return words


class Cached(nn.Module):
    """Keys and values of what was said before, in a list that is grown."""

    def __init__(self):
        super().__init__()
        self.q, self.k, self.v = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 6)

    def step(self, x: Tensor, cache: Optional[Tuple[Tensor, Tensor]]) -> Tuple[Tensor, Tuple[Tensor, Tensor]]:
        k, v = self.k(x), self.v(x)
        if cache is not None:
            k = torch.cat([cache[0], k], 1)
            v = torch.cat([cache[1], v], 1)
        weights = torch.softmax(torch.bmm(self.q(x), k.transpose(1, 2)) / 6**0.5, -1)
        return torch.bmm(weights, v), (k, v)

    def forward(self, x: Tensor) -> Tensor:
        cache: Optional[Tuple[Tensor, Tensor]] = None
        made: List[Tensor] = []
        for t in range(5):
            x, cache = self.step(x, cache)
            made.append(x)
        return torch.cat(made, 1)


class Stateful(nn.Module):
    """A state that may be brought, and is given back."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(4, 5, batch_first=True)

    def forward(self, x: Tensor, h: Optional[Tensor] = None, c: Optional[Tensor] = None) -> Tuple[Tensor, Tuple[Tensor, Tensor]]:
        if h is None or c is None:
            return self.lstm(x)
        return self.lstm(x, (h, c))


class Flattened(nn.Module):
    """A program that takes tensors in other things, by the names that the engine gives them."""

    def __init__(self, program):
        super().__init__()
        self.program = program
        object.__setattr__(self, "scripted", program)

    def forward(self, pair_0, pair_1, more_0, more_1, a, b, n):
        return self.program((pair_0, pair_1), [more_0, more_1], {"a": a, "b": b}, int(n))


class Pairwise(nn.Module):
    def forward(self, pair: Tuple[Tensor, Tensor], more: List[Tensor], named: Dict[str, Tensor], n: int) -> Tuple[Dict[str, Tensor], int, float]:
        x, y = pair
        for one in more:
            x = x + one
        return {"sum": x + named["a"], "product": y[:n] * named["b"][:n] * n}, n + 1, 0.5


class Written(nn.Module):
    """In place, by slices and masks."""

    def forward(self, x: Tensor) -> Tensor:
        out = x.clone()
        out[out < 0] *= -1
        out[:, ::2] = out[:, 1::2].clone()
        out[0, ...].mul_(2)
        out[-1][1] = 3.0
        for i in range(1, out.size(1)):
            out[:, i] += out[:, i - 1]
        out[:, [0, 2]] = 5.0
        out.clamp_(max=4.0)
        out /= out.norm(p=2, dim=1, keepdim=True)
        return out


class Windows(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(2, 3, 3)

    def forward(self, x: Tensor) -> Tensor:
        n = 8
        parts: List[Tensor] = []
        start = 0
        while start + n <= x.size(2):
            parts.append(self.conv(x[:, :, start : start + n]).mean(-1))
            start += n // 2
        return torch.stack(parts, 1).max(1)[0]


class Mixture(nn.Module):
    """Distributions' parameters, as torch.distributions gives them."""

    def __init__(self):
        super().__init__()
        self.net = nn.Linear(4, 9)

    def forward(self, x: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
        pi, mu, sigma = self.net(x).chunk(3, -1)
        normal = torch.distributions.Normal(mu, F.softplus(sigma))
        mixed = torch.distributions.Categorical(logits=pi)
        return (mixed.probs * normal.mean).sum(-1), normal.log_prob(x[:, :1]), mixed.entropy()


@torch.jit.script
def gated(x: Tensor, y: Tensor, channels: int) -> Tensor:
    both = x + y
    return torch.tanh(both[:, :channels]) * torch.sigmoid(both[:, channels:])


class Wave(nn.Module):
    """Traced around a function that is scripted."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.utils.weight_norm(nn.Conv1d(4, 8, 3, dilation=2**i, padding=2**i)) for i in range(3)])
        self.rest = nn.ModuleList([nn.Conv1d(4, 8, 1) for _ in range(3)])

    def forward(self, x: Tensor) -> Tensor:
        skip = torch.zeros_like(x)
        for layer, rest in zip(self.layers, self.rest):
            acts = gated(layer(x), torch.zeros_like(layer(x)), 4)
            both = rest(acts)
            x, skip = x + both[:, :4], skip + both[:, 4:]
        return skip


class Texty(nn.Module):
    """Strings, raised errors, f-strings and asserts beside numbers."""

    modes: Dict[str, int]

    def __init__(self, mode: str = "max"):
        super().__init__()
        self.mode = mode
        self.modes = {"max": 1, "mean": 2}

    def forward(self, x: Tensor) -> Tensor:
        assert x.dim() == 3, f"three axes are wanted, not {x.dim()}"
        if self.mode not in self.modes:
            raise ValueError("unknown mode: " + self.mode)
        if self.mode.startswith("ma"):
            y = torch.max(x, dim=1)[0]
        else:
            y = x.mean(1)
        if torch.isnan(y).any():
            raise RuntimeError("not a number")
        return y * float(self.modes[self.mode])


def rand(*shape):
    return torch.randn(*shape)


def words(n, m, most=19):
    return torch.randint(1, most, (n, m))


def networks():
    every, script, both = ("dynamic", "trace", "script"), ("script",), ("trace", "script")
    lengths = lambda *n: torch.tensor(n)
    image = lambda h, w: torch.randint(0, 256, (2, h, w, 3), dtype=torch.uint8)
    edges = lambda n, m: torch.randint(0, n, (2, m))
    mask = lambda *ls: torch.stack([torch.arange(6) < n for n in ls], 1)
    found = lambda n: torch.cat([torch.rand(n, 2) * 20, torch.rand(n, 2) * 8, torch.rand(n, 4)], 1)
    b = lambda *names: {name: (0,) for name in names}
    table = [
        ("tagger", Tagger, [{"words": words(3, 7), "lengths": lengths(5, 7, 2)}, {"words": words(2, 6), "lengths": lengths(6, 1)}], {"words": (0, 1), "lengths": (0,)}, both),
        ("packed_gru", PackedGru, [{"x": rand(5, 3, 6), "lengths": lengths(2, 5, 3)}], {"x": (0, 1), "lengths": (0,)}, both),
        ("crf", Crf, [{"emissions": rand(6, 3, 5), "mask": mask(6, 4, 2)}, {"emissions": rand(6, 2, 5), "mask": mask(3, 6)}], {"emissions": (0, 1), "mask": (0, 1)}, every),
        ("crf_partition", CrfPartition, [{"emissions": rand(3, 6, 5)}, {"emissions": rand(2, 9, 5)}], {"emissions": (0, 1)}, script),
        ("greedy", Greedy, [{"words": words(3, 5)}, {"words": words(1, 4)}], {"words": (0, 1)}, script),
        ("while_greedy", WhileGreedy, [{"x": rand(2, 4)}, {"x": rand(3, 4) * 3}], b("x"), script),
        ("beam", Beam, [{"first": words(2, 1, 9)[:, 0]}, {"first": words(3, 1, 9)[:, 0]}], b("first"), every),
        ("own_lstm", OwnLstm, [{"x": rand(5, 2, 4)}, {"x": rand(7, 3, 4)}], {"x": (0, 1)}, script),
        ("contained", Contained, [{"x": rand(3, 4)}, {"x": rand(2, 4)}], b("x"), script),
        ("prepared", Prepared, [{"image": image(20, 30)}, {"image": image(30, 21)}], {"image": (1, 2)}, script),
        ("padded", Padded, [{"x": rand(2, 3, 13, 10)}, {"x": rand(1, 3, 16, 9)}], {"x": (0, 2, 3)}, script),
        ("tiled", Tiled, [{"x": rand(1, 1, 8, 12)}, {"x": rand(1, 1, 12, 8)}], {"x": (2, 3)}, script),
        ("experts", Experts, [{"x": rand(5, 6)}, {"x": rand(1, 6)}], b("x"), script),
        ("graph", Graph, [{"x": rand(6, 5), "edges": edges(6, 9)}, {"x": rand(4, 5), "edges": edges(4, 3)}], {"x": (0,), "edges": (1,)}, every),
        ("capsules", Capsules, [{"x": rand(2, 6, 4)}, {"x": rand(3, 6, 4)}], b("x"), every),
        ("furthest", Furthest, [{"xyz": rand(2, 9, 3)}, {"xyz": rand(3, 7, 3)}], {"xyz": (0, 1)}, every),
        ("decided", Decided, [{"x": rand(3, 4)}, {"x": rand(2, 4) - 1}, {"x": rand(4, 4) - 3}], b("x"), script),
        ("counted", Counted, [{"x": rand(5, 2, 4)}, {"x": rand(8, 3, 4)}], {"x": (0, 1)}, script),
        ("runge", Runge, [{"y": rand(2, 3), "times": torch.linspace(0, 1, 5)}, {"y": rand(3, 3), "times": torch.linspace(0, 2, 9)}], {"y": (0,), "times": (0,)}, script),
        ("detect", Detect, [{"x": rand(2, 3, 32, 48)}, {"x": rand(1, 3, 64, 32)}], {"x": (0, 2, 3)}, ("script", "dynamic")),
        ("kept", Kept, [{"found": found(30)}, {"found": found(50)}], b("found"), every),
        ("kalman", Kalman, [{"z": rand(6)}, {"z": rand(9)}], b("z"), script),
        ("wide", Wide, [{"dense": rand(3, 3), "sparse": words(3, 3, 5)}, {"dense": rand(2, 3), "sparse": words(2, 3, 5)}], b("dense", "sparse"), every),
        ("bags", Bags, [{"words": words(1, 9)[0], "offsets": lengths(0, 4, 6)}, {"words": words(1, 5)[0], "offsets": lengths(0, 2)}], b("words", "offsets"), every),
        ("translates", Translates, [{"source": words(2, 6), "target": words(2, 5)}, {"source": words(3, 7), "target": words(3, 4)}], {"source": (0, 1), "target": (0, 1)}, every),
        ("generates", Generates, [{"words": words(2, 5)}, {"words": words(3, 7)}], {"words": (0, 1)}, every),
        ("cached", Cached, [{"x": rand(2, 1, 6)}, {"x": rand(3, 1, 6)}], b("x"), every),
        ("stateful", Stateful, [{"x": rand(2, 3, 4)}, {"x": rand(3, 5, 4)}], {"x": (0, 1)}, every),
        ("pairwise", lambda: Flattened(Pairwise()), [{**{k: rand(3, 4) for k in ("pair_0", "pair_1", "more_0", "more_1", "a", "b")}, "n": torch.tensor(2)}], {}, script),
        ("written", Written, [{"x": rand(3, 6)}, {"x": rand(2, 6)}], b("x"), every),
        ("windows", Windows, [{"x": rand(2, 2, 20)}, {"x": rand(3, 2, 33)}], {"x": (0, 2)}, script),
        ("mixture", Mixture, [{"x": rand(3, 4)}, {"x": rand(2, 4)}], b("x"), ("dynamic", "trace")),
        ("wave", Wave, [{"x": rand(2, 4, 20)}, {"x": rand(3, 4, 20)}], b("x"), ("dynamic", "trace")),
        ("texty", Texty, [{"x": rand(2, 3, 4)}, {"x": rand(3, 5, 4)}], {"x": (0, 1)}, both),
    ]  # fmt: skip
    return [(name, lambda made=made, cases=cases, free=free: (made(), cases, free), ways) for name, made, cases, free, ways in table]
