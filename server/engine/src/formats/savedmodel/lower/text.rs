//! Byte strings.

use super::super::attributes::Attributes as _;
use super::super::proto::Attr;
use super::{Lowering, Outcome};
use crate::DType;
use crate::graph::{Op, Pattern, Text};
use crate::value::Kind;

impl Lowering<'_> {
    pub(super) fn text(&mut self) -> Outcome {
        let utf8 = self.node.text("encoding") == Some("utf-8");
        let by_character = self.node.text("unit") == Some("UTF8_CHAR");
        match self.node.op.as_str() {
            "StringLower" => self.simple(1, Op::Text(Text::Lower { utf8 })),
            "StringUpper" => self.simple(1, Op::Text(Text::Upper { utf8 })),
            "StringStrip" => self.simple(1, Op::Text(Text::Strip)),
            "StringLength" => self.simple(1, Op::Text(Text::Length { utf8: by_character })),
            "StaticRegexReplace" => {
                let pattern = self.node.text("pattern").and_then(|p| Pattern::new(p, false));
                let Some(pattern) = pattern else { return Self::refuse("its pattern") };
                let rewrite = self.node.text("rewrite").unwrap_or("").as_bytes().to_vec();
                let all = !matches!(self.node.attribute("replace_global"), Some(Attr::Bool(false)));
                self.simple(1, Op::Text(Text::Replace { pattern, rewrite, all }))
            }
            "StaticRegexFullMatch" => {
                let pattern = self.node.text("pattern").and_then(|p| Pattern::new(p, true));
                let Some(pattern) = pattern else { return Self::refuse("its pattern") };
                self.simple(1, Op::Text(Text::FullMatch(pattern)))
            }
            "StringSplitV2" => {
                let inputs = self.want(2)?.to_vec();
                let most = usize::try_from(self.node.int("maxsplit").unwrap_or(-1)).ok();
                self.emit_many(Op::Text(Text::Split { most }), inputs, 3)
            }
            "StringJoin" => {
                let between = self.node.text("separator").unwrap_or("").as_bytes().to_vec();
                self.simple(1, Op::Text(Text::Join(between)))
            }
            "Substr" => self.simple(3, Op::Text(Text::Substr { utf8: by_character })),
            "AsString" => {
                let plain = self.node.int("width").unwrap_or(-1) < 0
                    && self.node.int("precision").unwrap_or(-1) < 0
                    && self.node.text("fill").unwrap_or("").is_empty()
                    && !self.node.flag("scientific")
                    && !self.node.flag("shortest");
                if !plain {
                    return Self::refuse("its format");
                }
                self.simple(1, Op::Text(Text::FromNumbers))
            }
            "StringToNumber" => {
                let kind = match self.node.dtype("out_type") {
                    Some(DType::F32) | None => Kind::F32,
                    Some(DType::F64) => Kind::F64,
                    _ => Kind::I64,
                };
                self.simple(1, Op::Text(Text::ToNumbers { kind }))
            }
            "StringToHashBucketFast" => {
                let count = u64::try_from(self.node.int("num_buckets").unwrap_or(0)).unwrap_or(0);
                if count == 0 {
                    return Self::refuse("its number of buckets");
                }
                self.simple(1, Op::Text(Text::Bucket(count)))
            }
            "RaggedTensorToTensor" => self.densify(),
            _ => Ok(None),
        }
    }

    /// Shape, values, default, then what says where rows are: one level of rows only.
    fn densify(&mut self) -> Outcome {
        let types = match self.node.attribute("row_partition_types") {
            Some(Attr::List(list)) => list.s.clone(),
            _ => Vec::new(),
        };
        let inputs = self.want(4)?.to_vec();
        let types: Vec<&[u8]> = types.iter().map(Vec::as_slice).collect();
        match (types.as_slice(), inputs.as_slice()) {
            ([b"ROW_SPLITS"], [shape, values, default, rows]) => {
                self.emit(Op::Text(Text::Densify { splits: true }), vec![*shape, *values, *default, *rows])
            }
            ([b"FIRST_DIM_SIZE", b"VALUE_ROWIDS"], [shape, values, default, count, rows]) => {
                let inputs = vec![*shape, *values, *default, *rows, *count];
                self.emit(Op::Text(Text::Densify { splits: false }), inputs)
            }
            _ => Self::refuse("more than one level of rows"),
        }
    }
}
