//! What objectives make of the sum of trees, and of where it begins.

use crate::EngineError;

/// From sums (margins) to answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transform {
    /// As they are.
    Identity,
    /// `1 / (1 + exp(-x))`
    Sigmoid,
    /// `exp(x)`
    Exp,
    /// 1 above zero.
    Step,
    /// The class with the largest sum.
    Argmax,
    /// A probability for each class.
    Softmax,
}

/// An objective.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meaning {
    pub transform: Transform,
    /// How a base score becomes a margin.
    pub link: Link,
}

/// From the space of answers to that of margins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    Identity,
    Logit,
    Log,
}

impl Link {
    /// The margin of a base score.
    pub fn margin(self, score: f32) -> Result<f32, EngineError> {
        match self {
            Self::Identity => Ok(score),
            Self::Logit if score > 0.0 && score < 1.0 => Ok(-(1.0 / score - 1.0).ln()),
            Self::Log if score > 0.0 => Ok(score.ln()),
            _ => Err(EngineError::broken(format!("base_score {score} is none of the objective's answers"))),
        }
    }
}

/// What a built-in objective means; none: it is not one.
pub fn meaning(name: &str) -> Option<Meaning> {
    let (transform, link) = match name {
        "reg:squarederror"
        | "reg:linear"
        | "reg:squaredlogerror"
        | "reg:absoluteerror"
        | "reg:quantileerror"
        | "reg:pseudohubererror"
        | "rank:pairwise"
        | "rank:ndcg"
        | "rank:map"
        | "binary:logitraw" => (Transform::Identity, Link::Identity),
        "reg:logistic" | "binary:logistic" => (Transform::Sigmoid, Link::Logit),
        "binary:hinge" => (Transform::Step, Link::Identity),
        "count:poisson" | "reg:gamma" | "reg:tweedie" | "survival:cox" | "survival:aft" => {
            (Transform::Exp, Link::Log)
        }
        "multi:softmax" => (Transform::Argmax, Link::Identity),
        "multi:softprob" => (Transform::Softmax, Link::Identity),
        _ => return None,
    };
    Some(Meaning { transform, link })
}
