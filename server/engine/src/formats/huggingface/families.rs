//! The families of models, by what their weights are called. All but T5 and ViT are one encoder: what differs between them are names,
//! where positions are counted from, and what stands behind the encoder.

use super::heads::{Head, Masked};
use crate::graph::Activation;

/// A family of text encoders whose layers are normalised behind their sums.
#[derive(Debug)]
pub struct Family {
    /// Values of `model_type`.
    pub types: &'static [&'static str],
    /// How names of classes begin.
    pub class: &'static [&'static str],
    /// How names of the encoder's weights begin where something stands behind it.
    pub prefix: &'static str,
    pub layer: LayerNames,
    pub positions: Positions,
    /// The product that widens embeddings, if there is one.
    pub widened: Option<&'static str>,
    /// Scores have a part that follows from distances.
    pub distances: bool,
    /// The product behind the first place of the encoder's result.
    pub pooler: Option<&'static str>,
    pub sequence: Head,
    pub masked: Masked,
    /// The activation where the file does not say.
    pub activation: &'static str,
}

/// Where positions are counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Positions {
    /// The first place is 0.
    Start,
    /// Only tokens count, from behind the number of the padding, which the padding has itself. None: the file says that number.
    Padding(Option<i64>),
}

/// What the weights of a layer are called behind its prefix.
#[derive(Debug)]
pub struct LayerNames {
    /// `{}` is the number of the layer; of layers in groups that of the group and that in the group.
    pub prefix: [&'static str; 3],
    pub query: &'static str,
    pub key: &'static str,
    pub value: &'static str,
    pub out: &'static str,
    pub first_norm: &'static str,
    pub up: &'static str,
    pub down: &'static str,
    pub second_norm: &'static str,
}

const BERT_LAYER: LayerNames = LayerNames {
    prefix: ["encoder.layer.", ".", ""],
    query: "attention.self.query",
    key: "attention.self.key",
    value: "attention.self.value",
    out: "attention.output.dense",
    first_norm: "attention.output.LayerNorm",
    up: "intermediate.dense",
    down: "output.dense",
    second_norm: "output.LayerNorm",
};

const BERT: Family = Family {
    types: &["bert"],
    class: &["Bert"],
    prefix: "bert.",
    layer: BERT_LAYER,
    positions: Positions::Start,
    widened: None,
    distances: false,
    pooler: Some("pooler.dense"),
    sequence: Head::Pooled("classifier"),
    masked: Masked {
        dense: "cls.predictions.transform.dense",
        activation: None,
        norm: "cls.predictions.transform.LayerNorm",
        words: "cls.predictions.decoder",
        bias: "cls.predictions.bias",
    },
    activation: "gelu",
};

const ROBERTA: Family = Family {
    types: &["roberta", "xlm-roberta", "camembert"],
    class: &["Roberta", "XLMRoberta", "Camembert"],
    prefix: "roberta.",
    positions: Positions::Padding(None),
    sequence: Head::Two {
        first: "classifier.dense",
        activation: Activation::Tanh,
        second: "classifier.out_proj",
    },
    masked: Masked {
        dense: "lm_head.dense",
        activation: Some(Activation::Gelu),
        norm: "lm_head.layer_norm",
        words: "lm_head.decoder",
        bias: "lm_head.bias",
    },
    ..BERT
};

const DISTILBERT: Family = Family {
    types: &["distilbert"],
    class: &["DistilBert"],
    prefix: "distilbert.",
    layer: LayerNames {
        prefix: ["transformer.layer.", ".", ""],
        query: "attention.q_lin",
        key: "attention.k_lin",
        value: "attention.v_lin",
        out: "attention.out_lin",
        first_norm: "sa_layer_norm",
        up: "ffn.lin1",
        down: "ffn.lin2",
        second_norm: "output_layer_norm",
    },
    pooler: None,
    sequence: Head::Two { first: "pre_classifier", activation: Activation::Relu, second: "classifier" },
    masked: Masked {
        dense: "vocab_transform",
        activation: None,
        norm: "vocab_layer_norm",
        words: "vocab_projector",
        bias: "vocab_projector.bias",
    },
    ..BERT
};

const ELECTRA: Family = Family {
    types: &["electra"],
    class: &["Electra"],
    prefix: "electra.",
    widened: Some("embeddings_project"),
    pooler: None,
    sequence: Head::Two {
        first: "classifier.dense",
        activation: Activation::Gelu,
        second: "classifier.out_proj",
    },
    masked: Masked {
        dense: "generator_predictions.dense",
        activation: Some(Activation::Gelu),
        norm: "generator_predictions.LayerNorm",
        words: "generator_lm_head",
        bias: "generator_lm_head.bias",
    },
    ..BERT
};

const ALBERT: Family = Family {
    types: &["albert"],
    class: &["Albert"],
    prefix: "albert.",
    layer: LayerNames {
        prefix: ["encoder.albert_layer_groups.", ".albert_layers.", "."],
        query: "attention.query",
        key: "attention.key",
        value: "attention.value",
        out: "attention.dense",
        first_norm: "attention.LayerNorm",
        up: "ffn",
        down: "ffn_output",
        second_norm: "full_layer_layer_norm",
    },
    widened: Some("encoder.embedding_hidden_mapping_in"),
    pooler: Some("pooler"),
    masked: Masked {
        dense: "predictions.dense",
        activation: None,
        norm: "predictions.LayerNorm",
        words: "predictions.decoder",
        bias: "predictions.bias",
    },
    activation: "gelu_new",
    ..BERT
};

const MPNET: Family = Family {
    types: &["mpnet"],
    class: &["MPNet"],
    prefix: "mpnet.",
    layer: LayerNames {
        query: "attention.attn.q",
        key: "attention.attn.k",
        value: "attention.attn.v",
        out: "attention.attn.o",
        first_norm: "attention.LayerNorm",
        ..BERT_LAYER
    },
    positions: Positions::Padding(Some(1)),
    distances: true,
    ..ROBERTA
};

/// All of them.
pub const FAMILIES: [&Family; 6] = [&BERT, &ROBERTA, &DISTILBERT, &ELECTRA, &ALBERT, &MPNET];

impl Family {
    /// How the names of a layer's weights begin.
    pub fn layer_prefix(&self, group: usize, inner: usize) -> String {
        let [before, between, behind] = self.layer.prefix;
        match behind {
            "" => format!("{before}{group}{between}"),
            _ => format!("{before}{group}{between}{inner}{behind}"),
        }
    }
}
