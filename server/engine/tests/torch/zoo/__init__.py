"""Networks to compare, family by family: each module has `networks()`, which gives names and what makes a network, its cases, and the
axes of its inputs that may be of any extent."""

import linecache

import torch
from torch import nn


class Plain(nn.Module):
    """What a network answers as tensors alone, whatever it puts them in."""

    def __init__(self, network, **more):
        super().__init__()
        self.network = network
        self.more = more
        # TorchScript takes the network itself.
        object.__setattr__(self, "scripted", network)

    def forward(self, x):
        return tensors(self.network(x, **self.more))


def tensors(answer):
    """The first tensor of an answer with many, all of one with few."""
    if isinstance(answer, torch.Tensor):
        return answer
    values = list(answer.values()) if isinstance(answer, dict) else list(answer)
    return tuple(v for v in values if isinstance(v, torch.Tensor))[:3] or tensors(values[0])


def sourced(text, **scope):
    """What a text defines, where TorchScript finds the text too."""
    file = f"<zoo {len(linecache.cache)}>"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    scope = {"nn": nn, "torch": torch, "__name__": "zoo", **scope}
    exec(compile(text, file, "exec"), scope)
    return scope


def settled(network, case):
    """With batch norms that know a batch and no layer that does nothing, so that numbers neither vanish nor grow and all layers tell."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.numel() > 1 and parameter.is_floating_point() and parameter.min() == parameter.max():
                if parameter.flatten()[0].abs() < 1e-2:
                    parameter.fill_(0.0 if parameter.flatten()[0] == 0 else 0.5)
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
        norms = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
        for norm in norms:
            norm.momentum = None
            norm.train()
        # A single image does not tell how channels vary.
        if norms and not ("x" in case and case["x"].dim() == 3):
            network(**{k: v.clone() for k, v in case.items()})
        for norm in norms:
            # Channels that hardly vary would make much of what is rounded.
            norm.running_var.add_(0.1 * norm.running_var.mean())
    return network.eval()
