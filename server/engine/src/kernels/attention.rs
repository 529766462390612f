//! Attention: at once where the shapes are plain, else step by step as a model writes it.

use super::access::{make, output};
use super::threads::threads;
use super::vector::attention::{self as vector, Rows};
use super::{Outcome, Value, elements, fail};
use crate::EngineError;
use crate::graph::{Attention, Binary, Op};
use crate::value::Kind;

pub fn attention(a: &Attention, inputs: &[&Value]) -> Outcome {
    let ([q, k, v], rest) = inputs.split_first_chunk().ok_or_else(|| fail("attention lacks an input"))?;
    let mask =
        if a.mask { Some(*rest.first().ok_or_else(|| fail("attention lacks its mask"))?) } else { None };
    match at_once(a, [q, k, v], mask)? {
        Some(value) => Ok(value),
        None => step_by_step(a, [q, k, v], mask),
    }
}

/// The sizes of a value: batch, heads, places, width.
fn sizes(x: &Value, interleaved: bool) -> Option<[usize; 4]> {
    match *x.dims() {
        [batch, places, heads, width] if interleaved => Some([batch, heads, places, width]),
        [places, width] if !interleaved => Some([1, 1, places, width]),
        [heads, places, width] if !interleaved => Some([1, heads, places, width]),
        [batch, heads, places, width] if !interleaved => Some([batch, heads, places, width]),
        _ => None,
    }
}

/// Where the rows of a value lie.
fn rows<'a>(
    x: &'a Value,
    [_, heads, places, width]: [usize; 4],
    interleaved: bool,
) -> Result<Rows<'a>, EngineError> {
    let (head, row) = if interleaved { (width, heads * width) } else { (places * width, width) };
    Ok(Rows { data: x.slice()?, batch: places * heads * width, head, row })
}

/// None: shapes that are broadcast, or numbers of another type.
fn at_once(a: &Attention, qkv: [&Value; 3], mask: Option<&Value>) -> Result<Option<Value>, EngineError> {
    let [q, k, v] = qkv;
    if qkv.iter().any(|x| x.kind() != Kind::F32 || x.rank() != q.rank()) {
        return Ok(None);
    }
    let all = [sizes(q, a.interleaved), sizes(k, a.interleaved), sizes(v, a.interleaved)];
    let [Some(of_q), Some(of_k), Some(of_v)] = all else { return Ok(None) };
    let [batch, heads, queries, width] = of_q;
    let (keys, value_width) = (of_k[2], of_v[3]);
    let fits = of_k == [batch, heads, keys, width] && of_v == [batch, heads, keys, value_width];
    if !fits || of_q.contains(&0) || of_k.contains(&0) || value_width == 0 {
        return Ok(None);
    }
    let mask = match mask.map(|m| spread(m, q.rank(), [batch, heads, queries, keys])) {
        Some(None) => return Ok(None),
        Some(Some(rows)) => Some(rows),
        None => None,
    };
    let mut shape = q.dims().to_vec();
    if let Some(last) = shape.last_mut() {
        *last = value_width;
    }
    let mut out = output::<f32>(&shape)?;
    let sizes = vector::Attention { batch, heads, queries, keys, width, value_width, scale: a.scale, mask };
    let work = [heads, queries, keys, width + value_width].iter().fold(batch, |n, m| n.saturating_mul(*m));
    let to = vector::Steps::of([batch, heads, queries, value_width], a.interleaved);
    let [q, k, v] =
        [rows(q, of_q, a.interleaved)?, rows(k, of_k, a.interleaved)?, rows(v, of_v, a.interleaved)?];
    vector::attention(&sizes, [q, k, v], &mut out, to, threads(work));
    Ok(Some(Value::of(out, &shape)?))
}

/// The rows of a mask that is added to scores of such sizes, repeated where it has an extent of one; None: it widens the scores.
fn spread(mask: &Value, rank: usize, scores: [usize; 4]) -> Option<Rows<'_>> {
    let data = mask.slice::<f32>().ok()?;
    if mask.rank() > rank {
        return None;
    }
    let mut dims = [1; 4];
    dims[4 - mask.rank()..].copy_from_slice(mask.dims());
    let mut steps = [0; 4];
    let mut step = 1;
    for (n, extent) in dims.iter().enumerate().rev() {
        match *extent {
            1 if n < 3 => {}
            extent if extent == scores[n] => steps[n] = step,
            _ => return None,
        }
        step *= extent;
    }
    Some(Rows { data, batch: steps[0], head: steps[1], row: steps[2] })
}

/// Anything that the operations one after another can do.
fn step_by_step(a: &Attention, [q, k, v]: [&Value; 3], mask: Option<&Value>) -> Outcome {
    let one = |op: Op, inputs: &[&Value]| -> Outcome {
        super::run(&op, inputs)?.pop().ok_or_else(|| fail("an operation gave nothing"))
    };
    let turned = |x: &Value| {
        if a.interleaved && x.rank() != 4 {
            return Err(fail(format!("attention over a value of shape {:?}", x.dims())));
        }
        if a.interleaved { super::permute(x, &[0, 2, 1, 3]) } else { Ok(x.clone()) }
    };
    let (q, k, v) = (turned(q)?, turned(k)?, turned(v)?);
    let product = |transpose_b| Op::MatMul { transpose_a: false, transpose_b };
    let scale = match q.kind() {
        Kind::F64 => make(vec![f64::from(a.scale)], &[])?,
        _ => make(vec![a.scale], &[])?,
    };
    let mut scores = one(Op::Binary(Binary::Mul), &[&one(product(true), &[&q, &k])?, &scale])?;
    if let Some(mask) = mask {
        scores = one(Op::Binary(Binary::Add), &[&scores, mask])?;
    }
    elements(scores.dims())?;
    turned(&one(product(false), &[&one(Op::Softmax { log: false }, &[&scores])?, &v])?)
}

#[cfg(test)]
mod tests {
    use super::{at_once, attention, step_by_step};
    use crate::graph::Attention;
    use crate::value::Value;

    fn value(shape: &[usize]) -> Value {
        let count: usize = shape.iter().product();
        Value::of((0..count).map(|n| (n * 37 % 23) as f32 * 0.05).collect::<Vec<f32>>(), shape).unwrap()
    }

    #[test]
    fn at_once_is_as_step_by_step() {
        for (interleaved, mask, [q, k, v]) in [
            (true, Some(&[1, 1, 1, 4][..]), [&[2, 3, 5, 6][..], &[2, 4, 5, 6], &[2, 4, 5, 7]]),
            (true, Some(&[2, 1, 3, 4]), [&[2, 3, 5, 6], &[2, 4, 5, 6], &[2, 4, 5, 7]]),
            (true, Some(&[5, 1, 4]), [&[2, 3, 5, 6], &[2, 4, 5, 6], &[2, 4, 5, 7]]),
            (false, Some(&[3, 4]), [&[2, 5, 3, 6], &[2, 5, 4, 6], &[2, 5, 4, 7]]),
            (false, Some(&[4]), [&[5, 3, 6], &[5, 4, 6], &[5, 4, 7]]),
            (false, None, [&[3, 6], &[4, 6], &[4, 7]]),
        ] {
            let (mask, inputs) = (mask.map(value), [value(q), value(k), value(v)]);
            let a = Attention { scale: 0.5, mask: mask.is_some(), interleaved };
            let all = [&inputs[0], &inputs[1], &inputs[2]];
            let got = at_once(&a, all, mask.as_ref()).unwrap().expect("plain shapes");
            let right = step_by_step(&a, all, mask.as_ref()).unwrap();
            assert_eq!(got.dims(), right.dims());
            for (a, b) in got.slice::<f32>().unwrap().iter().zip(right.slice::<f32>().unwrap()) {
                assert!((a - b).abs() < 1e-5, "{a} and {b}");
            }
        }
    }

    #[test]
    fn other_shapes_go_step_by_step_or_are_errors() {
        let a = Attention { scale: 0.5, mask: false, interleaved: false };
        let (q, k, v) = (value(&[2, 3, 6]), value(&[1, 4, 6]), value(&[1, 4, 7]));
        assert_eq!(attention(&a, &[&q, &k, &v]).unwrap().dims(), [2, 3, 7]);
        assert!(attention(&a, &[&q, &k]).is_err());
        assert!(attention(&Attention { mask: true, ..a }, &[&q, &k, &v]).is_err());
        assert!(attention(&Attention { interleaved: true, ..a }, &[&q, &k, &v]).is_err());
        assert!(attention(&a, &[&q, &v, &v]).is_err());
    }
}
