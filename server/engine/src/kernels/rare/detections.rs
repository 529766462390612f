//! Boxes of detectors in rows: those that overlap better ones go.

use super::super::access::make;
use super::super::{Outcome, Value, fail};
use crate::graph::{AnchorDetection, Corners, RowSuppression};

/// How much of their union two boxes share, by their opposite corners.
fn shared(a: &[f32; 4], b: &[f32; 4]) -> f32 {
    let side = |n: usize| (a[n + 2].min(b[n + 2]) - a[n].max(b[n])).max(0.0);
    let area = |b: &[f32; 4]| (b[2] - b[0]).max(0.0) * (b[3] - b[1]).max(0.0);
    let both = side(0) * side(1);
    if both > 0.0 { both / (area(a) + area(b) - both) } else { 0.0 }
}

/// Which of so many, best first, stay.
fn keep(count: usize, goes: impl Fn(usize, usize) -> bool) -> Vec<bool> {
    let mut stays = vec![true; count];
    for best in 0..count {
        for other in best + 1..count {
            if stays[best] && stays[other] && goes(best, other) {
                stays[other] = false;
            }
        }
    }
    stays
}

/// `[…, rows, numbers]` → the same
pub fn suppress_rows(how: &RowSuppression, x: &Value) -> Outcome {
    let [.., rows, width] = *x.dims() else { return Err(fail("boxes in rows are needed")) };
    let background = how.background.map(|(place, _)| place);
    let places = [Some(how.corners.saturating_add(3)), Some(how.score), how.class, background];
    if places.into_iter().flatten().any(|place| place >= width) {
        return Err(fail(format!("rows of {width} numbers lack a box, a score or a class")));
    }
    let data = x.slice::<f32>()?;
    let most = how.most.unwrap_or(rows).min(rows);
    if most == 0 {
        return Ok(x.clone());
    }
    let mut out = Vec::with_capacity(data.len());
    for image in data.chunks_exact((rows * width).max(1)) {
        let begin = out.len();
        best(how, image, width, most).into_iter().for_each(|row| out.extend(how.written(row)));
        out.resize(begin + image.len(), -1.0);
    }
    make(out, x.dims())
}

/// The rows of one image that stay, best first.
fn best<'a>(how: &RowSuppression, image: &'a [f32], width: usize, most: usize) -> Vec<&'a [f32]> {
    let class = |row: &[f32]| how.class.map(|place| row[place]);
    let counts = |row: &&[f32]| {
        row[how.score] > how.least && how.background.is_none_or(|(place, number)| row[place] != number)
    };
    let mut all: Vec<&[f32]> = image.chunks_exact(width).filter(counts).collect();
    all.sort_by(|a, b| b[how.score].total_cmp(&a[how.score]));
    all.truncate(most);
    let boxes: Vec<[f32; 4]> = all.iter().map(|row| how.opposite(row)).collect();
    let goes =
        |a: usize, b: usize| class(all[a]) == class(all[b]) && shared(&boxes[a], &boxes[b]) > how.overlap;
    let stays = keep(all.len(), goes);
    all.into_iter().zip(stays).filter_map(|(row, stays)| stays.then_some(row)).collect()
}

impl RowSuppression {
    fn numbers(&self, row: &[f32]) -> [f32; 4] {
        std::array::from_fn(|n| row[self.corners + n])
    }

    /// A row's box by its opposite corners.
    fn opposite(&self, row: &[f32]) -> [f32; 4] {
        match (self.given, self.numbers(row)) {
            (Corners::Opposite, corners) => corners,
            (Corners::Centred, [x, y, w, h]) => [x - w / 2.0, y - h / 2.0, x + w / 2.0, y + h / 2.0],
        }
    }

    /// A row as it is answered. A box whose first number is below zero stays as it is written.
    fn written(&self, row: &[f32]) -> Vec<f32> {
        let mut made = row.to_vec();
        let own = self.numbers(row);
        let turned = match (self.given, self.made) {
            (Corners::Centred, Corners::Opposite) => self.opposite(row),
            (Corners::Opposite, Corners::Centred) => {
                let [left, top, right, bottom] = own;
                [(left + right) / 2.0, (top + bottom) / 2.0, right - left, bottom - top]
            }
            _ => own,
        };
        if own[0] >= 0.0 {
            made[self.corners..self.corners + 4].copy_from_slice(&turned);
        }
        made
    }
}

/// chances `[images, classes, anchors]`, offsets `[images, 4 anchors]`, anchors `[1, anchors, 4]` → `[images, anchors, 6]`
pub fn detect(how: &AnchorDetection, chances: &Value, offsets: &Value, anchors: &Value) -> Outcome {
    let [images, classes, count] = *chances.dims() else {
        return Err(fail(format!("chances of shape {:?}", chances.dims())));
    };
    if count.checked_mul(4) != offsets.dims().get(1).copied()
        || offsets.dims().len() != 2
        || offsets.dims()[0] != images
        || anchors.dims() != [1, count, 4]
    {
        let (chances, offsets) = (chances.dims(), offsets.dims());
        return Err(fail(format!("chances {chances:?}, offsets {offsets:?}, anchors {:?}", anchors.dims())));
    }
    let shape = [images, count, 6];
    let mut out = Vec::with_capacity(super::super::elements(&shape)?);
    let (chances, offsets) = (chances.slice::<f32>()?, offsets.slice::<f32>()?);
    let anchors = anchors.slice::<f32>()?.as_chunks::<4>().0;
    for image in 0..images {
        let own = &chances[image * classes * count..][..classes * count];
        let offsets = offsets[image * count * 4..][..count * 4].as_chunks::<4>().0;
        let begin = out.len();
        how.image(own, count, offsets, anchors).into_iter().for_each(|row| out.extend(row));
        out.resize(begin + count * 6, -1.0);
    }
    make(out, &shape)
}

impl AnchorDetection {
    /// The rows of one image.
    fn image(
        &self,
        chances: &[f32],
        count: usize,
        offsets: &[[f32; 4]],
        anchors: &[[f32; 4]],
    ) -> Vec<[f32; 6]> {
        let found = |at: usize| {
            let own = chances.iter().skip(count + at).step_by(count).copied().enumerate();
            // The first of the largest.
            let best = own.fold(None, |best: Option<(usize, f32)>, (class, chance)| match best {
                Some((_, before)) if chance > before => Some((class, chance)),
                None if chance > -1.0 => Some((class, chance)),
                best => best,
            });
            let (class, score) = best.filter(|(_, score)| *score >= self.least)?;
            let [left, top, right, bottom] = self.moved(&anchors[at], &offsets[at]);
            Some([class as f32, score, left, top, right, bottom])
        };
        let rows: Vec<[f32; 6]> = (0..count).filter_map(found).collect();
        let Some(overlap) = self.overlap else { return rows };
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by(|a, b| rows[*b][1].total_cmp(&rows[*a][1]));
        order.truncate(self.most.unwrap_or(usize::MAX));
        let corners = |n: usize| [rows[n][2], rows[n][3], rows[n][4], rows[n][5]];
        let goes = |a: usize, b: usize| {
            let (a, b) = (order[a], order[b]);
            (self.together || rows[a][0] == rows[b][0]) && shared(&corners(a), &corners(b)) >= overlap
        };
        let stays = keep(order.len(), goes);
        // Those that are not among the best stay where they were, as suppressed ones.
        let mut made = rows.clone();
        made.iter_mut().for_each(|row| row[0] = -1.0);
        for ((to, from), stays) in made.iter_mut().zip(&order).zip(stays) {
            *to = rows[*from];
            if !stays {
                to[0] = -1.0;
            }
        }
        made
    }

    /// An anchor, moved and stretched.
    fn moved(&self, [left, top, right, bottom]: &[f32; 4], offsets: &[f32; 4]) -> [f32; 4] {
        let [vx, vy, vw, vh] = self.variances;
        let (width, height) = (right - left, bottom - top);
        let x = offsets[0] * vx * width + (left + right) / 2.0;
        let y = offsets[1] * vy * height + (top + bottom) / 2.0;
        let (w, h) = ((offsets[2] * vw).exp() * width / 2.0, (offsets[3] * vh).exp() * height / 2.0);
        [x - w, y - h, x + w, y + h].map(|at| if self.clip { at.clamp(0.0, 1.0) } else { at })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::{detect, suppress_rows};
    use crate::graph::{AnchorDetection, Corners, RowSuppression};
    use crate::value::Value;

    const HOW: RowSuppression = RowSuppression {
        overlap: 0.5,
        least: 0.0,
        most: None,
        corners: 1,
        score: 0,
        class: None,
        background: None,
        given: Corners::Opposite,
        made: Corners::Opposite,
    };

    #[test]
    fn rows_that_overlap_better_ones_go() {
        let rows = vec![0.5f32, 0.0, 0.0, 2.0, 2.0, 0.9, 0.0, 0.0, 2.0, 1.9, f32::NAN, 0.0, 0.0, 1.0, 1.0];
        let made = suppress_rows(&HOW, &Value::of(rows, &[3, 5]).unwrap()).unwrap();
        let made = made.slice::<f32>().unwrap();
        assert_eq!((made[0], &made[5..]), (0.9, &[-1f32; 10][..]));
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let x = Value::of(vec![0f32; 8], &[2, 4]).unwrap();
        assert!(suppress_rows(&HOW, &x).is_err());
        assert!(suppress_rows(&RowSuppression { corners: usize::MAX, ..HOW }, &x).is_err());
        let how = AnchorDetection {
            least: 0.0,
            overlap: Some(0.5),
            most: None,
            together: false,
            clip: true,
            variances: [0.1; 4],
        };
        let value = |dims: &[usize]| Value::of(vec![0f32; dims.iter().product()], dims).unwrap();
        let run = |a: &[usize], b: &[usize], c: &[usize]| detect(&how, &value(a), &value(b), &value(c));
        assert_eq!(run(&[2, 3, 4], &[2, 16], &[1, 4, 4]).unwrap().dims(), [2, 4, 6]);
        assert_eq!(run(&[2, 0, 4], &[2, 16], &[1, 4, 4]).unwrap().dims(), [2, 4, 6]);
        assert_eq!(run(&[1, 3, 0], &[1, 0], &[1, 0, 4]).unwrap().dims(), [1, 0, 6]);
        for wrong in [[2, 15, 4], [1, 16, 4], [2, 16, 3]] {
            assert!(run(&[2, 3, 4], &wrong[..2], &[1, wrong[2], 4]).is_err(), "{wrong:?}");
        }
    }
}
