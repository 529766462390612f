#!/usr/bin/env python3
"""Makes the fixtures of the Hugging Face test: small random models of each class, tokenizers trained on a few sentences, and what
transformers answers for them.

    python3 -m venv venv && venv/bin/pip install torch transformers tokenizers safetensors
    venv/bin/python make.py                # all, beside this file
    venv/bin/python make.py DIR SEED       # others, for BERTH_HUGGINGFACE=DIR

A directory holds `cases.json` and the model's own directory. Everything is seeded.
"""

import base64
import json
import shutil
import sys
import warnings
from pathlib import Path

import torch
import transformers as tf
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

warnings.filterwarnings("ignore")
tf.utils.logging.set_verbosity_error()
tf.utils.logging.disable_progress_bar()
HERE = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else 0

SENTENCES = [
    "the cat sat on the mat and looked at the dog",
    "a dog ran after the cat, but the cat was faster!",
    "It rains in Spain; the plains are wet. Where is my umbrella?",
    "models answer questions about sentences, words and pieces of words",
    "Größe, naïve café, façade: letters with marks",
    "numbers like 1, 22, 333 and 4444 are words too",
]
SHORT = ["the cat sat", "Where is my umbrella? It rains!"]
TEXTS = ["the dog looked at naïve café words", "", "漢字 and \U0001f600 Größe 22", "  spaces\tand\nlines  "]
LONG = ["the cat and the dog " * 20, "a mat"]
WORDS = 110


def wordpiece():
    t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer(lowercase=True)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    t.train_from_iterator(SENTENCES, trainers.WordPieceTrainer(vocab_size=WORDS, special_tokens=special, show_progress=False))
    t.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    t.decoder = decoders.WordPiece()
    return t, dict(pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]")


def byte_pairs():
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=special, initial_alphabet=alphabet, show_progress=False)
    t.train_from_iterator(SENTENCES, trainer)
    t.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False)
    return t, dict(pad_token="<pad>", unk_token="<unk>", cls_token="<s>", sep_token="</s>", mask_token="<mask>")


def unigram(first, template):
    t = Tokenizer(models.Unigram())
    t.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace("  ", " ")])
    t.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=WORDS, special_tokens=first, unk_token="<unk>", show_progress=False)
    t.train_from_iterator(SENTENCES, trainer)
    numbers = [(token, t.token_to_id(token)) for token in ("<s>", "</s>") if f"{token}" in template[1]]
    t.post_processor = processors.TemplateProcessing(single=template[0], pair=template[1], special_tokens=numbers)
    return t, dict(pad_token="<pad>", unk_token="<unk>", eos_token="</s>")


def xlm():
    return unigram(["<s>", "<pad>", "</s>", "<unk>"], ["<s> $A </s>", "<s> $A </s> </s> $B </s>"])


def t5_words():
    return unigram(["<pad>", "</s>", "<unk>"], ["$A </s>", "$A </s> $B </s>"])


def numbers(tensor):
    if tensor.is_floating_point():
        bits = tensor.float().contiguous().numpy().tobytes()
        return {"shape": list(tensor.shape), "floats": base64.b64encode(bits).decode()}
    return {"shape": list(tensor.shape), "values": tensor.reshape(-1).tolist()}


def shake(model):
    """Larger weights than those that training begins with, so that what is computed wrong is seen."""
    g = torch.Generator().manual_seed(SEED + 1)
    with torch.no_grad():
        for p in model.parameters():
            noise = torch.randn(p.shape, generator=g)
            p.copy_(noise * 0.15 + (1 if p.dim() == 1 and p.mean() == 1 else 0))


def kept(outputs, model):
    """The answers, with what the server adds to those of classifiers."""
    found = {k: v for k, v in outputs.items() if isinstance(v, torch.Tensor)}
    logits = found.get("logits")
    is_classifier = type(model).__name__.endswith(("ForSequenceClassification", "ForImageClassification"))
    answers = {k: numbers(v) for k, v in found.items()}
    if is_classifier and logits.shape[-1] > 1:
        if model.config.problem_type == "multi_label_classification":
            answers["probabilities"] = numbers(logits.sigmoid())
        else:
            answers["probabilities"] = numbers(logits.softmax(-1))
            answers["label"] = {"texts": [model.config.id2label[n] for n in logits.argmax(-1).tolist()]}
    return answers


def write(name, model, tokenizer, pairs=None, dtype=None, pooled=None, settings=None, **more):
    """Saves a model, and asks it."""
    shake(model)
    out = HERE / name
    shutil.rmtree(out, ignore_errors=True)
    path = out / "model"
    # What is answered is what the saved weights say.
    (model.to(dtype) if dtype else model).save_pretrained(path, **more)
    model = model.float().eval()
    made, special = tokenizer
    fast = tf.PreTrainedTokenizerFast(tokenizer_object=made, model_max_length=24, **special, **(settings or {}))
    fast.save_pretrained(path)
    words = json.loads((path / "tokenizer.json").read_text())
    (path / "tokenizer.json").write_text(json.dumps(words, ensure_ascii=False, separators=(",", ":")))
    takes_types = model.config.model_type in ("bert", "electra", "albert")
    answer = pooled or (lambda model, inputs: kept(model(**inputs), model))
    cases = []

    def ask(signature, given, inputs):
        inputs = {k: v for k, v in inputs.items() if k != "token_type_ids" or takes_types}
        with torch.no_grad():
            cases.append({"signature": signature, "inputs": given(inputs), "outputs": answer(model, inputs)})

    is_question = pairs == "question"
    encode = lambda *texts: fast(*texts, padding=True, truncation="only_second" if is_question else True, return_tensors="pt", return_token_type_ids=True)
    wide = type(model) is tf.BertModel
    is_masked = type(model).__name__.endswith("MaskedLM")
    batches = [SHORT, TEXTS, LONG] if wide or pooled else [TEXTS[:3], LONG]
    if is_masked:
        batches = [["a cat", ""]]
    if not is_question:
        for texts in batches:
            ask("serving_default", lambda _, t=texts: {"text": {"texts": t}}, encode(texts))
    if pairs:
        a, b = ("question", "context") if is_question else ("text", "text_pair")
        firsts, seconds = ["a dog", "Where is the umbrella?"], ["the dog ran after the mat " * (3 if is_question else 8), "Spain"]
        given = lambda _: {a: {"texts": firsts}, b: {"texts": seconds}}
        ask("serving_default" if is_question else "pairs", given, encode(firsts, seconds))
    tokens = encode(["a", "cat"], ["the cat", "a"]) if is_question else encode(SHORT[:1] if is_masked else SHORT)
    ask("tokens", lambda inputs: {k: numbers(v) for k, v in inputs.items()}, tokens)
    (out / "cases.json").write_text(json.dumps(cases, ensure_ascii=False, separators=(",", ":")))
    return path


def sizes(words, **more):
    own = dict(vocab_size=words, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=21)
    return own | dict(max_position_embeddings=32) | more


# Those of the encoders alone.
WIDE = dict(hidden_size=32, num_attention_heads=4, intermediate_size=37)


def distil(words, **more):
    own = dict(vocab_size=words, dim=16, n_layers=2, n_heads=2, hidden_dim=21, max_position_embeddings=32)
    return tf.DistilBertConfig(**own | more)


def t5(**more):
    own = dict(vocab_size=WORDS + 8, d_model=16, d_kv=6, d_ff=21, num_layers=2, num_heads=4)
    return tf.T5Config(**own, relative_attention_num_buckets=8, relative_attention_max_distance=12, **more)


LABELS = dict(id2label={0: "cat", 1: "dog", 2: "neither"}, label2id={"cat": 0, "dog": 1, "neither": 2})
HALF, BRAIN = torch.float16, torch.bfloat16


def bert():
    words = wordpiece()
    n = words[0].get_vocab_size()
    config = lambda **more: tf.BertConfig(**sizes(n, **more))
    write("bert-base", tf.BertModel(config(**WIDE)), words)
    write("bert-no-pooler", tf.BertModel(config(hidden_act="gelu_new"), add_pooling_layer=False), words, dtype=BRAIN, settings={"padding_side": "left"})
    write("bert-sequence", tf.BertForSequenceClassification(config(**LABELS)), words, "pairs", HALF)
    multi = dict(num_labels=4, problem_type="multi_label_classification", hidden_act="relu")
    write("bert-many", tf.BertForSequenceClassification(config(**multi)), words, dtype=HALF, settings={"truncation_side": "left"})
    write("bert-number", tf.BertForSequenceClassification(config(num_labels=1)), words, dtype=HALF)
    write("bert-token", tf.BertForTokenClassification(config(num_labels=5)), words, dtype=HALF)
    write("bert-masked", tf.BertForMaskedLM(config()), words, dtype=HALF)
    write("bert-question", tf.BertForQuestionAnswering(config()), words, "question", HALF)
    write("bert-parts", tf.BertModel(config()), words, dtype=HALF, max_shard_size="12KB")
    older = write("bert-older", tf.BertForSequenceClassification(config()), words, "pairs", HALF)
    named = load_file(older / "model.safetensors")
    old = lambda k: k.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
    save_file({old(k): v for k, v in named.items()}, older / "model.safetensors")


def others():
    words, pairs, pieces = wordpiece(), byte_pairs(), xlm()
    n, p, q = (t[0].get_vocab_size() for t in (words, pairs, pieces))
    write("distilbert-base", tf.DistilBertModel(distil(n, dim=32, n_heads=4)), words, dtype=HALF)
    write("distilbert-sequence", tf.DistilBertForSequenceClassification(distil(n, num_labels=2)), words, "pairs")
    write("distilbert-token", tf.DistilBertForTokenClassification(distil(n, num_labels=3)), words, dtype=HALF)
    write("distilbert-masked", tf.DistilBertForMaskedLM(distil(n)), words, dtype=BRAIN)
    write("distilbert-question", tf.DistilBertForQuestionAnswering(distil(n)), words, "question", HALF)
    roberta = lambda n, **more: tf.RobertaConfig(**sizes(n, type_vocab_size=1, layer_norm_eps=1e-5, **more))
    write("roberta-base", tf.RobertaModel(roberta(p, **WIDE)), pairs, dtype=HALF)
    write("roberta-sequence", tf.RobertaForSequenceClassification(roberta(p, **LABELS)), pairs, "pairs", HALF)
    write("roberta-token", tf.RobertaForTokenClassification(roberta(p, num_labels=3)), pairs, dtype=HALF)
    write("roberta-masked", tf.RobertaForMaskedLM(roberta(p)), pairs, dtype=HALF)
    write("roberta-question", tf.RobertaForQuestionAnswering(roberta(p)), pairs, "question", HALF)
    across = tf.XLMRobertaConfig(**sizes(q, type_vocab_size=1), num_labels=3)
    write("xlm-roberta", tf.XLMRobertaForSequenceClassification(across), pieces, dtype=HALF)
    electra = lambda **more: tf.ElectraConfig(**sizes(n, embedding_size=12), **more)
    write("electra-sequence", tf.ElectraForSequenceClassification(electra(num_labels=2)), words, "pairs", HALF)
    write("electra-masked", tf.ElectraForMaskedLM(electra()), words, dtype=HALF)
    grouped = dict(num_hidden_groups=2, inner_group_num=2, num_hidden_layers=4)
    albert = lambda **more: tf.AlbertConfig(**sizes(n, embedding_size=12, **grouped), **more)
    write("albert-sequence", tf.AlbertForSequenceClassification(albert()), words, dtype=HALF)
    write("albert-masked", tf.AlbertForMaskedLM(albert()), words, dtype=HALF)
    mpnet = lambda **more: tf.MPNetConfig(**sizes(p), **more)
    write("mpnet-base", tf.MPNetModel(mpnet()), pairs, dtype=HALF)
    write("mpnet-sequence", tf.MPNetForSequenceClassification(mpnet()), pairs, dtype=HALF)
    write("t5-plain", tf.T5EncoderModel(t5()), t5_words(), dtype=HALF)
    write("t5-gated", tf.T5EncoderModel(t5(feed_forward_proj="gated-gelu")), t5_words(), dtype=HALF)


def pictures():
    config = dict(**WIDE, num_hidden_layers=2, image_size=[12, 8], patch_size=4)
    for name, kind, more in [("vit-base", tf.ViTModel, {}), ("vit-labels", tf.ViTForImageClassification, LABELS)]:
        model = kind(tf.ViTConfig(**config, **more))
        shake(model)
        out = HERE / name
        shutil.rmtree(out, ignore_errors=True)
        model.half().save_pretrained(out / "model")
        model = model.float().eval()
        pixels = torch.randn((2, 3, 12, 8), generator=torch.Generator().manual_seed(SEED))
        with torch.no_grad():
            outputs = kept(model(pixel_values=pixels), model)
        case = {"signature": "serving_default", "inputs": {"pixel_values": numbers(pixels)}, "outputs": outputs}
        (out / "cases.json").write_text(json.dumps([case], separators=(",", ":")))


def mean(x, mask, root=False):
    wide = mask[..., None].float()
    count = wide.sum(1).clamp(min=1e-9)
    return (x * wide).sum(1) / (count.sqrt() if root else count)


def sentences():
    """What sentence-transformers puts behind an encoder."""
    words = wordpiece()
    modules = [["", "Transformer"], ["1_Pooling", "Pooling"], ["2_Normalize", "Normalize"]]
    write_modules = lambda path, modules: (path / "modules.json").write_text(
        json.dumps([{"idx": n, "name": str(n), "path": p, "type": f"sentence_transformers.models.{k}"} for n, (p, k) in enumerate(modules)])
    )
    settings = lambda path, name, **told: ((path / name).mkdir(), (path / name / "config.json").write_text(json.dumps(told)))

    def plain(model, inputs):
        x = mean(model(**inputs).last_hidden_state, inputs["attention_mask"])
        return {"sentence_embedding": numbers(torch.nn.functional.normalize(x, dim=1))}

    config = tf.BertConfig(**sizes(words[0].get_vocab_size()))
    path = write("sentence-mean", tf.BertModel(config), words, dtype=HALF, pooled=plain)
    write_modules(path, modules)
    settings(path, "1_Pooling", word_embedding_dimension=16, pooling_mode_cls_token=False, pooling_mode_mean_tokens=True)
    (path / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 24, "do_lower_case": False}))

    dense = torch.nn.Linear(48, 10)
    shake(dense)

    def many(model, inputs):
        mask, x = inputs["attention_mask"], model(**inputs).last_hidden_state
        most = x.masked_fill(mask[..., None] == 0, -1e9).max(1).values
        return {"sentence_embedding": numbers(torch.tanh(dense(torch.cat([x[:, 0], most, mean(x, mask, True)], 1))))}

    path = write("sentence-dense", tf.DistilBertModel(distil(words[0].get_vocab_size())), words, dtype=HALF, pooled=many)
    write_modules(path, modules[:2] + [["2_Dense", "Dense"]])
    settings(path, "1_Pooling", pooling_mode_cls_token=True, pooling_mode_max_tokens=True, pooling_mode_mean_sqrt_len_tokens=True)
    settings(path, "2_Dense", in_features=48, out_features=10, bias=True, activation_function="torch.nn.modules.activation.Tanh")
    save_file({f"linear.{k}": v for k, v in dense.state_dict().items()}, path / "2_Dense" / "model.safetensors")


torch.manual_seed(SEED)
HERE.mkdir(exist_ok=True, parents=True)
bert()
others()
pictures()
sentences()
