//! Byte strings.

use super::{Elem, Lowering, Outcome, Stop, Val};
use crate::graph::{
    Along, Compare as C, Literal, Masks, Op, Pattern, Rare, Rows, Segment, Table, Text, ValueId,
};
use std::sync::Arc;

impl Lowering<'_, '_> {
    pub(super) fn texts_family(&mut self) -> Outcome {
        if self.node.domain == "com.microsoft" && self.node.op_type == "Tokenizer" {
            return self.tokenized();
        }
        match self.op() {
            "StringConcat" => {
                let inputs = [self.value(0)?, self.value(1)?];
                let made = self.add(Op::Text(Text::Join(Vec::new())), &inputs)?;
                Self::give(made, Elem::TEXT)
            }
            "StringSplit" => self.string_split(),
            "StringNormalizer" => self.normalised(),
            "RegexFullMatch" => {
                let (x, source) = (self.value(0)?, self.text("pattern").unwrap_or(""));
                let pattern = Pattern::new(source, true);
                let pattern = pattern.ok_or_else(|| {
                    Stop::Refused(format!("the pattern {source:?}: it is none of RE2's, or too large"))
                })?;
                let made = self.add(Op::Text(Text::FullMatch(pattern)), &[x])?;
                Self::give(made, Elem::BOOL)
            }
            _ => Ok(None),
        }
    }

    fn words(&mut self, words: &[&[u8]]) -> Result<ValueId, Stop> {
        let words = words.iter().map(|w| w.to_vec()).collect::<Vec<_>>();
        let count = words.len();
        Ok(self.build().literal(Literal::Text(words, vec![count]))?)
    }

    /// Pieces along a new last axis, empty ones where there are fewer; how many there are.
    fn string_split(&mut self) -> Outcome {
        let x = self.value(0)?;
        let most = self.int("maxsplit").and_then(|n| usize::try_from(n).ok());
        let by = self.attribute("delimiter").map_or(&[][..], |a| &a.s);
        let by = self.words(&[by])?;
        let flat = self.build().reshape(x, &[-1])?;
        let split = self.build().add_many(Op::Text(Text::Split { most }), &[flat, by], 3)?;
        let [places, pieces, shape] = split[..] else { return Ok(None) };
        let dense = self.padded(x, [places, pieces, shape], b"")?;
        let own = self.add(Op::Shape, &[x])?;
        // One for each piece, added up by the text that it is of.
        let (from, to) = (self.build().ints(&[0, 0])?, self.build().ints(&[0, 1])?);
        let step = self.build().ints(&[1, 1])?;
        let masks = Masks { end: 1, shrink: 2, ..Masks::default() };
        let rows = self.add(Op::StridedSlice(masks), &[places, from, to, step])?;
        let (shape_of_rows, one) = (self.add(Op::Shape, &[rows])?, self.build().int(1)?);
        let ones = self.add(Op::Fill, &[shape_of_rows, one])?;
        let count = self.part(shape, 0, 1)?;
        let count = self.build().reshape(count, &[])?;
        let sums = Rows::UnsortedSegments(Segment::Sum, crate::DType::I64);
        let counts = self.rare(Rare::Rows(sums), &[ones, rows, count])?;
        let counts = self.add(Op::Reshape, &[counts, own])?;
        Ok(Some(vec![Val::Tensor(dense, Elem::TEXT), Val::Tensor(counts, Elem::I64)]))
    }

    /// Pieces of each text along a new last axis.
    fn padded(
        &mut self,
        x: ValueId,
        [places, pieces, shape]: [ValueId; 3],
        filler: &[u8],
    ) -> Result<ValueId, Stop> {
        let filler = self.build().literal(Literal::Text(vec![filler.to_vec()], Vec::new()))?;
        let dense = self.rare(Rare::Rows(Rows::SparseToDense), &[places, shape, pieces, filler])?;
        let (own, longest) = (self.add(Op::Shape, &[x])?, self.part(shape, 1, 2)?);
        let wide = self.row(&[own, longest])?;
        let made = self.add(Op::Reshape, &[dense, wide])?;
        if let Some(rank) = self.build().rank(x) {
            self.build().tell(made, vec![None; rank + 1]);
        }
        Ok(made)
    }

    /// The tokenizer of ONNX Runtime: what a pattern matches, what is between separators, or single characters.
    fn tokenized(&mut self) -> Outcome {
        let x = self.value(0)?;
        if self.flag("mark") {
            return Self::refuse("marks around the tokens");
        }
        let separators = self.texts("separators").unwrap_or_default();
        let (source, between) = match (self.text("tokenexp").filter(|e| !e.is_empty()), separators) {
            (Some(expression), _) => (expression.to_owned(), false),
            (None, [only]) if only.is_empty() => ("(?s).".to_owned(), false),
            (None, separators) => {
                let each = separators.iter().map(|s| format!("(?:{})", String::from_utf8_lossy(s)));
                (each.collect::<Vec<_>>().join("|"), true)
            }
        };
        let pattern = Pattern::new(&source, false).filter(|_| !source.is_empty());
        let pattern = pattern.ok_or_else(|| {
            Stop::Refused(format!("the pattern {source:?}: it is none of RE2's, or too large"))
        })?;
        let least = self.int("mincharnum").and_then(|n| usize::try_from(n).ok()).unwrap_or(1);
        let flat = self.build().reshape(x, &[-1])?;
        let op = Op::Text(Text::Tokens { pattern, between, least });
        let found = self.build().add_many(op, &[flat], 3)?;
        let [places, pieces, shape] = found[..] else { return Ok(None) };
        let filler = self.attribute("pad_value").map_or(&[][..], |a| &a.s);
        let made = self.padded(x, [places, pieces, shape], filler)?;
        Self::give(made, Elem::TEXT)
    }

    fn in_case(&mut self, x: ValueId, upper: bool) -> Result<ValueId, Stop> {
        self.add(Op::Text(if upper { Text::Upper { utf8: true } } else { Text::Lower { utf8: true } }), &[x])
    }

    /// Without the words that are left out; of nothing there is an empty word left.
    fn normalised(&mut self) -> Outcome {
        let x = self.value(0)?;
        let rank = self.rank(x)?;
        let mut made = if rank == 1 { x } else { self.build().reshape(x, &[-1])? };
        if let Some(left_out) = self.texts("stopwords").filter(|w| !w.is_empty()) {
            made = self.without(made, left_out)?;
        }
        made = match self.text("case_change_action") {
            None | Some("NONE") => made,
            Some("LOWER") => self.in_case(made, false)?,
            Some("UPPER") => self.in_case(made, true)?,
            Some(other) => return Err(Self::broken(format!("case_change_action {other:?}"))),
        };
        if rank != 1 {
            made = self.build().reshape(made, &[1, -1])?;
        }
        Self::give(made, Elem::TEXT)
    }

    fn without(&mut self, x: ValueId, left_out: &[Vec<u8>]) -> Result<ValueId, Stop> {
        let sensitive = self.flag("is_case_sensitive");
        let key = |word: &Vec<u8>| match sensitive {
            true => word.clone(),
            false => String::from_utf8_lossy(word).to_lowercase().into_bytes(),
        };
        let keys: Vec<Vec<u8>> = left_out.iter().map(key).collect();
        let count = keys.len();
        let values = Literal::Bool(vec![0; count], vec![count]);
        let table = Table::new(&Literal::Text(keys, vec![count]), values);
        let table = table.ok_or_else(|| Self::broken("its stop words are none"))?;
        let keys = if sensitive { x } else { self.in_case(x, false)? };
        let stays = self.build().literal(Literal::Bool(vec![1], Vec::new()))?;
        let stays = self.add(Op::Lookup(Arc::new(table)), &[keys, stays])?;
        let made = self.rare(Rare::Along(Along::Compress { axis: Some(0) }), &[x, stays])?;
        let (count, zero) = (self.add(Op::Size, &[made])?, self.build().int(0)?);
        let is_empty = self.add(Op::Compare(C::Equal), &[count, zero])?;
        let is_empty = self.cast_to(is_empty, Elem::BOOL, Elem::I64)?;
        let is_empty = self.build().reshape(is_empty, &[1])?;
        let (one, begin) = (self.words(&[b""])?, self.build().ints(&[0])?);
        let filler = self.add(Op::Slice, &[one, begin, is_empty])?;
        let made = self.row(&[made, filler])?;
        self.build().tell(made, vec![None]);
        Ok(made)
    }
}
