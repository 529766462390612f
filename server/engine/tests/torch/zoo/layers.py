"""Every layer that torch.nn has, one at a time: its constructor, and what it is called with."""

import re

import torch
from torch import nn  # noqa: F401

from zoo import sourced

# A constructor, and the inputs that it is called with: images i, lines l, volumes v, rows x, indices n, sequences s and t.
LAYERS = """
Identity() x | Linear(4, 5) x | Bilinear(4, 4, 3) x y | LazyLinear(3) x | Flatten() i | Unflatten(1, (2, 2)) x
Conv1d(3, 4, 3, 2, 1) l | Conv2d(3, 6, (3, 2), (2, 1), (1, 0), (1, 2), 3) i | Conv3d(3, 4, 2, 1, 1) v | ConvTranspose1d(3, 4, 3, 2, 1, 1, dilation=2) l | ConvTranspose2d(3, 6, 3, (2, 3), 1, (1, 2), 3) i | ConvTranspose3d(3, 4, 2, 2) v
LazyConv1d(4, 3) l | LazyConv2d(4, 3) i | LazyConvTranspose2d(4, 3) i | Conv1d(3, 3, 3, padding='same', padding_mode='circular') l | Conv2d(3, 3, 3, padding=(2, 1), padding_mode='replicate') i | Conv3d(3, 3, 3, padding=1, padding_mode='zeros', groups=3) v
Fold((4, 5), (2, 3), 1, 0, (1, 1)) q | Unfold((2, 3), 1, 1, (2, 1)) i
MaxPool1d(2, 1, 1) l | MaxPool2d((3, 2), (2, 1), (1, 0), ceil_mode=True) i | MaxPool3d(2, 1) v | MaxPool2d(2, return_indices=True) i | AvgPool1d(3, 2, 1) l | AvgPool2d(3, 2, 1, True, False) i | AvgPool3d(2, 1, 1) v | LPPool1d(2, 3) l | LPPool2d(3, 2) i | LPPool3d(2, 2) v
AdaptiveAvgPool1d(4) l | AdaptiveAvgPool2d((3, None)) i | AdaptiveAvgPool3d((2, 1, 3)) v | AdaptiveMaxPool1d(4) l | AdaptiveMaxPool2d((None, 2)) i | AdaptiveMaxPool3d(2) v | AdaptiveMaxPool2d(2, return_indices=True) i
ReflectionPad1d(2) l | ReflectionPad2d((1, 2, 0, 1)) i | ReflectionPad3d(1) v | ReplicationPad1d(2) l | ReplicationPad2d((1, 2, 0, 1)) i | ReplicationPad3d(1) v | ZeroPad1d(1) l | ZeroPad2d((1, -1, 0, 2)) i | ZeroPad3d(1) v | ConstantPad1d(2, 3.5) l | ConstantPad2d(1, -1.0) i | ConstantPad3d(1, 2.0) v | CircularPad1d(2) l | CircularPad2d((1, 2, 0, 1)) i | CircularPad3d(1) v
ELU(0.7) x | Hardshrink() x | Hardsigmoid() x | Hardtanh(-0.3, 0.4) x | Hardswish() x | LeakyReLU(0.2) x | LogSigmoid() x | PReLU() x | PReLU(3) i | ReLU() x | ReLU6() x | RReLU() x | SELU() x | CELU(0.5) x | GELU() x | GELU('tanh') x | Sigmoid() x | SiLU() x | Mish() x | Softplus(2.0, 3.0) x | Softshrink() x | Softsign() x | Tanh() x | Tanhshrink() x | Threshold(0.1, 2.0) x | GLU() x | GLU(1) r | Softmin(1) x | Softmax(0) x | Softmax2d() i | LogSoftmax(1) x
BatchNorm1d(4) x | BatchNorm1d(3) l | BatchNorm2d(3) i | BatchNorm2d(3, affine=False) i | BatchNorm2d(3, track_running_stats=False) i | BatchNorm3d(3) v | LazyBatchNorm2d() i | GroupNorm(3, 3) i | SyncBatchNorm(3) i | InstanceNorm1d(3) l | InstanceNorm2d(3, affine=True) i | InstanceNorm2d(3, affine=True, track_running_stats=True) i | InstanceNorm3d(3) v | LayerNorm((7, 5)) i | LayerNorm(4, bias=False) x | LocalResponseNorm(2) i | LocalResponseNorm(3, 0.1, 0.5, 2.0) v | RMSNorm(4) x | RMSNorm((7, 5), 1e-3) i | CrossMapLRN2d(3) i
RNN(4, 5) s | RNN(4, 5, 2, 'relu', batch_first=True, bidirectional=True) s | LSTM(4, 5, 2, bias=False) s | LSTM(4, 5, 1, proj_size=3) s | LSTM(4, 5, 2, bidirectional=True, proj_size=2, batch_first=True) s | GRU(4, 5, 2, bidirectional=True) s | LSTM(4, 5) x | GRU(4, 5) x | RNNCell(4, 5) x | RNNCell(4, 5, nonlinearity='relu') x | LSTMCell(4, 5) x | GRUCell(4, 5, bias=False) x
Transformer(4, 2, 1, 1, 8) s t | TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8, norm_first=True), 2, nn.LayerNorm(4)) s | TransformerDecoder(nn.TransformerDecoderLayer(4, 2, 8, batch_first=True, activation='gelu'), 2) s s | TransformerEncoderLayer(4, 2, 8, activation='gelu', batch_first=True) s | TransformerDecoderLayer(4, 2, 8, norm_first=True) s t | MultiheadAttention(4, 2) s s s | MultiheadAttention(4, 2, add_bias_kv=True, add_zero_attn=True, batch_first=True) s s s | MultiheadAttention(4, 1, kdim=4, vdim=4, bias=False) s t t | MultiheadAttention(4, 4) x x x
Dropout(0.5) x | Dropout1d() l | Dropout2d() i | Dropout3d() v | AlphaDropout() x | FeatureAlphaDropout() i
Embedding(10, 4, padding_idx=0) n | Embedding(10, 4, max_norm=1.0) n | Embedding(10, 4, scale_grad_by_freq=True) n | EmbeddingBag(10, 4) n | EmbeddingBag(10, 4, mode='sum', padding_idx=1) n | EmbeddingBag(10, 4, mode='max') n | EmbeddingBag(10, 4, mode='sum', include_last_offset=True) m o
CosineSimilarity(1) x y | PairwiseDistance(1.5, keepdim=True) x y
L1Loss() x y | MSELoss(reduction='sum') x y | CrossEntropyLoss(label_smoothing=0.1) x k | CrossEntropyLoss(ignore_index=1, reduction='none') x k | CrossEntropyLoss() r kk | NLLLoss() x k | NLLLoss2d() i ki | PoissonNLLLoss() x p | PoissonNLLLoss(False, True) p n | GaussianNLLLoss() x y p | KLDivLoss(reduction='batchmean') x p | KLDivLoss(log_target=True, reduction='sum') x y | BCELoss() p p | BCEWithLogitsLoss() x p | MarginRankingLoss(0.1) x y p | HingeEmbeddingLoss() x y | MultiLabelMarginLoss() x kn | HuberLoss(delta=0.3) x y | SmoothL1Loss(beta=0.3) x y | SoftMarginLoss() x y | MultiLabelSoftMarginLoss() x p | CosineEmbeddingLoss() x y e | MultiMarginLoss() x k | TripletMarginLoss() x y p | TripletMarginWithDistanceLoss() x y p
PixelShuffle(2) c | PixelUnshuffle(2) d | Upsample(scale_factor=2) i | Upsample((9, 8), mode='bilinear', align_corners=True) i | Upsample(scale_factor=(2, 1.5), mode='bicubic') i | Upsample(scale_factor=2, mode='trilinear') v | Upsample(scale_factor=1.5, mode='linear') l | UpsamplingNearest2d(scale_factor=3) i | UpsamplingBilinear2d(scale_factor=2) i | ChannelShuffle(2) c
AdaptiveLogSoftmaxWithLoss(4, 10, [3, 6]) x kk10 | FractionalMaxPool2d(2, output_size=(3, 2)) i
utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 3)) i | utils.parametrizations.spectral_norm(nn.Linear(4, 5)) x | utils.parametrizations.orthogonal(nn.Linear(4, 4)) x | utils.weight_norm(nn.Linear(4, 5), dim=None) x | utils.spectral_norm(nn.Conv2d(3, 4, 3)) i | utils.fusion.fuse_conv_bn_eval(nn.Conv2d(3, 4, 3).eval(), nn.BatchNorm2d(4).eval()) i
Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(True), nn.Flatten(), nn.Linear(60, 2)) i
"""  # noqa: E501


def inputs():
    torch.manual_seed(3)
    rand, ints = torch.randn, lambda most, *shape: torch.randint(0, most, shape)
    return {
        "x": rand(3, 4), "y": rand(3, 4), "i": rand(2, 3, 7, 5), "l": rand(2, 3, 8), "v": rand(2, 3, 4, 5, 6), "r": rand(3, 4, 5), "s": rand(3, 2, 4), "t": rand(5, 2, 4), "n": ints(10, 3, 4),
        "m": ints(10, 9), "o": torch.tensor([0, 3, 3, 9]), "k": ints(4, 3), "kk": ints(4, 3, 5), "ki": ints(3, 2, 7, 5), "kn": torch.tensor([[1, 2, -1, 0], [0, 3, 1, -1], [2, -1, 0, 0]]), "p": torch.rand(3, 4) * 0.8 + 0.1,
        "e": torch.tensor([1.0, -1.0, 1.0]), "q": rand(2, 12, 9)[:, :, :9], "c": rand(2, 4, 3, 2), "d": rand(2, 3, 4, 6), "kk10": ints(10, 3),
    }  # fmt: skip


def made(text, names):
    torch.manual_seed(2)
    layer = eval("nn." + text)
    given = inputs()
    if "Lazy" in text:
        layer(*(given[name] for name in names))
    # What is named twice is one input.
    own = list(dict.fromkeys(names))
    scope = sourced(f"class Layer(nn.Module):\n    def __init__(self, layer):\n        super().__init__()\n        self.layer = layer\n    def forward(self, {', '.join(own)}):\n        return self.layer({', '.join(names)})\n")  # fmt: skip
    return scope["Layer"](layer), [{name: given[name] for name in own}], {}


def networks():
    found = []
    for number, entry in enumerate(e.strip() for line in LAYERS.strip().splitlines() for e in line.split(" | ")):
        text, *names = re.split(r"\s+(?=[\w ]+$)|\s+(?=[a-z0-9]+$)", entry)[0], *entry[entry.rindex(")") + 1 :].split()
        name = re.sub(r"\W+", "-", text)[:60].strip("-") + f"-{number}"
        found.append((name, lambda text=entry[: entry.rindex(")") + 1], names=names: made(text, names)))
    return found
