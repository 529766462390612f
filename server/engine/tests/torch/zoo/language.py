"""Families of Transformers: texts, images and sounds, each as small as its configuration lets it be."""

import inspect

import torch
from torch import nn

from zoo import tensors

# Settings that make a network small, where a configuration has them.
SMALL = {
    "vocab_size": 500, "hidden_size": 64, "d_model": 64, "dim": 64, "n_embd": 64, "emb_dim": 64, "embedding_size": 64, "num_hidden_layers": 2, "n_layer": 2, "n_layers": 2,
    "num_layers": 2, "num_decoder_layers": 2, "encoder_layers": 2, "decoder_layers": 2, "num_attention_heads": 4, "n_head": 4, "n_heads": 4, "num_heads": 4,
    "encoder_attention_heads": 4, "decoder_attention_heads": 4, "intermediate_size": 128, "d_ff": 128, "hidden_dim": 128, "encoder_ffn_dim": 128,
    "decoder_ffn_dim": 128, "ffn_dim": 128, "num_key_value_heads": 2, "head_dim": 16, "d_kv": 16, "image_size": 64, "patch_size": 16, "max_position_embeddings": 128,
    "n_positions": 128, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "use_cache": False, "num_experts": 4, "num_local_experts": 4, "moe_intermediate_size": 64,
    "shared_expert_intermediate_size": 64, "word_embed_proj_dim": 64, "decoder_start_token_id": 1, "sep_token_id": 3,
}  # fmt: skip
# And those that a family needs beside them.
MORE = {
    "albert": {"embedding_size": 32}, "funnel": {"block_sizes": [1, 2], "block_repeats": [1, 1], "num_decoder_layers": 2, "d_head": 16, "d_inner": 128}, "xlnet": {"d_inner": 128},
    "mobilebert": {"embedding_size": 32, "intra_bottleneck_size": 32, "true_hidden_size": 32}, "longformer": {"attention_window": [4, 4]},
    "big_bird": {"attention_type": "original_full"}, "gpt_neo": {"attention_types": [[["global", "local"], 1]], "window_size": 4}, "gptj": {"rotary_dim": 8},
    "codegen": {"rotary_dim": 8}, "gemma2": {"sliding_window": 4, "query_pre_attn_scalar": 16}, "gemma3_text": {"sliding_window": 4, "query_pre_attn_scalar": 16},
    "mamba": {"state_size": 8, "time_step_rank": 4}, "mamba2": {"num_heads": 8, "head_dim": 16, "state_size": 8, "n_groups": 2, "chunk_size": 4, "expand": 2},
    "convbert": {"embedding_size": 64}, "modernbert": {"local_attention": 4, "pad_token_id": 0, "cls_token_id": 1}, "qwen2_moe": {"num_experts_per_tok": 2},
    "reformer": {"attention_head_size": 16, "axial_pos_embds": False, "attn_layers": ["local", "local"], "local_attn_chunk_length": 4, "feed_forward_size": 128},
    "canine": {"num_hash_buckets": 64, "downsampling_rate": 4, "local_transformer_stride": 8}, "esm": {"mask_token_id": 4, "position_embedding_type": "rotary"},
    "swin": {"depths": [1, 1], "num_heads": [2, 4], "embed_dim": 32, "window_size": 4, "patch_size": 4}, "nystromformer": {"num_landmarks": 4, "segment_means_seq_len": 4},
    "swinv2": {"depths": [1, 1], "num_heads": [2, 4], "embed_dim": 32, "window_size": 4, "patch_size": 4}, "convnext": {"num_stages": 4, "depths": [1, 1, 1, 1], "hidden_sizes": [16, 32, 48, 64], "patch_size": 4},
    "convnextv2": {"num_stages": 4, "depths": [1, 1, 1, 1], "hidden_sizes": [16, 32, 48, 64], "patch_size": 4}, "segformer": {"depths": [1, 1, 1, 1], "hidden_sizes": [16, 32, 48, 64], "num_attention_heads": [1, 2, 3, 4]},
    "levit": {"image_size": 224}, "cvt": {"depth": [1, 1, 1], "embed_dim": [16, 32, 64], "num_heads": [1, 2, 4]}, "wav2vec2": {"num_feat_extract_layers": 3, "conv_dim": [32, 32, 32], "conv_stride": [5, 2, 2], "conv_kernel": [10, 3, 2], "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4},
    "pvt": {"hidden_sizes": [16, 32, 48, 64], "depths": [1, 1, 1, 1], "num_attention_heads": [1, 2, 3, 4], "patch_sizes": [4, 2, 2, 2]},
    "whisper": {"max_source_positions": 20, "max_target_positions": 40, "num_mel_bins": 16}, "falcon": {"new_decoder_architecture": False},
    "prophetnet": {"num_encoder_layers": 2, "num_decoder_layers": 2, "num_encoder_attention_heads": 4, "num_decoder_attention_heads": 4, "disable_ngram_loss": True},
    "fsmt": {"langs": ["en", "de"], "src_vocab_size": 500, "tgt_vocab_size": 500}, "led": {"attention_window": [4, 4]}, "rwkv": {"attention_hidden_size": 64}, "mpt": {"expansion_ratio": 2},
    "audio-spectrogram-transformer": {"max_length": 40, "num_mel_bins": 32, "frequency_stride": 8, "time_stride": 8}, "layoutlm": {"max_2d_position_embeddings": 64}, "squeezebert": {"embedding_size": 64},
    "recurrent_gemma": {"lru_width": 64, "attention_window_size": 8, "block_types": ["recurrent", "attention"]}, "bit": {"depths": [1, 1, 1, 1], "hidden_sizes": [32, 64, 96, 128], "embedding_size": 32}, "efficientnet": {"width_coefficient": 0.25, "depth_coefficient": 0.1, "hidden_dim": 320},
    "resnet": {"depths": [1, 1, 1, 1], "hidden_sizes": [16, 32, 48, 64], "embedding_size": 16}, "regnet": {"depths": [1, 1, 1, 1], "hidden_sizes": [16, 32, 48, 64], "embedding_size": 16, "groups_width": 8},
    "poolformer": {"depths": [1, 1, 1, 1], "hidden_sizes": [16, 32, 48, 64]}, "van": {"depths": [1, 1, 1, 1], "hidden_sizes": [16, 32, 48, 64]}, "phi3": {"pad_token_id": 0}, "dpt": {"backbone_out_indices": [0, 0, 1, 1], "neck_hidden_sizes": [16, 16, 32, 32], "fusion_hidden_size": 32},
    "mixtral": {"num_experts_per_tok": 2}, "focalnet": {"depths": [1, 1], "embed_dim": 32, "patch_size": 4, "focal_levels": [2, 2], "focal_windows": [3, 3], "hidden_sizes": [32, 64]},
    "glpn": {"depths": [1, 1, 1, 1], "hidden_sizes": [16, 32, 48, 64], "num_attention_heads": [1, 2, 3, 4], "decoder_hidden_size": 16}, "mobilevitv2": {"patch_size": 2}, "lilt": {"hidden_size": 96}, "xmod": {"default_language": "en_XX"}, "beit": {"use_relative_position_bias": True},
}  # fmt: skip
FAMILIES = (
    "bert roberta distilbert albert electra mpnet deberta deberta-v2 xlm-roberta xlm xlnet flaubert funnel convbert squeezebert mobilebert nystromformer fnet big_bird longformer "
    "roformer megatron-bert rembert ibert layoutlm markuplm lilt luke mra yoso canine data2vec-text ernie esm xmod modernbert reformer "
    "gpt2 gpt_neo gpt_neox gptj gpt_bigcode opt bloom codegen llama mistral mixtral qwen2 qwen3 qwen2_moe gemma gemma2 gemma3_text phi phi3 falcon mpt stablelm starcoder2 olmo olmo2 cohere "
    "granite persimmon mamba mamba2 rwkv recurrent_gemma openai-gpt ctrl xglm biogpt smollm3 glm nemotron "
    "t5 mt5 umt5 longt5 switch_transformers bart mbart pegasus marian blenderbot m2m_100 led prophetnet fsmt plbart "
    "vit deit beit swin swinv2 convnext convnextv2 segformer mobilevit mobilevitv2 dinov2 dpt glpn regnet resnet poolformer pvt levit cvt focalnet vit_mae vit_msn yolos bit efficientnet "
    "mobilenet_v1 mobilenet_v2 data2vec-vision "
    "wav2vec2 hubert wavlm unispeech sew whisper audio-spectrogram-transformer speech_to_text "
    "camembert xlm-roberta-xl roberta-prelayernorm roc_bert splinter nomic_bert eurobert modernbert-decoder qwen3_moe olmoe deepseek_v2 deepseek_v3 granitemoe phimoe gpt_oss ernie4_5 "
    "helium jamba bamba falcon_mamba cohere2 glm4 exaone4 olmo3 arcee lfm2 dinov2_with_registers dinov3_vit hiera ijepa pvt_v2 swiftformer data2vec-audio wav2vec2-conformer sew-d"
).split()


class Texts(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, input_ids, attention_mask):
        return tensors(self.network(input_ids=input_ids, attention_mask=attention_mask))


class Bare(nn.Module):
    """Of a text whose words all count."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, input_ids):
        return tensors(self.network(input_ids=input_ids))


class Pairs(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, input_ids, attention_mask, decoder_input_ids):
        given = dict(input_ids=input_ids, attention_mask=attention_mask, decoder_input_ids=decoder_input_ids)
        return tensors(self.network(**given, use_cache=False))


class Other(nn.Module):
    """Of an image, a sound or its spectrum."""

    def __init__(self, network, name):
        super().__init__()
        self.network = network
        self.name = name

    def forward(self, x, decoder_input_ids=None):
        more = {} if decoder_input_ids is None else {"decoder_input_ids": decoder_input_ids, "use_cache": False}
        return tensors(self.network(**{self.name: x}, **more))


def is_setting(config, name, value):
    """Whether a configuration has a number of this name that may be another one."""
    if not hasattr(config, name) or not isinstance(getattr(config, name), (int, type(None))):
        return False
    try:
        setattr(config, name, value)
    except (AttributeError, NotImplementedError):
        return False
    return True


def configured(family):
    import transformers

    kind = transformers.CONFIG_MAPPING[family]
    default = kind()
    own = MORE.get(family, {})
    settings = {k: v for k, v in SMALL.items() if is_setting(default, k, v)}
    return kind(**{**settings, **own})


def made(family):
    import transformers

    config = configured(family)
    torch.manual_seed(0)
    network = transformers.AutoModel.from_config(config).eval()
    asked = inspect.signature(network.forward).parameters
    words = lambda n, m: {"input_ids": torch.randint(5, 500, (n, m)), "attention_mask": torch.tensor([[1] * m] + [[1] * (m - 3) + [0] * 3] * (n - 1))}
    free = {"input_ids": (0, 1), "attention_mask": (0, 1), "decoder_input_ids": (0, 1), "x": (0,)}
    name = network.main_input_name
    start = lambda n, m: {"decoder_input_ids": torch.randint(5, 500, (n, m))}
    if name == "input_ids" and "decoder_input_ids" in asked:
        pair = lambda n, m: {**words(n, m), **start(n, m - 4)}
        return Pairs(network), [pair(2, 12), pair(3, 8)], free
    if name == "input_ids" and "attention_mask" in asked:
        return Texts(network), [words(2, 12), words(3, 8)], free
    if name == "input_ids":
        bare = lambda n, m: {"input_ids": words(n, m)["input_ids"]}
        return Bare(network), [bare(2, 12), bare(3, 8)], free
    if name == "pixel_values":
        size = config.image_size if isinstance(getattr(config, "image_size", None), int) else 64
        image = lambda n: {"x": torch.randn(n, 3, size, size)}
        return Other(network, name), [image(2), image(3)], free
    if name == "input_values" and family != "audio-spectrogram-transformer":
        sound = lambda n, m: {"x": torch.randn(n, m)}
        long, short = (4000, 3200) if family.startswith("sew") else (800, 640)
        return Other(network, name), [sound(2, long), sound(3, short)], {"x": (0, 1)}
    shape = (40, 32) if family == "audio-spectrogram-transformer" else (16, 40) if family == "whisper" else (40, 80)
    spectrum = lambda n: {"x": torch.randn(n, *shape), **(start(n, 6) if "decoder_input_ids" in asked else {})}
    return Other(network, name), [spectrum(2), spectrum(3)], {"x": (0,), "decoder_input_ids": (0,)}


def networks():
    return [(family, lambda family=family: made(family)) for family in FAMILIES]
