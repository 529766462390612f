//! Features as B-splines. Between two knots a spline is a polynomial: what it is there is looked up, and all features are computed
//! at once.

use super::builder::{Builder, Columns};
use super::columns;
use super::estimator::{Answer, Family, Lowered, Method, no_such};
use crate::formats::pickle::View;
use crate::graph::{Binary, Compare, Learning, Op, Reduce, ValueId};
use crate::{DType, EngineError};

/// Degree of the polynomials.
const HIGHEST: usize = 16;
/// Coefficients of one model.
const MOST: usize = 1 << 24;

pub const SPLINES: Family = Family {
    classes: &["SplineTransformer"],
    methods: |_| Ok(vec![Method::Transform]),
    lower: |to, of, x, method| {
        if method != Method::Transform {
            return Err(no_such(of, method));
        }
        splines(to, of, x)
    },
};

/// The knots of each feature, as many of each.
struct Knots {
    all: Vec<Vec<f64>>,
    degree: usize,
}

/// The knots of an object: the newest versions of SciPy have another name for them.
fn named(of: View<'_>) -> Option<View<'_>> {
    of.find("t").or_else(|| of.find("_t"))
}

impl Knots {
    fn of(of: View<'_>) -> Result<Self, EngineError> {
        let degree = of.get("degree")?.size()?;
        if degree > HIGHEST {
            return Err(EngineError::broken(format!("splines of degree {degree}; up to {HIGHEST} are read")));
        }
        let mut all = Vec::new();
        for spline in of.get("bsplines_")?.items() {
            // Newer versions of SciPy keep them in an object within.
            let parts = || spline.state().map_or_else(Vec::new, View::items);
            let knots = named(spline).or_else(|| parts().into_iter().find_map(named));
            let knots = knots.ok_or_else(|| EngineError::broken("a spline has no knots"))?;
            all.push(knots.array()?.floats()?);
        }
        let count = all.first().map_or(0, Vec::len);
        let coefficients =
            count.checked_mul((degree + 1) * (degree + 1)).and_then(|n| n.checked_mul(all.len()));
        if count < 2 * degree + 2 || all.iter().any(|knots| knots.len() != count) {
            return Err(EngineError::broken("splines of too few knots, or of other numbers of them"));
        }
        if coefficients.is_none_or(|n| n > MOST) {
            return Err(EngineError::broken(format!("splines of {} features with {count} knots", all.len())));
        }
        Ok(Self { all, degree })
    }

    /// Knots where splines begin that are whole: as many intervals.
    fn intervals(&self) -> usize {
        self.all[0].len() - 2 * self.degree - 1
    }

    /// A knot of each feature.
    fn at(&self, n: usize) -> Vec<f64> {
        self.all.iter().map(|knots| knots[n]).collect()
    }

    /// Of each feature and interval, coefficients of this power of the distance from the interval's first knot, of all splines that
    /// are not nothing there.
    fn coefficients(&self) -> Vec<Vec<f64>> {
        let mut powers = vec![Vec::new(); self.degree + 1];
        for knots in &self.all {
            for interval in self.degree..self.degree + self.intervals() {
                for spline in pieces(knots, self.degree, interval) {
                    powers.iter_mut().zip(spline).for_each(|(all, c)| all.push(c));
                }
            }
        }
        powers
    }
}

/// The splines that are not nothing from this knot to the next, as polynomials of the distance from it (de Boor 1978, chapter X).
fn pieces(knots: &[f64], degree: usize, interval: usize) -> Vec<Vec<f64>> {
    let origin = knots[interval];
    let mut all = vec![vec![0.0; degree + 1]; degree + 1];
    all[0][0] = 1.0;
    for order in 1..=degree {
        let lower = all.clone();
        all[0].fill(0.0);
        for n in 1..=order {
            let (right, left) = (knots[interval + n], knots[interval + n - order]);
            all[n].fill(0.0);
            // Knots on one place have nothing between them.
            if right == left {
                continue;
            }
            for power in 0..=degree {
                let share = lower[n - 1][power] / (right - left);
                let below = if power == 0 { 0.0 } else { lower[n - 1][power - 1] / (right - left) };
                all[n - 1][power] += share * (right - origin) - below;
                all[n][power] += share * (origin - left) + below;
            }
        }
    }
    all
}

fn splines(to: &mut Builder<'_>, of: View<'_>, x: &Columns) -> Lowered {
    let knots = Knots::of(of)?;
    let (width, degree) = (knots.all.len(), knots.degree);
    let beyond = of.word("extrapolation").unwrap_or("constant");
    let given = columns::numbers(to, x, width)?;
    let missing = match of.word("handle_missing") {
        Some("zeros") => Some(columns::is_nan(to, given)?),
        _ => None,
    };
    let (first, last) = (knots.at(degree), knots.at(degree + knots.intervals()));
    let x = match beyond {
        "continue" => given,
        "periodic" => periodic(to, given, first, &last)?,
        "error" => {
            let (first, last) = (to.row(first)?, to.row(last)?);
            to.learning(Learning::Between("SplineTransformer".into()), &[given, first, last])?
        }
        // scikit-learn itself mixes up the knots of all features but the first.
        "linear" if degree < 2 && width > 1 => {
            return Err(EngineError::broken("linear extrapolation of splines of a degree below 2"));
        }
        "constant" if degree == 0 => {
            return Err(EngineError::broken("constant extrapolation of splines of degree 0"));
        }
        "constant" | "linear" => clipped(to, given, first, last)?,
        other => return Err(EngineError::broken(format!("splines with extrapolation {other:?}"))),
    };
    let (place, mut values, slopes) = local(to, &knots, x, beyond == "linear")?;
    if let Some(slopes) = slopes {
        let over = to.binary(Binary::Sub, given, x)?;
        let over = to.expand(over, 2)?;
        let more = to.binary(Binary::Mul, slopes, over)?;
        values = to.binary(Binary::Add, values, more)?;
    }
    if let Some(missing) = missing {
        let (missing, zero) = (to.expand(missing, 2)?, to.number(0.0)?);
        values = to.select(missing, zero, values)?;
    }
    // The last splines of a period are its first ones again.
    let count = knots.intervals() + if beyond == "periodic" { 0 } else { degree };
    let all = placed(to, place, values, [degree + 1, count])?;
    let bias = of.find("include_bias").map_or(Ok(true), View::bool)?;
    flattened(to, all, [width, count, if bias { count } else { count - 1 }])
}

/// Within the period from one knot to another.
fn periodic(to: &mut Builder<'_>, x: ValueId, first: Vec<f64>, last: &[f64]) -> Result<ValueId, EngineError> {
    let period = first.iter().zip(last).map(|(first, last)| last - first).collect();
    let over = to.with_row(Binary::Sub, x, first.clone())?;
    let over = to.with_row(Binary::FloorMod, over, period)?;
    to.with_row(Binary::Add, over, first)
}

/// No further than from one knot to another; what is no number stays so.
fn clipped(
    to: &mut Builder<'_>,
    x: ValueId,
    first: Vec<f64>,
    last: Vec<f64>,
) -> Result<ValueId, EngineError> {
    let (first, last) = (to.row(first)?, to.row(last)?);
    let below = to.compare(Compare::Less, x, first)?;
    let x = to.select(below, first, x)?;
    let above = to.compare(Compare::Greater, x, last)?;
    to.select(above, last, x)
}

/// In which interval each value is [rows, width], the values there of the splines that are not nothing [rows, width, degree + 1], and
/// their slopes.
fn local(
    to: &mut Builder<'_>,
    knots: &Knots,
    x: ValueId,
    slopes: bool,
) -> Result<(ValueId, ValueId, Option<ValueId>), EngineError> {
    let (width, degree, intervals) = (knots.all.len(), knots.degree, knots.intervals());
    let begins = |knots: &[f64]| knots[degree..degree + intervals].to_vec();
    let starts: Vec<f64> = knots.all.iter().flat_map(|knots| begins(knots)).collect();
    // As many intervals begin before a value; what is before all of them is in the first.
    let own = to.expand(x, 2)?;
    let bounds = to.constant(starts.clone(), &[1, width, intervals])?;
    let behind = to.compare(Compare::GreaterEqual, own, bounds)?;
    let behind = to.float(behind)?;
    let behind = to.reduce(Reduce::Sum, behind, 2, false)?;
    let place = to.with(Binary::Sub, behind, 1.0)?;
    let place = to.with(Binary::Max, place, 0.0)?;
    let in_table = to.with_row(Binary::Add, place, (0..width).map(|n| (n * intervals) as f64).collect())?;
    let in_table = to.add(Op::Cast(DType::I64), &[in_table])?;
    let place = to.add(Op::Cast(DType::I64), &[place])?;
    let axis = to.int(0)?;
    let looked_up = |to: &mut Builder<'_>, table: Vec<f64>, each: usize| {
        let table = to.constant(table, &[width * intervals, each])?;
        to.add(Op::Gather { batch_dims: 0 }, &[table, in_table, axis])
    };
    let start = looked_up(to, starts, 1)?;
    let apart = to.binary(Binary::Sub, own, start)?;
    let (mut values, mut steep) = (None, None);
    for coefficients in knots.coefficients().into_iter().rev() {
        let next = looked_up(to, coefficients, degree + 1)?;
        (values, steep) = match values {
            None => (Some(next), slopes.then(|| to.unary(crate::graph::Unary::ZerosLike, next)).transpose()?),
            Some(values) => {
                let slope = steep.map(|steep| fold(to, steep, apart, values)).transpose()?;
                (Some(fold(to, values, apart, next)?), slope)
            }
        };
    }
    let values = values.ok_or_else(|| EngineError::broken("splines of no degree"))?;
    Ok((place, values, steep))
}

/// `sum * x + next`
fn fold(to: &mut Builder<'_>, sum: ValueId, x: ValueId, next: ValueId) -> Result<ValueId, EngineError> {
    let scaled = to.binary(Binary::Mul, sum, x)?;
    to.binary(Binary::Add, scaled, next)
}

/// The values of a few splines from a place on, among all of them: [rows, width, count].
fn placed(
    to: &mut Builder<'_>,
    place: ValueId,
    values: ValueId,
    [few, count]: [usize; 2],
) -> Result<ValueId, EngineError> {
    let mut sum: Option<ValueId> = None;
    for n in 0..few {
        let (further, period) = (to.int(n as i64)?, to.int(count as i64)?);
        let at = to.binary(Binary::Add, place, further)?;
        let at = to.binary(Binary::FloorMod, at, period)?;
        let hot = to.one_hot(at, count)?;
        let (one, axis) = (to.ints(vec![n as i64])?, to.int(2)?);
        let value = to.add(Op::Gather { batch_dims: 0 }, &[values, one, axis])?;
        let here = to.binary(Binary::Mul, hot, value)?;
        sum = Some(match sum {
            None => here,
            Some(sum) => to.binary(Binary::Add, sum, here)?,
        });
    }
    sum.ok_or_else(|| EngineError::broken("splines of no degree"))
}

/// The splines of all features beside each other, of each the first few.
fn flattened(to: &mut Builder<'_>, all: ValueId, [width, count, kept]: [usize; 3]) -> Lowered {
    let made = width.checked_mul(count).and_then(|made| i64::try_from(made).ok());
    let made = made.ok_or_else(|| EngineError::broken("more splines than can be"))?;
    let shape = to.ints(vec![-1, made])?;
    let mut flat = to.add(Op::Reshape, &[all, shape])?;
    if kept == 0 {
        return Err(EngineError::broken("splines without the only one of each feature: nothing is left"));
    }
    if kept < count {
        let wanted: Vec<usize> = (0..width * count).filter(|n| n % count < kept).collect();
        flat = to.pick(flat, &wanted)?;
    }
    Ok(Answer::Columns(Columns::Numbers(flat, width * kept)))
}
