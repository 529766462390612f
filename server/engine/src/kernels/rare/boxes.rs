//! Boxes that overlap better ones are left out.

use super::super::access::{int, make};
use super::super::{Outcome, Value, elements, fail};
use super::{Values, at, float};
use crate::EngineError;
use crate::graph::Suppression;

/// When a box counts.
struct Limits {
    most: usize,
    overlap: f32,
    least: f32,
    softness: f32,
}

/// How much of their union two boxes share.
fn shared(a: &[f32; 4], b: &[f32; 4]) -> f32 {
    let sorted = |b: &[f32; 4]| [b[0].min(b[2]), b[1].min(b[3]), b[0].max(b[2]), b[1].max(b[3])];
    let (a, b) = (sorted(a), sorted(b));
    let area = |b: &[f32; 4]| (b[2] - b[0]) * (b[3] - b[1]);
    if area(&a) <= 0.0 || area(&b) <= 0.0 {
        return 0.0;
    }
    let (height, width) = (a[2].min(b[2]) - a[0].max(b[0]), a[3].min(b[3]) - a[1].max(b[1]));
    let both = height.max(0.0) * width.max(0.0);
    both / (area(&a) + area(&b) - both)
}

/// A box that waits; the best comes first, the earlier one among equals.
#[derive(PartialEq)]
struct Waiting {
    score: f32,
    number: usize,
    /// Boxes that were kept when it was looked at last.
    seen: usize,
}
impl Eq for Waiting {}
impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.score.total_cmp(&other.score).then(other.number.cmp(&self.number))
    }
}
impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// The boxes that stay and their scores, best first. With softness a box that overlaps loses score instead.
fn keep(scores: &[f32], limits: &Limits, shared: impl Fn(usize, usize) -> f32) -> Vec<(usize, f32)> {
    let waiting = scores.iter().enumerate().filter(|(_, s)| **s > limits.least);
    let mut waiting: std::collections::BinaryHeap<Waiting> =
        waiting.map(|(number, score)| Waiting { score: *score, number, seen: 0 }).collect();
    let mut kept: Vec<(usize, f32)> = Vec::new();
    let soft = limits.softness > 0.0;
    let scale = if soft { -0.5 / limits.softness } else { 0.0 };
    while kept.len() < limits.most {
        let Some(mut next) = waiting.pop() else { break };
        let before = next.score;
        let mut out = false;
        for (other, _) in kept[next.seen..].iter().rev() {
            let overlap = shared(next.number, *other);
            if soft && overlap <= limits.overlap {
                next.score *= (scale * overlap * overlap).exp();
            }
            if overlap > limits.overlap {
                out = true;
                break;
            }
            if next.score <= limits.least {
                break;
            }
        }
        next.seen = kept.len();
        if out {
            continue;
        }
        if next.score == before {
            kept.push((next.number, next.score));
        } else if next.score > limits.least {
            waiting.push(next);
        }
    }
    kept
}

/// boxes, scores, most, overlap, least score, softness
pub fn suppress(how: &Suppression, inputs: &[&Value]) -> Values {
    let (boxes, scores) = (at(inputs, 0)?, at(inputs, 1)?.slice::<f32>()?);
    let wanted = if how.overlaps { [scores.len(), scores.len()] } else { [scores.len(), 4] };
    if boxes.dims() != wanted {
        return Err(fail(format!("boxes {:?} with {} scores", boxes.dims(), scores.len())));
    }
    let most = usize::try_from(int(at(inputs, 2)?)?).map_err(|_| fail("a negative number of boxes"))?;
    let option = |n: usize, or: f32| inputs.get(n).map_or(Ok(or), |v| float(v).map(|f| f as f32));
    let limits =
        Limits { most, overlap: option(3, 0.5)?, least: option(4, f32::MIN)?, softness: option(5, 0.0)? };
    let data = boxes.slice::<f32>()?;
    let corners = data.as_chunks::<4>().0;
    let kept = if how.overlaps {
        keep(scores, &limits, |a, b| data[a * scores.len() + b])
    } else {
        keep(scores, &limits, |a, b| shared(&corners[a], &corners[b]))
    };
    let count = if how.pad { elements(&[most])? } else { kept.len() };
    let mut places: Vec<i64> = kept.iter().map(|k| k.0 as i64).collect();
    let mut left: Vec<f32> = kept.iter().map(|k| k.1).collect();
    places.resize(count, 0);
    left.resize(count, 0.0);
    let mut answers = vec![make(places, &[count])?];
    if how.scores {
        answers.push(make(left, &[count])?);
    }
    if how.count {
        answers.push(make(vec![kept.len() as i64], &[])?);
    }
    Ok(answers)
}

/// boxes [n, boxes, classes or 1, 4], scores [n, boxes, classes], most of a class, most, overlap, least score
pub fn suppress_classes(pad_per_class: bool, clip: bool, inputs: &[&Value]) -> Values {
    let (boxes, scores) = (at(inputs, 0)?, at(inputs, 1)?);
    let ([n, count, owners, 4], [n_too, count_too, classes]) = (boxes.dims(), scores.dims()) else {
        return Err(fail("boxes of four numbers and scores of classes are needed"));
    };
    if n != n_too || count != count_too || (*owners != 1 && owners != classes) {
        return Err(fail(format!("boxes {:?} with scores {:?}", boxes.dims(), scores.dims())));
    }
    let size =
        |n: usize| usize::try_from(int(at(inputs, n)?)?).map_err(|_| fail("a negative number of boxes"));
    let (of_class, most) = (size(2)?, size(3)?);
    let (overlap, least) = (float(at(inputs, 4)?)? as f32, float(at(inputs, 5)?)? as f32);
    let limits = Limits { most: of_class, overlap, least, softness: 0.0 };
    let total = if pad_per_class { most.min(of_class.saturating_mul(*classes)) } else { most };
    elements(&[*n, total, 4])?;
    let (corners, scores) = (boxes.slice::<f32>()?.as_chunks::<4>().0, scores.slice::<f32>()?);
    let mut answers = Answers::default();
    for image in 0..*n {
        let mut found: Vec<(f32, usize, [f32; 4])> = Vec::new();
        for class in 0..*classes {
            let corner = |b: usize| corners[(image * count + b) * owners + class.min(owners - 1)];
            let own: Vec<f32> = (0..*count).map(|b| scores[(image * count + b) * classes + class]).collect();
            let kept = keep(&own, &limits, |a, b| shared(&corner(a), &corner(b)));
            found.extend(kept.into_iter().map(|(b, score)| (score, class, corner(b))));
        }
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        found.truncate(total);
        answers.add(&found, total, clip);
    }
    answers.finish(*n, total)
}

/// boxes `[images, count, 4]`, scores `[images, classes, count]`, most of a class, overlap, least score; boxes are opposite
/// corners, or centres and extents
pub fn suppress_all(centred: bool, inputs: &[&Value]) -> Outcome {
    let (boxes, scores) = (at(inputs, 0)?, at(inputs, 1)?);
    let (&[images, count, 4], &[n, classes, each]) = (boxes.dims(), scores.dims()) else {
        return Err(fail("boxes of four numbers and scores of classes are needed"));
    };
    if n != images || each != count {
        return Err(fail(format!("boxes {:?} with scores {:?}", boxes.dims(), scores.dims())));
    }
    let most = usize::try_from(int(at(inputs, 2)?)?).unwrap_or(0);
    let (overlap, least) = (float(at(inputs, 3)?)? as f32, float(at(inputs, 4)?)? as f32);
    let limits = Limits { most, overlap, least, softness: 0.0 };
    let corners = boxes.slice::<f32>()?.as_chunks::<4>().0;
    let corner = |b: usize| match corners[b] {
        [x, y, w, h] if centred => [x - w / 2.0, y - h / 2.0, x + w / 2.0, y + h / 2.0],
        corners => corners,
    };
    let mut found: Vec<i64> = Vec::new();
    for (number, scores) in scores.slice::<f32>()?.chunks_exact(count.max(1)).enumerate() {
        let (image, class) = (number / classes, number % classes);
        let first = image * count;
        let kept = keep(scores, &limits, |a, b| shared(&corner(first + a), &corner(first + b)));
        found.extend(kept.iter().flat_map(|(b, _)| [image as i64, class as i64, *b as i64]));
    }
    let rows = found.len() / 3;
    make(found, &[rows, 3])
}

#[derive(Default)]
struct Answers {
    boxes: Vec<f32>,
    scores: Vec<f32>,
    classes: Vec<f32>,
    counts: Vec<i64>,
}

impl Answers {
    /// Those of one image, filled up with zeros.
    fn add(&mut self, found: &[(f32, usize, [f32; 4])], total: usize, clip: bool) {
        for (score, class, corners) in found {
            self.boxes.extend(corners.map(|c| if clip { c.clamp(0.0, 1.0) } else { c }));
            self.scores.push(*score);
            self.classes.push(*class as f32);
        }
        let images = self.counts.len() + 1;
        self.boxes.resize(images * total * 4, 0.0);
        self.scores.resize(images * total, 0.0);
        self.classes.resize(images * total, 0.0);
        self.counts.push(found.len() as i64);
    }

    fn finish(self, n: usize, total: usize) -> Result<Vec<Value>, EngineError> {
        let all: [Outcome; 4] = [
            make(self.boxes, &[n, total, 4]),
            make(self.scores, &[n, total]),
            make(self.classes, &[n, total]),
            make(self.counts, &[n]),
        ];
        all.into_iter().collect()
    }
}
