//! The steps of a plan in words.

use super::infer::Extents;
use super::step::{Source, Step};
use crate::graph::{Binary, Chain, Link, Masks, Op, Operand, Rare};
use crate::report::{Operation, Read};
use crate::value::Value;

/// Longest description of one operation's attributes.
const LONGEST: usize = 160;

/// Where a value comes from.
pub fn read(source: &Source) -> Read {
    match source {
        Source::Slot(slot) => Read::Value(*slot),
        Source::Constant(value) => Read::Constant(value.dims().to_vec()),
        Source::Elsewhere(dims) => Read::Constant(dims.clone()),
    }
}

/// A step, for people.
pub fn operation(step: &Step, shape: Option<&Extents>) -> Operation {
    Operation {
        outputs: step.outputs.clone(),
        shape: shape.cloned(),
        operation: step.title(),
        inputs: step.inputs.iter().map(read).collect(),
        constant_bytes: step.buffers().iter().map(|(_, bytes)| bytes).sum(),
        node: step.name.clone(),
        place: None,
    }
}

/// An operation with what decides it.
pub fn title(op: &Op) -> String {
    match op {
        Op::Unary(f) => format!("{f:?}"),
        Op::Binary(f) => format!("{f:?}"),
        Op::Compare(f) => format!("{f:?}"),
        Op::Activate(f) => format!("{f:?}"),
        Op::Reduce { kind, keep } => format!("Reduce{kind:?}{}", if *keep { " keeping axes" } else { "" }),
        Op::Chain(chain) => chain_title(chain),
        Op::Lookup(table) => format!("Lookup of {} keys", table.len()),
        Op::Pool(pool) => {
            let kind = if pool.max { "MaxPool" } else { "AveragePool" };
            let ([height, width], [down, right]) = (pool.window, pool.strides);
            format!("{kind} {height}x{width} stride {down}x{right} {:?}", pool.padding)
        }
        Op::Softmax { log } => if *log { "LogSoftmax" } else { "Softmax" }.to_owned(),
        Op::MatMul { transpose_a, transpose_b } => {
            let side = |name: &str, transposed: bool| format!("{name}{}", if transposed { "ᵀ" } else { "" });
            format!("MatMul {} {}", side("a", *transpose_a), side("b", *transpose_b))
        }
        Op::StridedSlice(masks) if *masks == Masks::default() => "StridedSlice".to_owned(),
        Op::Forest(forest) => format!("{forest:?}"),
        Op::CutForest(forest) => format!("{forest:?}"),
        Op::Neighbours(index) => format!("{index:?}"),
        Op::Text(text) => short(&format!("{text:?}")),
        Op::Rare(rare) => match &**rare {
            Rare::Image(image) => short(&format!("{image:?}")),
            rare => short(&format!("{rare:?}")),
        },
        op => short(&format!("{op:?}")),
    }
}

fn short(text: &str) -> String {
    let cut = text.char_indices().nth(LONGEST).map_or(text.len(), |(at, _)| at);
    let more = if cut < text.len() { "…" } else { "" };
    format!("{}{more}", &text[..cut])
}

/// A chain as a formula: its inputs are a, b, c…
fn chain_title(chain: &Chain) -> String {
    let mut formulas: Vec<String> = Vec::new();
    for link in &chain.links {
        let operand = |o: Operand| match o {
            Operand::Input(n) => letter(n),
            Operand::Link(n) => formulas.get(n).cloned().unwrap_or_else(|| "?".to_owned()),
        };
        let formula = match *link {
            Link::Unary(f, a) => format!("{f:?}({})", operand(a)),
            Link::Activate(f, a) => format!("{f:?}({})", operand(a)),
            Link::Binary(f, a, b) => match sign(f) {
                Some(sign) => format!("({} {sign} {})", operand(a), operand(b)),
                None => format!("{f:?}({}, {})", operand(a), operand(b)),
            },
        };
        // A link that is used twice would double the text each time.
        formulas.push(short(&formula));
    }
    format!("Chain {}", formulas.last().map_or("", String::as_str))
}

fn letter(input: usize) -> String {
    match u8::try_from(input).ok().filter(|n| *n < 26) {
        Some(n) => char::from(b'a' + n).to_string(),
        None => format!("x{input}"),
    }
}

fn sign(f: Binary) -> Option<&'static str> {
    Some(match f {
        Binary::Add => "+",
        Binary::Sub => "-",
        Binary::Mul => "*",
        Binary::Div => "/",
        _ => return None,
    })
}

/// Floating-point operations of a step, as far as they can be counted: a multiplication and an addition are two.
pub fn flops(step: &Step, inputs: &[&Value], outputs: &[Value]) -> u64 {
    let made = outputs.iter().map(|v| v.elem_count() as u64).sum::<u64>();
    if let Some(product) = step.product() {
        return made.saturating_mul(2 * product.multiplications() as u64);
    }
    let read = inputs.first().map_or(0, |x| x.elem_count() as u64);
    match step.op() {
        Some(Op::MatMul { transpose_a, .. }) => {
            let inner = inputs.first().map_or(&[][..], |a| a.dims()).iter().rev();
            let inner = inner.copied().nth(usize::from(*transpose_a)).unwrap_or(0);
            made.saturating_mul(2 * inner as u64)
        }
        Some(Op::Dense(_) | Op::Conv(_)) => {
            let filter = inputs.get(1).map_or(&[][..], |w| w.dims());
            let inner: usize = filter.iter().rev().skip(1).product();
            made.saturating_mul(2 * inner as u64)
        }
        Some(Op::ConvTranspose(_)) => {
            let filter = inputs.get(1).map_or(&[][..], |w| w.dims());
            let each: usize = filter.iter().take(3).product();
            inputs.get(2).map_or(0, |x| x.elem_count() as u64).saturating_mul(2 * each as u64)
        }
        Some(Op::Pool(pool)) => made.saturating_mul((pool.window[0] * pool.window[1]) as u64),
        Some(Op::Chain(chain)) => made.saturating_mul(chain.links.len() as u64),
        Some(Op::Unary(_) | Op::Binary(_) | Op::Activate(_) | Op::Compare(_)) => made,
        Some(Op::Reduce { .. }) => read,
        Some(Op::Softmax { .. }) => read.saturating_mul(4),
        _ => 0,
    }
}
