"""Layers of PyTorch, and what programs around them do."""

import torch
import torch.nn.functional as F
from exporting import torches
from torch import nn
from zoo import Plain

# What is run faster is not exported.
torch.backends.mha.set_fastpath_enabled(False)
WIDTH = 6


class Recurrent(nn.Module):
    """Steps in their order or batches first, with states or without."""

    def __init__(self, kind, states=False, **more):
        super().__init__()
        self.layer = getattr(nn, kind)(WIDTH, 10, **more)
        self.states = states
        self.pairs = kind == "LSTM"

    def forward(self, x, h=None, c=None):
        if not self.states:
            y, _ = self.layer(x)
            return y[:, -1], y
        y, last = self.layer(x, (h, c) if self.pairs else h)
        return y, *(last if self.pairs else [last])


class Labelled(nn.Module):
    """A text's words, read in both directions."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(40, 8, padding_idx=0)
        self.layer = nn.LSTM(8, 6, 2, batch_first=True, bidirectional=True)
        self.tags = nn.Linear(12, 5)

    def forward(self, words):
        y, (h, _) = self.layer(self.words(words))
        return self.tags(y).log_softmax(-1), torch.cat([h[-2], h[-1]], 1)


class Decoder(nn.Module):
    """Step by step, each from what came of the last."""

    def __init__(self, cell):
        super().__init__()
        self.cell = getattr(nn, cell)(WIDTH, WIDTH)
        self.pairs = cell == "LSTMCell"

    def forward(self, x):
        h = torch.zeros_like(x)
        state, made = (h, h) if self.pairs else h, []
        for _ in range(4):
            state = self.cell(x, state)
            made.append(state[0] if self.pairs else state)
        return torch.stack(made, 1)


class Encoder(nn.Module):
    def __init__(self, first=True, **more):
        super().__init__()
        layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True, norm_first=first, **more)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def forward(self, x):
        return self.layers(x)


class Both(nn.Module):
    """An encoder and a decoder that sees only what came before."""

    def __init__(self):
        super().__init__()
        self.network = nn.Transformer(16, 4, 1, 1, 32, batch_first=True)

    def forward(self, x, y):
        mask = nn.Transformer.generate_square_subsequent_mask(y.shape[1])
        return self.network(x, y, tgt_mask=mask)


class Heads(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.MultiheadAttention(16, 4, batch_first=True)

    def forward(self, x, y):
        return self.layer(x, y, y)


class Function(nn.Module):
    def __init__(self, function, *layers):
        super().__init__()
        self.function = function
        self.layers = nn.ModuleList(layers)

    def forward(self, x):
        return self.function(x, *self.layers)


class Decided(nn.Module):
    """What a request says decides what is done, and how often."""

    def __init__(self):
        super().__init__()
        self.up, self.down = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        y = torch.cond(x.sum() > 0, lambda x: self.up(x), lambda x: self.down(x).tanh(), (x,))
        return y * 2


class Looped(nn.Module):
    is_text = True

    def forward(self, x):
        count = torch.zeros(1)
        while bool(x.abs().sum() < 50.0):
            x = x * 2
            count = count + 1
        for n in range(x.shape[0]):
            count = count + x[n].sum()
        if bool(count > 2):
            x = x[:2]
        return x, count


class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.bag = nn.EmbeddingBag(30, 8, mode="mean")
        self.out = nn.Linear(8, 3)

    def forward(self, words, offsets):
        return self.out(self.bag(words, offsets))


def autoencoder():
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.LeakyReLU(), nn.Conv2d(8, 16, 3, 2, 1, groups=4), nn.GroupNorm(4, 16), nn.SiLU(),
        nn.ConvTranspose2d(16, 8, 3, 2, 1, output_padding=1), nn.InstanceNorm2d(8, affine=True), nn.PReLU(8),
        nn.ConvTranspose2d(8, 3, 4, 2, 1), nn.Sigmoid(),
    )  # fmt: skip


class Skips(nn.Module):
    """Down and up again, with what was there before beside it."""

    def __init__(self):
        super().__init__()
        block = lambda i, o: nn.Sequential(nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU())
        self.first, self.second, self.third = block(3, 8), block(8, 16), block(24, 8)
        self.out = nn.Conv2d(8, 2, 1)

    def forward(self, x):
        a = self.first(x)
        b = self.second(F.max_pool2d(a, 2, ceil_mode=True))
        b = F.interpolate(b, size=a.shape[2:], mode="bilinear", align_corners=False)
        return self.out(self.third(torch.cat([a, b], 1)))


def sounds():
    return nn.Sequential(
        nn.Conv1d(2, 8, 5, 2, 2, dilation=1), nn.ELU(), nn.Conv1d(8, 8, 3, padding=2, dilation=2, padding_mode="replicate"), nn.GELU(),
        nn.MaxPool1d(2), nn.ConvTranspose1d(8, 4, 4, 2, 1), nn.Hardswish(), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(4, 4), nn.Softmax(1),
    )  # fmt: skip


def volumes():
    return nn.Sequential(nn.Conv3d(1, 4, 3, padding=1), nn.BatchNorm3d(4), nn.Mish(), nn.AvgPool3d(2), nn.ConvTranspose3d(4, 2, 2, 2), nn.Softplus())


def upsampled(x):
    up = lambda **how: F.interpolate(x, scale_factor=2, **how)
    flat = lambda y: y.flatten(1)[:, :200]
    ways = [up(mode="nearest"), up(mode="bilinear", align_corners=True), up(mode="bicubic", align_corners=False), F.interpolate(x, (7, 5), mode="bilinear")]
    return torch.cat([flat(y) for y in ways], 1), F.pixel_shuffle(x.repeat(1, 4, 1, 1), 2), F.pad(x, (1, 2, 0, 1), mode="reflect")


def placed(x):
    grid = F.affine_grid(x[:, :2, 0, :3].tanh(), list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, align_corners=False), F.grid_sample(x, grid, mode="nearest", padding_mode="border", align_corners=True)


def picked(x):
    values, at = x.topk(3, dim=-1)
    ordered, order = x.sort(dim=1, descending=True)
    mask = x > 0.5
    filled = x.masked_fill(mask, -1.0)
    put = torch.zeros_like(x).scatter_(1, at, values)
    return values, at, ordered, order, filled, put, x.gather(1, at), x.argmax(1), x.cumsum(1), torch.where(mask, x, x.flip(1)), x[:, [3, 1]], x[mask], mask.nonzero()


def summed(x):
    e = torch.einsum("bi,bj->bij", x, x)
    return (e, e.amax((1, 2)), x.std(1), x.var(0, unbiased=False), x.norm(dim=1), x.logsumexp(1), x.prod(1), torch.baddbmm(e, e, e), F.normalize(x), e.triu(1), e.tril(),
            x.clamp(-0.5, 0.5), torch.cdist(x, x.flip(1) + 1), x.unsqueeze(1).expand(-1, 3, -1).roll(1, 2), F.one_hot(x.argmax(1), 6), x.floor_divide(0.3), x % 0.3, torch.bucketize(x, torch.tensor([-1.0, 0, 1])))  # fmt: skip


def norms(x, layer, batch, rms):
    return layer(x), batch(x), rms(x), F.local_response_norm(x.unsqueeze(-1), 3)


def other_types(x):
    return x.double().exp(), (x * 10).to(torch.int8) // 3, x.long() << 1, (x * 5).int() & 3, (x > 0) ^ (x > 1)


def spectrum(x):
    window = torch.hann_window(16)
    return torch.stft(x, 16, 4, window=window, center=True, return_complex=False)


def networks():
    torch.manual_seed(2)
    rand = torch.randn
    x = lambda *shapes: [{"x": rand(*s)} for s in shapes]
    rows, steps = x((3, WIDTH), (2, WIDTH)), x((3, 7, WIDTH), (2, 4, WIDTH))
    first = {"x": (0,)}
    two = {"x": (0, 1)}
    made = []
    add = lambda name, make: made.append((name, make))
    for kind in ("LSTM", "GRU", "RNN"):
        low = kind.lower()
        add(low, lambda kind=kind: (Recurrent(kind, batch_first=True), steps, two))
        add(f"{low}-both", lambda kind=kind: (Recurrent(kind, num_layers=2, bidirectional=True, batch_first=True), steps, two))
        state = lambda n, kind=kind, layers=2: {"x": rand(5, n, WIDTH), "h": rand(layers, n, 10)} | ({"c": rand(layers, n, 10)} if kind == "LSTM" else {})
        more = {"x": (1,), "h": (1,), "c": (1,)}
        add(f"{low}-states", lambda kind=kind, state=state: (Recurrent(kind, states=True, num_layers=2), [state(3), state(2)], more))
        add(f"{low}-cell", lambda kind=kind: (Decoder(f"{kind}Cell"), rows, first))
    add("rnn-relu", lambda: (Recurrent("RNN", nonlinearity="relu", bias=False, batch_first=True), steps, two))
    words = lambda *s: {"words": torch.randint(0, 40, s)}
    add("tagger", lambda: (Labelled(), [words(3, 8), words(2, 5)], {"words": (0, 1)}))
    sixteen = x((3, 7, 16), (2, 4, 16))
    pair = lambda n, a, b: {"x": rand(n, a, 16), "y": rand(n, b, 16)}
    pairs = [pair(3, 7, 5), pair(2, 4, 6)]
    add("encoder", lambda: (Encoder(activation="gelu"), sixteen, two))
    add("encoder-norms-last", lambda: (Encoder(False), sixteen, two))
    add("transformer", lambda: (Both(), pairs, {"x": (0, 1), "y": (0, 1)}))
    add("attention", lambda: (Heads(), pairs, {"x": (0, 1), "y": (0, 1)}))
    images = x((2, 3, 24, 16), (1, 3, 32, 40))
    sizes = {"x": (0, 2, 3)}
    add("autoencoder", lambda: (Plain(autoencoder()), images, sizes))
    add("skips", lambda: (Skips(), x((2, 3, 23, 17), (1, 3, 32, 40)), sizes))
    add("sounds", lambda: (Plain(sounds()), x((2, 2, 60), (3, 2, 80)), {"x": (0,)}))
    add("volumes", lambda: (Plain(volumes()), x((2, 1, 6, 8, 4), (1, 1, 4, 4, 8)), {"x": (0, 2, 3, 4)}))
    add("upsampled", lambda: (Function(upsampled), x((2, 3, 6, 7), (3, 3, 8, 6)), sizes))
    add("placed", lambda: (Function(placed), x((2, 3, 6, 7), (3, 3, 6, 7)), first))
    for function in (picked, summed, other_types):
        add(function.__name__, lambda f=function: (Function(f), rows, first))
    add("norms", lambda: (Function(norms, nn.LayerNorm(WIDTH), nn.BatchNorm1d(WIDTH), nn.RMSNorm(WIDTH)), rows, first))
    add("spectrum", lambda: (Function(spectrum), x((2, 64), (3, 64)), first))
    add("decided", lambda: (Decided(), [{"x": rand(3, WIDTH) + 1}, {"x": rand(2, WIDTH) - 1}], first))
    add("looped", lambda: (Looped(), [{"x": rand(3, WIDTH)}, {"x": rand(2, WIDTH) * 0.1}], first))
    bags = lambda n: {"words": torch.randint(0, 30, (9,)), "offsets": torch.tensor([0, 2, 6][:n])}
    add("bags", lambda: (Words(), [bags(3), bags(2)], {"words": (0,), "offsets": (0,)}))
    return made


def exports(seed):
    return torches.of(networks(), seed)
