"""torchvision's networks, of each family a small one: classes, segments, boxes, clips, flow."""

import torch

from zoo import Plain

CLASSES = {
    "resnet18": 64, "mobilenet_v2": 64, "mobilenet_v3_small": 64, "mobilenet_v3_large": 64, "efficientnet_b0": 64, "efficientnet_v2_s": 64,
    "densenet121": 64, "vgg11_bn": 64, "squeezenet1_0": 64, "squeezenet1_1": 64, "shufflenet_v2_x1_0": 64, "convnext_tiny": 64, "vit_b_16": 224,
    "swin_t": 64, "swin_v2_t": 64, "regnet_y_400mf": 64, "regnet_x_400mf": 64, "inception_v3": 107, "googlenet": 64, "resnet50": 64, "alexnet": 96,
    "resnext50_32x4d": 64, "wide_resnet50_2": 64, "mnasnet1_0": 64, "maxvit_t": 224,
}  # fmt: skip
SEGMENTS = {"fcn_resnet50": 96, "deeplabv3_resnet50": 96, "deeplabv3_mobilenet_v3_large": 96, "lraspp_mobilenet_v3_large": 96}
CLIPS = ("r3d_18", "mc3_18", "r2plus1d_18", "s3d", "mvit_v1_b", "mvit_v2_s", "swin3d_t")
BOXES = ("ssdlite320_mobilenet_v3_large", "ssd300_vgg16", "retinanet_resnet50_fpn", "fasterrcnn_mobilenet_v3_large_320_fpn", "fcos_resnet50_fpn",
         "maskrcnn_resnet50_fpn", "keypointrcnn_resnet50_fpn")  # fmt: skip


class Found(torch.nn.Module):
    """A detector of one image, by the name that the engine gives the only one of its list."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        object.__setattr__(self, "scripted", network)

    def forward(self, images_0):
        found = self.network([images_0])
        found = found[1][0] if isinstance(found, tuple) else found[0]
        return tuple(found.values())


class Flow(torch.nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x, y):
        return self.network(x, y, num_flow_updates=2)[-1]


def classes(name, size):
    import torchvision

    extra = {"aux_logits": False, "init_weights": True} if name in ("googlenet", "inception_v3") else {}
    image = lambda n: {"x": torch.randn(n, 3, size, size)}
    return Plain(getattr(torchvision.models, name)(num_classes=20, **extra)), [image(2), image(3)], {"x": (0,)}


def segments(name, size):
    import torchvision

    network = getattr(torchvision.models.segmentation, name)(weights=None, weights_backbone=None, num_classes=5)
    image = lambda n: {"x": torch.randn(n, 3, size, size)}
    return Plain(network), [image(2), image(3)], {"x": (0,)}


def clips(name):
    import torchvision

    frames, size = (16, 224) if name.startswith("mvit") else (14, 64)
    clip = lambda n: {"x": torch.randn(n, 3, frames, size, size)}
    return Plain(getattr(torchvision.models.video, name)(weights=None, num_classes=20)), [clip(1), clip(2)], {"x": (0,)}


def boxes(name):
    """With heads whose biases tell the classes apart, so that no two scores are one."""
    import torchvision

    network = getattr(torchvision.models.detection, name)(weights=None, weights_backbone=None, num_classes=4 if "keypoint" not in name else 2)
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for part, parameter in network.named_parameters():
            if "backbone" not in part and part.endswith("weight") and parameter.dim() > 1:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * parameter[0].numel() ** -0.5)
            if "backbone" not in part and part.endswith("bias"):
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.5)
    return Found(network), [{"images_0": torch.rand(3, 120, 160)}, {"images_0": torch.rand(3, 120, 160)}], {}


def flow():
    import torchvision

    pair = lambda n: {"x": torch.randn(n, 3, 128, 136), "y": torch.randn(n, 3, 128, 136)}
    return Flow(torchvision.models.optical_flow.raft_small(weights=None)), [pair(1), pair(2)], {"x": (0,), "y": (0,)}


def variants():
    """All other networks of classes, of whatever size they are."""
    import torchvision

    for name in getattr(torchvision.models, "list_models", lambda **_: ())(module=torchvision.models):
        if name not in CLASSES and name not in ("vit_h_14", "regnet_y_128gf"):
            size = 224 if name.startswith("vit") else 64
            yield name, lambda name=name, size=size: classes(name, size), ("trace",)


def networks():
    yield from ((name, lambda name=name, size=size: classes(name, size)) for name, size in CLASSES.items())
    yield from ((name, lambda name=name, size=size: segments(name, size)) for name, size in SEGMENTS.items())
    yield from ((name, lambda name=name: clips(name)) for name in CLIPS)
    yield from ((name, lambda name=name: boxes(name)) for name in BOXES)
    yield "raft_small", flow
    yield from variants()
