"""Networks of Transformers with heads, and those that see and read at once, as small as their configurations let them be."""

import torch
from torch import nn

from zoo import tensors
from zoo.language import MORE, SMALL, configured, is_setting

# A family and what stands on top of it.
HEADS = (
    "bert:SequenceClassification bert:QuestionAnswering bert:TokenClassification bert:MaskedLM distilbert:SequenceClassification roberta:SequenceClassification roberta:TokenClassification "
    "deberta-v2:SequenceClassification electra:SequenceClassification albert:QuestionAnswering xlm-roberta:SequenceClassification mpnet:SequenceClassification modernbert:SequenceClassification "
    "xlnet:SequenceClassification gpt2:CausalLM gpt2:SequenceClassification llama:CausalLM llama:SequenceClassification qwen2:CausalLM gemma2:CausalLM phi3:CausalLM mistral:SequenceClassification "
    "opt:CausalLM gpt_neox:CausalLM bloom:CausalLM falcon:CausalLM t5:Seq2SeqLM bart:Seq2SeqLM marian:Seq2SeqLM bart:SequenceClassification pegasus:Seq2SeqLM "
    "vit:ImageClassification deit:ImageClassification swin:ImageClassification convnext:ImageClassification resnet:ImageClassification dinov2:ImageClassification beit:ImageClassification "
    "segformer:SemanticSegmentation beit:SemanticSegmentation dpt:DepthEstimation glpn:DepthEstimation yolos:ObjectDetection mobilevit:ImageClassification "
    "wav2vec2:CTC hubert:CTC wav2vec2:AudioClassification wavlm:AudioClassification whisper:SpeechSeq2Seq audio-spectrogram-transformer:AudioClassification"
).split()


class Given(nn.Module):
    """A network by the names of its arguments."""

    def __init__(self, network):
        super().__init__()
        self.network = network


def given(network, case):
    """A network that takes the arguments of a case by their names, and gives tensors."""
    names = ", ".join(case)
    told = ", ".join(f"{name}={name}" for name in case)
    scope = {"tensors": tensors, "Given": Given}
    exec(f"class Named(Given):\n    def forward(self, {names}):\n        return tensors(self.network({told}))\n", scope)
    return scope["Named"](network)


def headed(family, head):
    import transformers

    from zoo import language

    torch.manual_seed(0)
    _, cases, free = language.made(family)
    config = configured(family)
    if head != "QuestionAnswering":
        config.num_labels = 5
    network = getattr(transformers, f"AutoModelFor{head}").from_config(config).eval()
    cases = [{network.main_input_name if name == "x" else name: value for name, value in case.items()} for case in cases]
    free = {network.main_input_name if name == "x" else name: axes for name, axes in free.items()}
    return given(network, cases[0]), cases, {name: axes for name, axes in free.items() if name in cases[0]}


def smaller(config):
    """Makes a configuration and those in it small."""
    for name, value in SMALL.items():
        is_setting(config, name, value)
    for name, value in MORE.get(config.model_type, {}).items():
        setattr(config, name, value)
    for inner in vars(config).values():
        if hasattr(inner, "model_type"):
            smaller(inner)
    return config


def words(n, m):
    return {"input_ids": torch.randint(5, 400, (n, m)), "attention_mask": torch.tensor([[1] * m] + [[1] * (m - 3) + [0] * 3] * (n - 1))}


def image(n, size=64):
    return {"pixel_values": torch.randn(n, 3, size, size)}


def boxed(n, m):
    corners = torch.randint(0, 30, (n, m, 2))
    return {**words(n, m), "bbox": torch.cat([corners, corners + 5], 2)}


def seen(family, case, settings=None, ends=(2, 3)):
    import transformers

    torch.manual_seed(0)
    config = smaller(transformers.CONFIG_MAPPING[family]())
    for name, value in (settings or {}).items():
        setattr(config, name, value)
    network = transformers.AutoModel.from_config(config).eval()
    cases = [case(n) for n in ends]
    return given(network, cases[0]), cases, {name: (0,) for name in cases[0]}


SEEN = {
    "clip": (lambda n: {**words(n, 12), **image(n)},), "siglip": (lambda n: {"input_ids": torch.randint(5, 400, (n, 12)), **image(n)},),
    "chinese_clip": (lambda n: {**words(n, 12), **image(n)},), "altclip": (lambda n: {**words(n, 12), **image(n)},), "blip": (lambda n: {**words(n, 12), **image(n)},),
    "vilt": (lambda n: {**words(n, 12), "token_type_ids": torch.zeros(n, 12).long(), **image(n)},), "layoutlmv3": (lambda n: {**boxed(n, 12), **image(n)}, {"input_size": 64, "max_2d_position_embeddings": 64, "coordinate_size": 8, "shape_size": 16}),
    "bros": (lambda n: {**words(n, 12), "bbox": torch.rand(n, 12, 8)},), "git": (lambda n: {**words(n, 12), **image(n)},), "groupvit": (lambda n: {**words(n, 12), **image(n, 224)},),
    "owlvit": (lambda n: {**words(n, 12), **image(n)},), "detr": (lambda n: image(n, 96), {"num_queries": 6}), "table-transformer": (lambda n: image(n, 96), {"num_queries": 6}),
    "conditional_detr": (lambda n: image(n, 96), {"num_queries": 6}), "vit_hybrid": (lambda n: image(n),), "videomae": (lambda n: {"pixel_values": torch.randn(n, 4, 3, 64, 64)}, {"num_frames": 4}),
    "timesformer": (lambda n: {"pixel_values": torch.randn(n, 4, 3, 64, 64)}, {"num_frames": 4}), "vivit": (lambda n: {"pixel_values": torch.randn(n, 4, 3, 64, 64)}, {"num_frames": 4, "tubelet_size": [2, 16, 16]}),
    "patchtst": (lambda n: {"past_values": torch.randn(n, 32, 1)},), "encodec": (lambda n: {"input_values": torch.randn(n, 1, 640)},),
}  # fmt: skip


def networks():
    for name in HEADS:
        yield name.replace(":", "-"), lambda name=name: headed(*name.split(":"))
    for family, how in SEEN.items():
        yield family, lambda family=family, how=how: seen(family, *how)
