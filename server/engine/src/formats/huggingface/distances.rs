//! Scores that follow from how far two places are from each other: distances fall into buckets, near ones each into their own, far ones
//! into ever wider ones.

use super::network::Network;
use crate::EngineError;
use crate::graph::{Binary, Op, ValueId};

/// What is added to the scores: [1, heads, places, places]; `rows` is the shape of the tokens.
pub fn bias(network: &mut Network<'_>, name: &str, rows: ValueId) -> Result<ValueId, EngineError> {
    let [buckets, farthest] = network.config.distances()?;
    let [rows_of_table, heads] = network.sizes(name)?;
    let broken = |what: String| EngineError::broken(format!("tensor {name:?}: {what}"));
    if rows_of_table != buckets || heads != network.config.heads()? {
        return Err(broken(format!("its shape is not [{buckets}, {}]", network.config.heads()?)));
    }
    let table = table(buckets, farthest).ok_or_else(|| broken(format!("{buckets} buckets are too few")))?;
    let b = &mut network.b;
    let table = b.ints(&table)?;
    let (zero, one, axis) = (b.int(0)?, b.int(1)?, b.int(0)?);
    let count = network.extents(rows, 1, 1)?;
    let b = &mut network.b;
    let count = b.add(Op::Squeeze(vec![0]), &[count])?;
    let places = b.add(Op::Range, &[zero, count, one])?;
    let (from, to) = (b.add(Op::ExpandDims, &[places, one])?, b.add(Op::ExpandDims, &[places, zero])?);
    let apart = b.binary(Binary::Sub, to, from)?;
    let (least, most) = (b.int(-(farthest as i64))?, b.int(farthest as i64)?);
    let apart = b.binary(Binary::Max, apart, least)?;
    let apart = b.binary(Binary::Min, apart, most)?;
    let apart = b.binary(Binary::Add, apart, most)?;
    let bucket = b.add(Op::Gather { batch_dims: 0 }, &[table, apart, axis])?;
    let scores = network.look_up(name, bucket)?;
    let b = &mut network.b;
    let turned = b.transpose(scores, &[2, 0, 1])?;
    b.add(Op::ExpandDims, &[turned, axis])
}

/// The bucket of each distance from the farthest before to the farthest behind.
fn table(buckets: usize, farthest: usize) -> Option<Vec<i64>> {
    let half = buckets / 2;
    let exact = half / 2;
    if exact == 0 || farthest <= exact {
        return None;
    }
    // In the precision in which it was trained: a logarithm next to a whole number falls into one bucket or the other.
    let bucket = |distance: usize| {
        if distance < exact {
            return distance;
        }
        let (one, all) = (distance as f32 / exact as f32, farthest as f64 / exact as f64);
        let place = one.ln() / all.ln() as f32 * (half - exact) as f32;
        (exact + place as usize).min(half - 1)
    };
    let before = (1..=farthest).rev().map(bucket);
    let behind = (1..=farthest).map(|n| half + bucket(n));
    Some(before.chain([0]).chain(behind).map(|n| n as i64).collect())
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn near_distances_have_buckets_of_their_own_and_far_ones_share_them() {
        let all = table(32, 128).unwrap();
        let at = |distance: i64| all[usize::try_from(128 + distance).unwrap()];
        assert_eq!([at(0), at(-1), at(-7), at(1), at(7)], [0, 1, 7, 17, 23]);
        // As T5's own arithmetic has them.
        assert_eq!(
            [at(-8), at(-11), at(-12), at(-16), at(-23), at(-64), at(-128)],
            [8, 8, 9, 10, 11, 14, 15]
        );
        assert_eq!([at(8), at(127), at(128)], [24, 31, 31]);
        assert_eq!(table(3, 128), None);
        assert_eq!(table(32, 4), None);
    }
}
