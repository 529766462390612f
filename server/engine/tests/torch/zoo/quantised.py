"""Networks quantised as `torch.ao.quantization` does it: eagerly, by graph, and with steps that are found while they run."""

import torch
from torch import nn


class Dense(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(16, 32), nn.Linear(32, 5)

    def forward(self, x):
        return self.second(torch.relu(self.first(x)))


class Recurrent(nn.Module):
    def __init__(self, kind, **more):
        super().__init__()
        self.layer = kind(8, 6, **more)
        self.head = nn.Linear(6 * (2 if more.get("bidirectional") else 1), 3)

    def forward(self, x):
        return self.head(self.layer(x)[0])


class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(30, 16)
        self.query, self.key, self.value, self.out, self.head = (nn.Linear(16, n) for n in (16, 16, 16, 16, 4))
        self.norm = nn.LayerNorm(16)

    def forward(self, x):
        x = self.embed(x)
        weights = torch.softmax(self.query(x) @ self.key(x).transpose(1, 2) / 4, -1)
        x = self.norm(x + self.out(weights @ self.value(x)))
        return self.head(x.mean(1))


class Image(nn.Module):
    """With everything that eager quantisation has layers for."""

    def __init__(self):
        super().__init__()
        self.quant, self.dequant = torch.ao.quantization.QuantStub(), torch.ao.quantization.DeQuantStub()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU())
        self.deep = nn.Sequential(nn.Conv2d(8, 8, 3, 1, 1, groups=8), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))
        self.gate = nn.Hardswish()
        self.sum = torch.ao.nn.quantized.FloatFunctional()
        self.both = torch.ao.nn.quantized.FloatFunctional()
        self.pool = nn.MaxPool2d(2)
        self.head = nn.Linear(16, 5)

    def forward(self, x):
        x = self.stem(self.quant(x))
        x = self.sum.add(x, self.deep(x))
        x = self.both.cat([self.gate(x), x], 1)
        x = torch.flatten(nn.functional.adaptive_avg_pool2d(self.pool(x), 1), 1)
        return self.dequant(self.head(x))


def dynamic(module, kinds):
    return torch.ao.quantization.quantize_dynamic(module.eval(), kinds, dtype=torch.qint8)


def static(module, example, fuse=None, backend="fbgemm"):
    torch.manual_seed(1)
    module = module.eval()
    for _ in range(2):
        module.train()
        module(torch.randn(8, *example.shape[1:]))
    module.eval()
    if fuse:
        module = torch.ao.quantization.fuse_modules(module, fuse)
    module.qconfig = torch.ao.quantization.get_default_qconfig(backend)
    prepared = torch.ao.quantization.prepare(module)
    prepared(example)
    return torch.ao.quantization.convert(prepared)


def by_graph(module, example):
    from torch.ao.quantization import get_default_qconfig_mapping
    from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx

    prepared = prepare_fx(module.eval(), get_default_qconfig_mapping("fbgemm"), (example,))
    prepared(example)
    return convert_fx(prepared)


def vision(name):
    import torchvision

    torch.manual_seed(0)
    network = getattr(torchvision.models.quantization, name)(weights=None, quantize=False, num_classes=6).eval()
    size = 107 if name == "inception_v3" else 64
    network.train()
    network(torch.randn(4, 3, size, size))
    network.eval()
    network.fuse_model(is_qat=False)
    network.qconfig = torch.ao.quantization.get_default_qconfig("fbgemm")
    prepared = torch.ao.quantization.prepare(network)
    prepared(torch.randn(2, 3, size, size))
    return torch.ao.quantization.convert(prepared)


def networks():
    both, free = ("trace", "script"), {"x": (0,)}
    rand = torch.randn
    torch.manual_seed(3)
    image = rand(2, 3, 32, 32)
    row = lambda *shape: [{"x": rand(*shape)}, {"x": rand(shape[0] + 1, *shape[1:])}]
    sequence = [{"x": rand(5, 2, 8)}, {"x": rand(7, 3, 8)}]
    fused = [["stem.0", "stem.1", "stem.2"], ["deep.0", "deep.1", "deep.2"], ["deep.3", "deep.4"]]
    words = [{"x": torch.randint(0, 30, (2, 6))}, {"x": torch.randint(0, 30, (3, 9))}]
    yield "dense_dynamic", lambda: (dynamic(Dense(), {nn.Linear}), row(3, 16), free), both
    yield "words_dynamic", lambda: (dynamic(Words(), {nn.Linear}), words, {"x": (0, 1)}), both
    for name, kind, more in (("lstm", nn.LSTM, {}), ("lstm_both", nn.LSTM, {"bidirectional": True, "num_layers": 2}), ("gru", nn.GRU, {"batch_first": True})):
        yield f"{name}_dynamic", lambda kind=kind, more=more: (dynamic(Recurrent(kind, **more), {nn.Linear, kind}), sequence, {"x": (0, 1)}), both
    yield "image_static", lambda: (static(Image(), image, fused), [{"x": image}, {"x": rand(3, 3, 32, 32)}], free), both
    yield "image_qnnpack", lambda: (static(Image(), image, fused, "qnnpack"), [{"x": image}, {"x": rand(3, 3, 32, 32)}], free), both
    yield "image_unfused", lambda: (static(Image(), image), [{"x": image}, {"x": rand(3, 3, 32, 32)}], free), both
    yield "dense_graph", lambda: (by_graph(Dense(), rand(4, 16)), row(3, 16), free), both
    yield "convolutions_graph", lambda: (by_graph(nn.Sequential(nn.Conv1d(3, 4, 3), nn.ReLU(), nn.ConvTranspose1d(4, 4, 3, 2), nn.Sigmoid(), nn.Flatten(), nn.Linear(148, 3)), rand(4, 3, 20)), [{"input": v["x"]} for v in row(3, 3, 20)], {}), both  # fmt: skip
    for name in ("resnet18", "mobilenet_v2", "mobilenet_v3_large", "shufflenet_v2_x1_0", "googlenet", "inception_v3"):
        size = 107 if name == "inception_v3" else 64
        yield name, lambda name=name, size=size: (vision(name), row(2, 3, size, size), free), both
