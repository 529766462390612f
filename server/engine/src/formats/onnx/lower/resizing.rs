//! Resizes.

use super::{Elem, Lowering, Outcome, Stop};
use crate::graph::{
    Aspect, Binary as B, Coordinates, Imaging, Literal, Method, Nearest, Op, Rare, Resample, Resize, ValueId,
};
use crate::value::Kind;

/// Factors up to which their reciprocals, in 32 bits, lead to the same places.
const LARGEST_FACTOR: usize = 32;

/// What an axis becomes.
#[derive(Clone, Copy)]
struct Side {
    /// The new extent, if it is known.
    out: Option<usize>,
    /// The factor, if it is whole.
    factor: Option<usize>,
}

impl Lowering<'_, '_> {
    pub(super) fn resizing(&mut self) -> Outcome {
        match self.op() {
            "Resize" => {
                let how = self.how_resized()?;
                self.resize(how)
            }
            "Upsample" => {
                let method = match self.text("mode").unwrap_or("nearest") {
                    "nearest" => Method::Nearest(Nearest::Floor),
                    "linear" | "bilinear" => Method::Linear,
                    other => return Self::refuse(format!("mode {other:?}")),
                };
                self.resize(self.resample(method, Coordinates::Asymmetric))
            }
            _ => Ok(None),
        }
    }

    fn resample(&self, method: Method, coordinates: Coordinates) -> Resample {
        Resample {
            axes: self.ints("axes").unwrap_or_default().to_vec(),
            by_sizes: false,
            aspect: Aspect::Stretch,
            method,
            coordinates,
            antialias: self.flag("antialias"),
            exclude_outside: self.flag("exclude_outside"),
            beyond: self.float("extrapolation_value").unwrap_or(0.0),
        }
    }

    fn how_resized(&self) -> Result<Resample, Stop> {
        let old = self.version < 11;
        let nearest = match self.text("nearest_mode") {
            None if old => Nearest::Floor,
            None | Some("round_prefer_floor" | "") => Nearest::HalfDown,
            Some("round_prefer_ceil") => Nearest::HalfUp,
            Some("floor") => Nearest::Floor,
            Some("ceil") => Nearest::Ceil,
            Some(other) => return Self::refuse(format!("nearest_mode {other:?}")),
        };
        let method = match self.text("mode").unwrap_or("nearest") {
            "nearest" => Method::Nearest(nearest),
            "linear" => Method::Linear,
            "cubic" => Method::Cubic(self.float("cubic_coeff_a").unwrap_or(-0.75)),
            other => return Self::refuse(format!("mode {other:?}")),
        };
        let coordinates = match self.text("coordinate_transformation_mode") {
            None if old => Coordinates::Asymmetric,
            None | Some("half_pixel") => Coordinates::HalfPixel,
            Some("half_pixel_symmetric") => Coordinates::HalfPixelSymmetric,
            Some("pytorch_half_pixel") => Coordinates::HalfPixelTorch,
            Some("tf_half_pixel_for_nn") => Coordinates::Middle,
            Some("align_corners") => Coordinates::AlignCorners,
            Some("asymmetric") => Coordinates::Asymmetric,
            Some("tf_crop_and_resize") => Coordinates::Region,
            Some(other) => return Self::refuse(format!("coordinate_transformation_mode {other:?}")),
        };
        let mut how = self.resample(method, coordinates);
        how.aspect = match self.text("keep_aspect_ratio_policy") {
            None | Some("stretch") => Aspect::Stretch,
            Some("not_larger") => Aspect::NotLarger,
            Some("not_smaller") => Aspect::NotSmaller,
            Some(other) => return Self::refuse(format!("keep_aspect_ratio_policy {other:?}")),
        };
        if how.antialias && matches!(method, Method::Nearest(_)) {
            return Self::refuse("antialias of nearest places");
        }
        Ok(how)
    }

    /// An input that is there and not empty.
    fn filled_input(&mut self, n: usize) -> Option<ValueId> {
        let (value, _) = self.optional(n)?;
        (self.build().dims(value).as_deref() != Some(&[0])).then_some(value)
    }

    fn resize(&mut self, mut how: Resample) -> Outcome {
        let (x, elem) = self.tensor(0)?;
        let is_new = self.op() == "Resize" && self.version >= 11;
        let sizes = if is_new { self.filled_input(3) } else { None };
        how.by_sizes = sizes.is_some();
        let target = match (sizes, self.floats("scales")) {
            (Some(sizes), _) => sizes,
            (None, Some(scales)) => {
                self.build().literal(Literal::F32(scales.to_vec(), vec![scales.len()]))?
            }
            (None, None) => self.value(if is_new { 2 } else { 1 })?,
        };
        if let Some(made) = self.plainly_resized(x, elem, &how, target)? {
            return Self::give(made, elem);
        }
        let roi = match self.filled_input(1).filter(|_| is_new) {
            Some(roi) => roi,
            None => self.build().literal(Literal::F32(Vec::new(), vec![0]))?,
        };
        let rank = self.build().rank(x);
        let between = elem.is_integer() && !matches!(how.method, Method::Nearest(_));
        // Integers are cut off, as onnxruntime does it; where it smooths, they are rounded.
        let cut = between && !how.antialias;
        let op = Rare::Image(Imaging::Resample(Box::new(how)));
        let mut made = match cut {
            true => self.in_floats(x, elem, |this, x| this.rare(op, &[x, roi, target]))?,
            false => self.rare(op, &[x, roi, target])?,
        };
        if let Some(rank) = rank {
            self.build().tell(made, vec![None; rank]);
        }
        if between && !cut {
            made = self.within(made, elem, Elem::I64)?;
        }
        Self::give(made, elem)
    }

    /// By the resize of images, where it leads to the same places.
    fn plainly_resized(
        &mut self,
        x: ValueId,
        elem: Elem,
        how: &Resample,
        target: ValueId,
    ) -> Result<Option<ValueId>, Stop> {
        let Some([batch, channels, height, width]) =
            self.build().shape(x).and_then(|s| <[_; 4]>::try_from(&s[..]).ok())
        else {
            return Ok(None);
        };
        if elem.kind() != Kind::F32 || how.antialias || how.aspect != Aspect::Stretch {
            return Ok(None);
        }
        let Some(sides) = self.sides(how, x, target, [batch, channels, height, width]) else {
            return Ok(None);
        };
        let whole = sides.iter().all(|s| s.factor.is_some());
        let several = sides.iter().all(|s| s.factor.is_some() || s.out.is_some_and(|out| out > 1));
        let leads_there = match (how.method, how.coordinates) {
            (
                Method::Linear,
                Coordinates::AlignCorners
                | Coordinates::Asymmetric
                | Coordinates::HalfPixel
                | Coordinates::HalfPixelSymmetric,
            ) => true,
            (Method::Linear, Coordinates::HalfPixelTorch) => several,
            (Method::Nearest(Nearest::Floor), Coordinates::Asymmetric | Coordinates::Middle)
            | (
                Method::Nearest(Nearest::HalfDown | Nearest::HalfUp),
                Coordinates::HalfPixel | Coordinates::HalfPixelSymmetric | Coordinates::HalfPixelTorch,
            ) => whole,
            _ => false,
        };
        if !leads_there {
            return Ok(None);
        }
        let align_corners = how.coordinates == Coordinates::AlignCorners;
        let half_pixel = !align_corners && how.coordinates != Coordinates::Asymmetric;
        let size = match sides.map(|s| s.out) {
            [Some(rows), Some(columns)] => self.build().ints(&[rows as i64, columns as i64])?,
            _ => {
                let [Some(down), Some(across)] = sides.map(|s| s.factor) else { return Ok(None) };
                let shape = self.add(Op::Shape, &[x])?;
                let inner = self.part(shape, 2, 4)?;
                let factors = self.build().ints(&[down as i64, across as i64])?;
                self.add(Op::Binary(B::Mul), &[inner, factors])?
            }
        };
        let image = self.build().channels_last(x, 4)?;
        let bilinear = how.method == Method::Linear;
        let made = self.add(Op::Resize(Resize { bilinear, align_corners, half_pixel }), &[image, size])?;
        Ok(Some(self.build().channels_first(made, 4)?))
    }

    /// What height and width become; None: that is not known, or batch and channels do not stay.
    fn sides(
        &mut self,
        how: &Resample,
        x: ValueId,
        target: ValueId,
        own: [Option<usize>; 4],
    ) -> Option<[Side; 2]> {
        let axes: Vec<usize> = match &how.axes[..] {
            [] => (0..4).collect(),
            given => given.iter().map(|a| crate::kernels::axis(*a, 4).ok()).collect::<Option<_>>()?,
        };
        let mut sides = own.map(|out| Side { out, factor: Some(1) });
        if how.by_sizes {
            let sizes = self.build().numbers_as_known(target).filter(|s| s.len() == axes.len())?;
            for (n, (at, size)) in axes.iter().zip(sizes).enumerate() {
                let Some(size) = size else {
                    // Batches are of any size, and stay as they are.
                    self.build().is_extent(target, n, x, *at).then_some(())?;
                    continue;
                };
                let out = usize::try_from(size).ok().filter(|n| (1..1 << 20).contains(n))?;
                let factor = own[*at].filter(|o| *o > 0 && out % o == 0).map(|o| out / o);
                sides[*at] = Side { out: Some(out), factor: factor.filter(|f| *f <= LARGEST_FACTOR) };
            }
        } else {
            let Some(Literal::F32(factors, _)) = self.build().constant(target) else { return None };
            let factors: Vec<f32> = factors.iter().copied().filter(|f| (1e-3..1e3).contains(f)).collect();
            if factors.len() != axes.len() {
                return None;
            }
            for (at, factor) in axes.iter().zip(factors) {
                let whole =
                    (factor.fract() == 0.0 && factor <= LARGEST_FACTOR as f32).then_some(factor as usize);
                // A size that was rounded is no multiple by the factor.
                let exact = own[*at].map(|own| own as f32 * factor).filter(|size| size.fract() == 0.0);
                if whole.is_none() && exact.is_none() {
                    return None;
                }
                sides[*at] = Side { out: exact.map(|size| size as usize), factor: whole };
            }
        }
        let stays = |n: usize| sides[n].factor == Some(1);
        (stays(0) && stays(1)).then_some([sides[2], sides[3]])
    }
}
