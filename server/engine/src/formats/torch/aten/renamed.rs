//! Other names of operations, most of them those that exports break others into.

use super::super::arguments::Call;
use super::super::build::Builder;
use super::super::value::Val;
use super::Outcome;

pub fn lower(b: &mut Builder, c: &Call) -> Outcome {
    let Some((name, more)) = usual(&c.name) else { return Ok(None) };
    let mut made = super::lower(b, &Call { name: name.to_owned(), ..c.clone() })?;
    made.extend(vec![Val::None; more]);
    Ok(Some(made))
}

/// The usual name, and how many results there are beside those of what it names, which are for training.
fn usual(name: &str) -> Option<(&'static str, usize)> {
    Some(match name {
        "_aminmax" => ("aminmax", 0),
        "_stack" => ("stack", 0),
        "_logcumsumexp" => ("logcumsumexp", 0),
        "_euclidean_dist" => ("cdist", 0),
        "_int_mm" => ("mm", 0),
        "_is_all_true" => ("all", 0),
        "_is_any_true" => ("any", 0),
        "_neg_view" => ("neg", 0),
        "rrelu_with_noise" => ("rrelu_of_noise", 0),
        "rrelu_with_noise_functional" => ("rrelu_of_noise", 1),
        "log_sigmoid_forward" => ("log_sigmoid", 1),
        "nll_loss_forward" | "nll_loss2d_forward" => ("nll_loss", 1),
        "nll_loss2d" => ("nll_loss", 0),
        "fake_quantize_per_tensor_affine_cachemask" => ("fake_quantize_per_tensor_affine", 1),
        "fake_quantize_per_channel_affine_cachemask" => ("fake_quantize_per_channel_affine", 1),
        "_cast_Float" => ("float", 0),
        "_cast_Double" => ("double", 0),
        "_cast_Long" => ("long", 0),
        "special_exp2" => ("exp2", 0),
        "special_round" => ("round", 0),
        "special_psi" => ("digamma", 0),
        "row_stack" => ("vstack", 0),
        "linalg_matmul" => ("matmul", 0),
        "linalg_diagonal" => ("diagonal", 0),
        "matrix_H" | "mH" => ("mT", 0),
        _ => return None,
    })
}
