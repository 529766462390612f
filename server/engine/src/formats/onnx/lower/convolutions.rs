//! Convolutions.

use super::shapes::MOST_AXES;
use super::{Lowering, Outcome, Stop, Val};
use crate::formats::channels_first::Window;
use crate::graph::{Binary as B, Imaging, Masks, Op, Padding, Rare, Unary, ValueId};
use crate::value::Kind;

impl Lowering<'_, '_> {
    pub(super) fn convolutions(&mut self) -> Outcome {
        match self.op() {
            "Conv" => {
                let ((x, elem), weights) = (self.tensor(0)?, self.value(1)?);
                let mut window = self.window_over(x, weights)?;
                window.double = elem.kind() == Kind::F64;
                let bias = self.optional(2).map(|b| b.0);
                let made = self.convolved(x, weights, bias, &window)?;
                Self::give(made, elem)
            }
            "ConvTranspose" => self.conv_transposed(),
            "DeformConv" => self.deformed(),
            "CausalConvWithState" => self.causal(),
            _ => Ok(None),
        }
    }

    /// Sizes of an attribute; nothing is as if it were not there.
    pub(super) fn sizes(&self, name: &str) -> Result<Option<Vec<usize>>, Stop> {
        let Some(ints) = self.ints(name).filter(|i| !i.is_empty()) else { return Ok(None) };
        let sizes: Option<Vec<usize>> = ints.iter().map(|n| usize::try_from(*n).ok()).collect();
        sizes.map(Some).ok_or_else(|| Self::broken(format!("{name} {ints:?}")))
    }

    /// Befores, then afters.
    pub(super) fn pads(&self, axes: usize) -> Result<Option<Vec<[usize; 2]>>, Stop> {
        let Some(pads) = self.sizes("pads")? else { return Ok(None) };
        if pads.len() != 2 * axes {
            return Err(Self::broken(format!("pads {pads:?} of {axes} axes")));
        }
        Ok(Some((0..axes).map(|n| [pads[n], pads[axes + n]]).collect()))
    }

    /// The window that the attributes describe.
    pub(super) fn window(&self, kernel: &[usize]) -> Result<Window, Stop> {
        let mut window = Window::new(kernel);
        if let Some(strides) = self.sizes("strides")? {
            window.strides = strides;
        }
        if let Some(dilations) = self.sizes("dilations")? {
            window.dilations = dilations;
        }
        match self.text("auto_pad") {
            None | Some("" | "NOTSET") => {
                if let Some(pads) = self.pads(kernel.len())? {
                    window.pads = pads;
                }
            }
            Some("VALID") => {}
            Some("SAME_UPPER") => window.same = Some(Padding::Same),
            Some("SAME_LOWER") => window.same = Some(Padding::SameLower),
            Some(other) => return Err(Self::broken(format!("auto_pad {other:?}"))),
        }
        match (kernel.len(), window.is_sound()) {
            (1..=3, true) => Ok(window),
            (1..=3, false) => Err(Self::broken(format!("a window that is none: {window:?}"))),
            (axes, _) => Self::refuse(format!("a window over {axes} axes")),
        }
    }

    /// The window of a convolution. Weights whose extents only a run knows have them themselves: here they are told by their number.
    pub(super) fn window_over(&mut self, x: ValueId, weights: ValueId) -> Result<Window, Stop> {
        if self.sizes("kernel_shape")?.is_some() || self.build().dims(weights).is_some() {
            return self.window_of(weights);
        }
        let told = ["strides", "dilations"].into_iter().find_map(|name| Some(self.ints(name)?.len() + 2));
        let rank = self.build().rank(weights).or(self.build().rank(x)).or(told);
        let axes = rank.and_then(|rank| rank.checked_sub(2));
        let axes = axes.filter(|axes| (1..=3).contains(axes));
        let axes = axes.ok_or_else(|| Stop::Refused("weights of an unknown number of axes".to_owned()))?;
        self.window(&vec![1; axes])
    }

    /// The window whose extents are those of weights.
    pub(super) fn window_of(&mut self, weights: ValueId) -> Result<Window, Stop> {
        let given = self.sizes("kernel_shape")?;
        let known = self.build().dims(weights).and_then(|d| d.get(2..).map(<[usize]>::to_vec));
        let kernel = match (given, known) {
            (Some(given), Some(known)) if given != known => {
                return Err(Self::broken(format!("kernel_shape {given:?} with weights over {known:?}")));
            }
            (given, known) => known.or(given),
        };
        let kernel = kernel.ok_or_else(|| Stop::Refused("weights whose shape is not known".to_owned()))?;
        self.window(&kernel)
    }

    pub(super) fn groups(&self) -> Result<usize, Stop> {
        let groups =
            usize::try_from(self.int("group").unwrap_or(1)).ok().filter(|g| (1..=1 << 20).contains(g));
        groups.ok_or_else(|| Self::broken("a number of groups that is none"))
    }

    pub(super) fn convolved(
        &mut self,
        x: ValueId,
        weights: ValueId,
        bias: Option<ValueId>,
        window: &Window,
    ) -> Result<ValueId, Stop> {
        let groups = self.groups()?;
        let rank = window.kernel.len() + 2;
        let extent = |this: &mut Self, value, axis: usize| {
            this.build().shape(value).and_then(|s| s.get(axis).copied().flatten())
        };
        if let (Some(channels), Some(each)) = (extent(self, x, 1), extent(self, weights, 1))
            && each.checked_mul(groups) != Some(channels)
        {
            return Err(Self::broken(format!("{groups} groups of {each} channels over {channels}")));
        }
        if self.build().rank(x).is_some_and(|own| own != rank) {
            return Err(Self::broken(format!("a window {:?} over a value of other axes", window.kernel)));
        }
        Ok(self.build().conv(x, weights, bias, groups, window)?)
    }

    fn conv_transposed(&mut self) -> Outcome {
        let ((x, elem), weights) = (self.tensor(0)?, self.value(1)?);
        let bias = self.optional(2).map(|b| b.0);
        let mut window = self.window_of(weights)?;
        window.double = elem.kind() == Kind::F64;
        let axes = window.kernel.len();
        let mut more = self.sizes("output_padding")?.unwrap_or_else(|| vec![0; axes]);
        if more.len() != axes || more.iter().any(|m| *m > 1 << 16) {
            return Err(Self::broken(format!("output_padding {more:?} of {axes} axes")));
        }
        let wanted = self.wanted(x, axes, &window)?;
        let same = window.same.take();
        for axis in 0..axes {
            // What is too much of the result is cut off, what lacks follows it.
            let total = match (&wanted, same) {
                (Some(surplus), _) => surplus[axis] + more[axis] as i64,
                (None, Some(_)) => window.span(axis) as i64 - window.strides[axis] as i64 + more[axis] as i64,
                (None, None) => continue,
            };
            let cut = usize::try_from(total.max(0)).unwrap_or(0);
            let less = if same == Some(Padding::Same) { cut / 2 } else { cut.div_ceil(2) };
            window.pads[axis] = [less, cut - less];
            more[axis] += usize::try_from((-total).max(0)).unwrap_or(0);
        }
        // A window reaches no further than its step: zeros follow.
        let rest: Vec<[usize; 2]> =
            more.iter().zip(&window.strides).map(|(m, s)| [0, m.saturating_sub(s - 1)]).collect();
        more.iter_mut().zip(&window.strides).for_each(|(m, s)| *m = (*m).min(s - 1));
        let groups = self.groups()?;
        if rest.iter().all(|r| r[1] == 0) {
            let made = self.build().conv_transposed(x, weights, bias, groups, &window, &more)?;
            return Self::give(made, elem);
        }
        if window.double {
            return Self::refuse("an output_padding of a step or more, of float64");
        }
        let mut made = self.build().conv_transposed(x, weights, None, groups, &window, &more)?;
        made = self.build().bordered(made, &rest, 0.0)?;
        if let Some(bias) = bias {
            made = self.build().by_channel(B::Add, made, bias, axes + 2)?;
        }
        Self::give(made, elem)
    }

    /// By how much a transposed convolution without padding is larger than `output_shape`; None: there is none.
    fn wanted(&mut self, x: ValueId, axes: usize, window: &Window) -> Result<Option<Vec<i64>>, Stop> {
        let Some(wanted) = self.sizes("output_shape")? else { return Ok(None) };
        let own =
            self.build().shape(x).and_then(|s| s.get(2..)?.iter().copied().collect::<Option<Vec<usize>>>());
        let own =
            own.ok_or_else(|| Stop::Refused("output_shape for an image whose size is not known".to_owned()))?;
        // Some name batch and channels too.
        let wanted = wanted.get(wanted.len().saturating_sub(axes)..).unwrap_or_default();
        if wanted.len() != axes || own.len() != axes || own.iter().chain(wanted).any(|n| *n > 1 << 28) {
            return Err(Self::broken(format!("output_shape {wanted:?} of {axes} axes")));
        }
        let whole = |n: usize| (own[n] as i64 - 1) * window.strides[n] as i64 + window.span(n) as i64;
        Ok(Some((0..axes).map(|n| whole(n) - wanted[n] as i64).collect()))
    }

    fn deformed(&mut self) -> Outcome {
        let ((x, elem), weights, offsets) = (self.tensor(0)?, self.value(1)?, self.value(2)?);
        let window = self.window_of(weights)?;
        if window.kernel.len() != 2 || window.same.is_some() {
            return Self::refuse("other than two axes");
        }
        let offset_groups = usize::try_from(self.int("offset_group").unwrap_or(1)).unwrap_or(0);
        let op = Imaging::Deformable { window: Box::new(window), groups: self.groups()?, offset_groups };
        let inputs: Vec<ValueId> =
            [x, weights, offsets].into_iter().chain(self.optional(4).map(|m| m.0)).collect();
        let mut made = self.image(op, &inputs, 4)?;
        if let Some((bias, _)) = self.optional(3) {
            made = self.build().by_channel(B::Add, made, bias, 4)?;
        }
        Self::give(made, elem)
    }

    /// An operation on images whose result has so many axes.
    pub(super) fn image(&mut self, op: Imaging, inputs: &[ValueId], rank: usize) -> Result<ValueId, Stop> {
        if rank > MOST_AXES {
            return Err(Self::broken(format!("an image of {rank} axes")));
        }
        let made = self.rare(Rare::Image(op), inputs)?;
        self.build().tell(made, vec![None; rank]);
        Ok(made)
    }

    /// Each place sees itself and those before it; the last ones are handed on.
    fn causal(&mut self) -> Outcome {
        let ((x, elem), weights) = (self.tensor(0)?, self.value(1)?);
        let bias = self.optional(2).map(|b| b.0);
        let dims = self.build().dims(weights);
        let (channels, taps) = match dims.as_deref() {
            Some(&[channels, 1, taps]) if taps > 0 => (channels, taps),
            _ => return Self::refuse("weights that are not of a known shape [channels, 1, taps]"),
        };
        let before = (taps - 1) as i64;
        let padded = match self.optional(3) {
            Some((past, _)) => {
                let axis = self.build().int(2)?;
                self.add(Op::Concat, &[past, x, axis])?
            }
            None => {
                let zero = self.number(0.0, elem)?;
                let paddings = crate::graph::Literal::I64(vec![0, 0, 0, 0, before, 0], vec![3, 2]);
                let paddings = self.build().literal(paddings)?;
                self.add(Op::Pad, &[x, paddings, zero])?
            }
        };
        let mut window = Window::new(&[taps]);
        window.double = elem.kind() == Kind::F64;
        let mut made = self.build().conv(padded, weights, bias, channels, &window)?;
        match self.text("activation") {
            None | Some("none") => {}
            Some("silu" | "swish") => {
                let gate = self.build().elementwise(Op::Unary(Unary::Sigmoid), &[made])?;
                made = self.build().binary(B::Mul, made, gate)?;
            }
            Some(other) => return Self::refuse(format!("activation {other:?}")),
        }
        let from = if before == 0 { i64::MAX } else { -before };
        let (begin, end) = (self.build().ints(&[0, 0, from])?, self.build().ints(&[0, 0, 0])?);
        let steps = self.build().ints(&[1, 1, 1])?;
        let masks = Masks { begin: 0b011, end: 0b111, ..Masks::default() };
        let state = self.add(Op::StridedSlice(masks), &[padded, begin, end, steps])?;
        Ok(Some(vec![Val::Tensor(made, elem), Val::Tensor(state, elem)]))
    }
}
