"""timm's architectures, of each family a small one."""

import torch

from zoo import Plain

# What makes large ones small: fewer layers, smaller images.
VIT = {"depth": 3}
NETWORKS = {
    "resnet10t": 64, "resnet18d": 64, "resnetv2_50": 64, "resnet26t": 64, "seresnet50": 64, "skresnet18": 64, "ecaresnet26t": 64, "resnest14d": 64,
    "res2net50_14w_8s": 64, "resnetblur50": 64, "dpn48b": 64, "dla46_c": 64, "densenet121": 64, "vgg11_bn": 64, "mobilenetv3_small_050": 64,
    "mobilenetv4_conv_small_050": 64, "mobilenetv4_hybrid_medium": 64, "efficientnet_b0": 64, "efficientnet_lite0": 64, "tf_efficientnetv2_b0": 64,
    "mixnet_s": 64, "tinynet_e": 64, "ghostnet_050": 64, "ghostnetv2_100": 64, "lcnet_035": 64, "fbnetv3_b": 64, "spnasnet_100": 64,
    "semnasnet_075": 64, "hardcorenas_a": 64, "regnetx_002": 64, "regnety_002": 64, "regnetz_b16": 64, "nf_regnet_b0": 64, "eca_nfnet_l0": 64,
    "cspresnet50": 64, "cs3darknet_s": 64, "hrnet_w18_small": 64, "hgnet_tiny": 64, "hgnetv2_b0": 64, "repvgg_a0": 64, "repghostnet_050": 64,
    "mobileone_s0": 64, "fastvit_t8": 64, "repvit_m0_9": 64, "selecsls42b": 64, "rexnet_100": 64, "ese_vovnet19b_slim_dw": 64, "xception41": 64,
    "inception_v3": 107, "inception_v4": 96, "inception_next_atto": 64, "tresnet_m": 64, "gernet_s": 64, "bat_resnext26ts": 64, "botnet26t_256": 256,
    "halonet26t": 256, "lambda_resnet26t": 64, "convnext_atto": 64, "convnextv2_atto": 64, "convmixer_768_32": (64, VIT), "coat_tiny": 224,
    "coatnet_nano_rw_224": 224, "maxvit_rmlp_pico_rw_256": 256, "crossvit_tiny_240": 240, "convit_tiny": (224, VIT), "cait_xxs24_224": (224, VIT),
    "deit_tiny_distilled_patch16_224": (224, VIT), "deit3_small_patch16_224": (224, VIT), "beit_base_patch16_224": (224, VIT),
    "beitv2_base_patch16_224": (224, VIT), "eva02_tiny_patch14_224": (224, VIT), "vit_tiny_patch16_224": (224, VIT), "vit_tiny_r_s16_p8_224": (224, VIT),
    "vit_relpos_small_patch16_224": (224, VIT), "vit_small_patch14_reg4_dinov2": (224, {**VIT, "img_size": 224}), "volo_d1_224": 224, "xcit_nano_12_p16_224": (224, VIT),
    "swin_tiny_patch4_window7_224": (224, {"depths": (2, 2, 2)}), "swinv2_tiny_window8_256": (256, {"depths": (2, 2, 2)}), "swinv2_cr_tiny_ns_224": (224, {"depths": (1, 1, 1, 1)}),
    "twins_pcpvt_small": (224, {"depths": (1, 1, 1, 1)}), "twins_svt_small": (224, {"depths": (1, 1, 1, 1)}), "tnt_s_patch16_224": (224, VIT), "visformer_tiny": 224,
    "poolformer_s12": 64, "poolformerv2_s12": 64, "pvt_v2_b0": 64, "pit_ti_224": 224, "nest_tiny": 224, "levit_128s": 224, "levit_conv_128s": 224,
    "efficientformer_l1": 224, "efficientformerv2_s0": 224, "efficientvit_b0": 64, "efficientvit_m0": 224, "edgenext_xx_small": 64, "mobilevit_xxs": 64,
    "mobilevitv2_050": 64, "mvitv2_tiny": (224, {"depths": (1, 1, 1, 1)}), "davit_tiny": (64, {"depths": (1, 1, 1, 1)}), "focalnet_tiny_srf": (64, {"depths": (1, 1, 1, 1)}),
    "gcvit_xxtiny": 224, "hiera_tiny_224": 224, "mixer_s32_224": 224, "gmlp_ti16_224": 224, "resmlp_12_224": 224, "caformer_s18": 64, "convformer_s18": 64,
    "sequencer2d_s": 224, "tiny_vit_5m_224": 224, "rdnet_tiny": 64, "mambaout_femto": 64, "nextvit_small": 64, "starnet_s1": 64, "swiftformer_xs": 224,
    "vitamin_small_224": 224, "sehalonet33ts": 256, "nasnetalarge": 96, "samvit_base_patch16_224": (224, VIT), "ghostnetv3_050": 64, "shvit_s1": 64,
}  # fmt: skip


def maker(name, size):
    size, more = size if isinstance(size, tuple) else (size, {})

    def make():
        import timm

        network = timm.create_model(name, num_classes=20, **more)
        image = lambda n: {"x": torch.randn(n, 3, size, size)}
        return Plain(network), [image(2), image(3)], {"x": (0,)}

    return make


def networks():
    return [(name, maker(name, size)) for name, size in NETWORKS.items()]
