"""Programs as people write them for `torch.jit.script`, and quantised ones: `make.py` makes fixtures of those of the zoo that need what no other
fixture does."""

import torch

from zoo import programs, quantised


def fixtures():
    made = {name: (make, ways) for name, make, ways in programs.networks()}
    for name in ("crf", "own_lstm", "counted", "kalman", "tiled", "while_greedy", "pairwise", "translates", "kept"):
        torch.manual_seed(0)
        make, ways = made[name]
        module, cases, free = make()
        yield f"written-{name.replace('_', '-')}", module, cases, tuple(w for w in ways if w != "dynamic"), free
    made = {name: (make, ways) for name, make, ways in quantised.networks()}
    for name in ("dense_dynamic", "lstm_both_dynamic", "gru_dynamic", "image_unfused", "dense_graph"):
        torch.manual_seed(0)
        make, ways = made[name]
        module, cases, free = make()
        yield f"quantised-{name.replace('_', '-')}", module, cases, ways, free
    torch.manual_seed(0)
    yield "written-numbers", Numbers(), [{"x": torch.tensor([1, 2, 3]), "p": torch.rand(3)}], ("trace",), {}
    yield "written-losses", Rare(), [{"x": torch.randn(3, 4), "p": torch.rand(3, 4) * 4, "n": torch.randint(0, 5, (3, 4))}], ("export", "trace"), {}


class Numbers(torch.nn.Module):
    """Numbers that a trace holds as tensors, and tensors without axes."""

    def forward(self, x, p):
        wide = torch.tensor(2.5, dtype=torch.float64)
        return x.unsqueeze(1) * 100.0, x / 2.5, p * 2.5, p.double().mean() * 2.5, x + 0.5, 3.0 - x, x * wide, p + wide


class Rare(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.table = torch.nn.Embedding(5, 4, max_norm=0.7)
        self.register_buffer("window", torch.hann_window(8))

    def forward(self, x, p, n):
        short = torch.stft(x.repeat(1, 8), 8, 4, window=self.window, return_complex=True)
        short /= self.window.pow(2.0).sum().sqrt()
        functional = torch.nn.functional
        return (
            self.table(n), functional.hinge_embedding_loss(x, n - 1, reduction="none"), functional.poisson_nll_loss(x, p, full=True, reduction="none"), short.abs(),
        )  # fmt: skip
