"""Networks of torchvision and Transformers with random weights, for `make.py networks DIR`."""

import sys

import torch
from torch import nn

VISION = {
    "resnet18": 64, "mobilenet_v2": 64, "mobilenet_v3_small": 64, "efficientnet_b0": 64, "densenet121": 64, "vgg11_bn": 64, "squeezenet1_1": 64,
    "shufflenet_v2_x1_0": 64, "convnext_tiny": 64, "vit_b_16": 224, "swin_t": 64, "regnet_y_400mf": 64, "inception_v3": 107, "googlenet": 64,
    "resnet50": 64, "alexnet": 96, "resnext50_32x4d": 64, "wide_resnet50_2": 64, "mobilenet_v3_large": 64, "efficientnet_v2_s": 64,
    "mnasnet1_0": 64, "swin_v2_t": 64, "maxvit_t": 224,
}  # fmt: skip
SEGMENTATION = {"fcn_resnet50": 96, "deeplabv3_resnet50": 96, "lraspp_mobilenet_v3_large": 96}


class Images(nn.Module):
    """A vision network; of several answers the first."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        return self.network(x)


class Texts(nn.Module):
    """A language network, with what it answers as a tuple."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, input_ids, attention_mask):
        return self.network(input_ids=input_ids, attention_mask=attention_mask, return_dict=False)[0]


def language():
    import transformers as t

    small = dict(vocab_size=500, hidden_size=64, num_hidden_layers=3, num_attention_heads=4, intermediate_size=128)
    yield "bert", t.BertModel(t.BertConfig(**small))
    yield "bert-classes", t.BertForSequenceClassification(t.BertConfig(**small, num_labels=5))
    yield "roberta", t.RobertaModel(t.RobertaConfig(**small, pad_token_id=0))
    yield "distilbert", t.DistilBertModel(t.DistilBertConfig(vocab_size=500, dim=64, n_layers=3, n_heads=4, hidden_dim=128))
    yield "gpt2", t.GPT2LMHeadModel(t.GPT2Config(vocab_size=500, n_embd=64, n_layer=3, n_head=4, use_cache=False))
    yield "electra", t.ElectraModel(t.ElectraConfig(**small, embedding_size=64))
    yield "albert", t.AlbertModel(t.AlbertConfig(**small, embedding_size=32))
    yield "t5-encoder", t.T5EncoderModel(t.T5Config(vocab_size=500, d_model=64, d_kv=16, d_ff=128, num_layers=3, num_heads=4))
    yield "mpnet", t.MPNetModel(t.MPNetConfig(**small))
    yield "llama", t.LlamaForCausalLM(t.LlamaConfig(**small, num_key_value_heads=2, use_cache=False))


def settled(network, images):
    """With batch norms that know a batch, so that numbers neither vanish nor grow from layer to layer."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        network.train()(images)
    return network.eval()


def attempt(name, write):
    try:
        write()
        print(name, flush=True)
    except Exception as error:
        print(f"{name}: {type(error).__name__}: {str(error)[:300]}", file=sys.stderr, flush=True)


def write_all(root, write):
    import torchvision
    import transformers as t

    def one(name, module, inputs, way, dynamic):
        attempt(f"{name}-{way}", lambda: write(root, f"{name}-{way}", module, inputs, (way,), dynamic))

    for name, network in language():
        torch.manual_seed(0)
        words = lambda n, m: {"input_ids": torch.randint(1, 500, (n, m)), "attention_mask": torch.tensor([[1] * m] + [[1] * (m - 3) + [0] * 3] * (n - 1))}
        for way in ("dynamic", "trace"):
            one(name, Texts(network.eval()), [words(2, 12), words(3, 9)], way, {"input_ids": (0, 1), "attention_mask": (0, 1)})
    torch.manual_seed(0)
    vit = t.ViTModel(t.ViTConfig(hidden_size=64, num_hidden_layers=3, num_attention_heads=4, intermediate_size=128, image_size=64)).eval()

    class Vit(nn.Module):
        def __init__(self):
            super().__init__()
            self.network = vit

        def forward(self, pixel_values):
            return self.network(pixel_values, return_dict=False)[0]

    for way in ("dynamic", "trace"):
        one("vit", Vit(), [{"pixel_values": torch.randn(2, 3, 64, 64)}], way, {"pixel_values": (0,)})
    for way in ("dynamic", "trace", "script"):
        for name, size in VISION.items():
            torch.manual_seed(0)
            extra = {"aux_logits": False, "init_weights": True} if name in ("googlenet", "inception_v3") else {}
            network = settled(getattr(torchvision.models, name)(weights=None, **extra), torch.randn(4, 3, size, size))
            one(name, network, [{"x": torch.randn(2, 3, size, size)}], way, {"x": (0,)})
    for name, size in SEGMENTATION.items():
        torch.manual_seed(0)
        network = getattr(torchvision.models.segmentation, name)(weights=None, weights_backbone=None, num_classes=5)
        network = settled(network, torch.randn(4, 3, size, size))
        one(name, network, [{"x": torch.randn(2, 3, size, size)}], "dynamic", {"x": (0,)})
