"""Convolutions, poolings, paddings, resizing."""

from keras import layers as L

from layers import each

IMAGE = (None, None, 4)
SERIES = (None, 4)
VOLUME = (None, None, None, 4)

each("Conv1D", {
    "same": lambda: [L.Conv1D(6, 3, padding="same"), L.Conv1D(6, 4, padding="same", strides=2)],
    "valid": lambda: [L.Conv1D(6, 3), L.Conv1D(6, 2, strides=3), L.Conv1D(5, 1, use_bias=False)],
    "causal": lambda: [L.Conv1D(6, 3, padding="causal"), L.Conv1D(6, 3, padding="causal", dilation_rate=2)],
    "dilated": lambda: [L.Conv1D(6, 3, dilation_rate=2), L.Conv1D(6, 2, padding="same", dilation_rate=3)],
    "groups": lambda: [L.Conv1D(6, 3, groups=2), L.Conv1D(8, 3, groups=4, padding="same", strides=2)],
}, SERIES)
each("Conv2D", {
    "same": lambda: [L.Conv2D(6, 3, padding="same"), L.Conv2D(6, (2, 5), padding="same", strides=2),
                     L.Conv2D(3, 1, strides=2, padding="same")],
    "valid": lambda: [L.Conv2D(6, 3), L.Conv2D(6, (1, 4), strides=(2, 1)), L.Conv2D(5, 1, use_bias=False)],
    "dilated": lambda: [L.Conv2D(6, 3, dilation_rate=2), L.Conv2D(6, 3, padding="same", dilation_rate=(2, 3))],
    "groups": lambda: [L.Conv2D(6, 3, groups=2), L.Conv2D(8, 3, groups=4, padding="same", strides=2)],
    "activation": lambda: [L.Conv2D(6, 3, activation=a) for a in ("relu", "silu", "gelu", "tanh", "sigmoid", "elu")],
}, IMAGE)
each("Conv3D", {
    "same": lambda: [L.Conv3D(5, 3, padding="same"), L.Conv3D(5, 2, padding="same", strides=2)],
    "valid": lambda: [L.Conv3D(5, 3), L.Conv3D(5, (1, 2, 3), strides=2)],
    "dilated": lambda: L.Conv3D(5, 2, dilation_rate=2),
    "groups": lambda: L.Conv3D(6, 2, groups=2),
}, VOLUME)
each("", {
    "Conv1DTranspose": lambda: [L.Conv1DTranspose(5, 3, strides=2, padding="same"), L.Conv1DTranspose(5, 3),
                                L.Conv1DTranspose(5, 4, strides=3, padding="valid")],
    "SeparableConv1D": lambda: [L.SeparableConv1D(6, 3), L.SeparableConv1D(6, 3, strides=2, padding="same",
                                                                           depth_multiplier=2)],
    "DepthwiseConv1D": lambda: [L.DepthwiseConv1D(3), L.DepthwiseConv1D(3, strides=2, padding="same", depth_multiplier=2)],
}, SERIES)
each("", {
    "Conv2DTranspose": lambda: [L.Conv2DTranspose(5, 3, strides=2, padding="same"), L.Conv2DTranspose(5, 3),
                                L.Conv2DTranspose(5, (4, 2), strides=(3, 2))],
    "Conv2DTranspose output padding": lambda: L.Conv2DTranspose(5, 3, strides=2, padding="same", output_padding=1),
    "SeparableConv2D": lambda: [L.SeparableConv2D(6, 3), L.SeparableConv2D(6, 3, strides=2, padding="same",
                                                                           depth_multiplier=2)],
    "SeparableConv2D dilated": lambda: L.SeparableConv2D(6, 3, dilation_rate=2, padding="same"),
    "DepthwiseConv2D": lambda: [L.DepthwiseConv2D(3), L.DepthwiseConv2D(3, strides=2, padding="same", depth_multiplier=2)],
    "DepthwiseConv2D dilated": lambda: [L.DepthwiseConv2D(3, dilation_rate=2),
                                        L.DepthwiseConv2D(2, dilation_rate=2, padding="same")],
}, IMAGE)
each("", {"Conv3DTranspose": lambda: [L.Conv3DTranspose(5, 2, strides=2, padding="same"), L.Conv3DTranspose(5, 2)]}, VOLUME)


def pools(kind, rank):
    pooling = getattr(L, f"{kind}Pooling{rank}D")
    return lambda: [pooling(2), pooling(3, strides=1, padding="same"), pooling(3, strides=2, padding="same"), pooling(2, strides=3)]


for rank, shape in ((1, SERIES), (2, IMAGE), (3, VOLUME)):
    each("", {f"{kind}Pooling{rank}D": pools(kind, rank) for kind in ("Max", "Average")}, shape)
    each("", {f"Global{kind}Pooling{rank}D": lambda kind=kind, rank=rank: [
        getattr(L, f"Global{kind}Pooling{rank}D")(), getattr(L, f"Global{kind}Pooling{rank}D")(keepdims=True),
    ] for kind in ("Max", "Average")}, shape)
each("", {"AdaptivePooling2D": lambda: [L.AdaptiveAveragePooling2D(3), L.AdaptiveMaxPooling2D((2, 3))]}, (9, 8, 4))
each("Pooling2D", {
    "channels first": lambda: [L.MaxPooling2D(2, data_format="channels_first"),
                               L.GlobalAveragePooling2D(data_format="channels_first")],
}, (4, None, None))

for rank, shape in ((1, SERIES), (2, IMAGE), (3, VOLUME)):
    each("", {
        f"ZeroPadding{rank}D": lambda rank=rank: getattr(L, f"ZeroPadding{rank}D")(2),
        f"Cropping{rank}D": lambda rank=rank: getattr(L, f"Cropping{rank}D")(1),
        f"UpSampling{rank}D": lambda rank=rank: getattr(L, f"UpSampling{rank}D")(2),
    }, shape)
each("UpSampling2D", {
    how: lambda how=how: [L.UpSampling2D(2, interpolation=how), L.UpSampling2D((3, 2), interpolation=how)]
    for how in ("bilinear", "bicubic", "lanczos3", "lanczos5")
}, (7, 8, 4))
each("Resizing", {
    how: lambda how=how: [L.Resizing(5, 9, interpolation=how), L.Resizing(11, 4, interpolation=how)]
    for how in ("nearest", "bilinear", "bicubic", "area", "lanczos3", "lanczos5")
}, IMAGE)
each("Resizing", {
    "crop to aspect ratio": lambda: L.Resizing(5, 9, crop_to_aspect_ratio=True),
    "pad to aspect ratio": lambda: L.Resizing(5, 9, pad_to_aspect_ratio=True),
    "antialias": lambda: L.Resizing(3, 4, antialias=True),
}, (7, 8, 4))
each("", {
    "CenterCrop": lambda: [L.CenterCrop(4, 5), L.CenterCrop(9, 9)],
    "Rescaling": lambda: L.Rescaling(1 / 127.5, offset=-1.0),
    "Reshape Permute Flatten": lambda: [L.Reshape((-1, 8)), L.Permute((3, 1, 2)), L.Flatten()],
}, (7, 8, 4))
