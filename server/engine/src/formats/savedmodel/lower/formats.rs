//! Shapes by the layout of images.

use super::super::attributes::Attributes as _;
use super::{Lowering, Outcome};
use crate::graph::{Binary as B, Masks, Op};

impl Lowering<'_> {
    pub(super) fn layouts(&mut self) -> Outcome {
        if !matches!(self.node.op.as_str(), "DataFormatVecPermute" | "DataFormatDimMap") {
            return Ok(None);
        }
        let (from, to) = (self.node.text("src_format"), self.node.text("dst_format"));
        let (from, to) = (from.unwrap_or("NHWC").to_owned(), to.unwrap_or("NCHW").to_owned());
        let place = |c: char, layout: &str| layout.chars().position(|d| d == c).map(|n| n as i64);
        let inner = |layout: &str| layout.chars().filter(|c| !"NC".contains(*c)).collect::<String>();
        let rank = from.chars().count() as i64;
        if self.node.op == "DataFormatDimMap" {
            let table: Option<Vec<i64>> = from.chars().map(|c| place(c, &to)).collect();
            let Some(table) = table.filter(|t| !t.is_empty()) else { return Self::refuse("its layouts") };
            let x = self.want(1)?[0];
            // Axes may be counted from the end.
            let rank = self.ints(vec![rank])?;
            let axis = self.ints(vec![0])?;
            let at = self.add(Op::Binary(B::FloorMod), vec![x, rank])?;
            let table = self.ints(table)?;
            // The table is a row, and so is an axis alone.
            let shape = self.add(Op::Shape, vec![x])?;
            let at = self.add(Op::Reshape, vec![at, shape])?;
            return self.emit(Op::Gather { batch_dims: 0 }, vec![table, at, axis]);
        }
        let order = |from: &str, to: &str| to.chars().map(|c| place(c, from)).collect::<Option<Vec<i64>>>();
        let (Some(whole), Some(short)) = (order(&from, &to), order(&inner(&from), &inner(&to))) else {
            return Self::refuse("its layouts");
        };
        if whole.len() as i64 != rank || short.len() + 2 != whole.len() {
            return Self::refuse("its layouts");
        }
        // Of all axes, or of those of height and width alone: which it is follows from how many there are.
        let x = self.want(1)?[0];
        let all = self.ints([whole, short].concat())?;
        let (zero, one) = (self.ints(vec![0])?, self.ints(vec![1])?);
        let shape = self.add(Op::Shape, vec![x])?;
        let count = self.add(Op::StridedSlice(Masks::default()), vec![shape, zero, one, one])?;
        let [rank, two] = [self.ints(vec![rank])?, self.ints(vec![2])?];
        let missing = self.add(Op::Binary(B::Sub), vec![rank, count])?;
        let missing = self.add(Op::Binary(B::Mul), vec![missing, rank])?;
        let begin = self.add(Op::Binary(B::FloorDiv), vec![missing, two])?;
        let order = self.add(Op::Slice, vec![all, begin, count])?;
        self.emit(Op::Gather { batch_dims: 0 }, vec![x, order, zero])
    }
}
