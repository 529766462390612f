//! Byte strings.

use super::super::attributes::Attributes as _;
use super::super::proto::Attr;
use super::{Lowering, Outcome};
use crate::DType;
use crate::graph::{Encoding, Faults, Grams, Notation, Op, Packing, Pattern, Template, Text, Written};
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
            "StringToNumber" => {
                let kind = match self.node.dtype("out_type") {
                    Some(DType::F32) | None => Kind::F32,
                    Some(DType::F64) => Kind::F64,
                    _ => Kind::I64,
                };
                self.simple(1, Op::Text(Text::ToNumbers { kind }))
            }
            "StringToHashBucketFast" => match self.buckets() {
                Some(count) => self.simple(1, Op::Text(Text::Bucket(count))),
                None => Self::refuse("its number of buckets"),
            },
            "StringToHashBucket" => match self.buckets() {
                Some(count) => self.simple(1, Op::Text(Text::BucketFirst(count))),
                None => Self::refuse("its number of buckets"),
            },
            "StringToHashBucketStrong" => match (self.buckets(), &self.node.ints("key")[..]) {
                (Some(count), [a, b]) => {
                    let key = [a.cast_unsigned(), b.cast_unsigned()];
                    self.simple(1, Op::Text(Text::BucketStrong { count, key }))
                }
                _ => Self::refuse("its number of buckets, or its key"),
            },
            _ => self.more_text(),
        }
    }

    fn buckets(&self) -> Option<u64> {
        self.node.int("num_buckets").and_then(|n| u64::try_from(n).ok()).filter(|n| *n > 0)
    }

    /// An attribute that is true when it is left out.
    pub(super) fn yes(&self, name: &str) -> bool {
        !matches!(self.node.attribute(name), Some(Attr::Bool(false)))
    }

    pub(super) fn bytes(&self, name: &str) -> Vec<u8> {
        match self.node.attribute(name) {
            Some(Attr::Bytes(bytes)) => bytes.clone(),
            _ => Vec::new(),
        }
    }

    fn more_text(&mut self) -> Outcome {
        match self.node.op.as_str() {
            "StringSplit" => {
                let inputs = self.want(2)?.to_vec();
                let skip_empty = self.yes("skip_empty");
                self.emit_many(Op::Text(Text::SplitAny { skip_empty }), inputs, 3)
            }
            "RegexReplace" => self.simple(3, Op::Text(Text::ReplaceBy { all: self.yes("replace_global") })),
            "RegexFullMatch" => self.simple(2, Op::Text(Text::FullMatchBy)),
            "StringNGrams" => self.grams(),
            "ReduceJoin" => {
                let (separator, keep) = (self.bytes("separator"), self.node.flag("keep_dims"));
                self.simple(2, Op::Text(Text::ReduceJoin { separator, keep }))
            }
            "UnsortedSegmentJoin" => self.simple(3, Op::Text(Text::SegmentJoin(self.bytes("separator")))),
            "UnicodeDecode" | "UnicodeDecodeWithOffsets" => match self.encoding("input_encoding") {
                Some(from) => {
                    let inputs = self.want(1)?.to_vec();
                    let faults = self.faults();
                    self.emit_many(Op::Text(Text::Characters { from, faults }), inputs, 3)
                }
                None => Self::refuse("its encoding"),
            },
            "UnicodeEncode" => match self.encoding("output_encoding") {
                Some(to) => self.simple(2, Op::Text(Text::FromCharacters { to, faults: self.faults() })),
                None => Self::refuse("its encoding"),
            },
            "UnicodeTranscode" => match (self.encoding("input_encoding"), self.encoding("output_encoding")) {
                (Some(from), Some(to)) => {
                    self.simple(1, Op::Text(Text::Transcode { from, to, faults: self.faults() }))
                }
                _ => Self::refuse("its encoding"),
            },
            "AsString" => {
                let notation = match (self.node.flag("scientific"), self.node.flag("shortest")) {
                    (true, _) => Notation::Scientific,
                    (_, true) => Notation::Shortest,
                    _ => Notation::Fixed,
                };
                let size =
                    |name| self.node.int(name).and_then(|n| usize::try_from(n).ok()).filter(|n| *n < 512);
                let written = Written {
                    notation,
                    precision: size("precision"),
                    width: size("width").unwrap_or(0),
                    fill: self.bytes("fill").first().copied().unwrap_or(0),
                };
                self.simple(1, Op::Text(Text::FromNumbers(written)))
            }
            "UnicodeScript" => self.simple(1, Op::Text(Text::Scripts)),
            "StringFormat" => self.template(),
            _ => self.bytes_of_text(),
        }
    }

    /// Texts that are bytes of something else.
    fn bytes_of_text(&mut self) -> Outcome {
        match self.node.op.as_str() {
            "DecodeCompressed" => match self.node.text("compression_type").unwrap_or("") {
                "" => {
                    let x = self.want(1)?[0];
                    Self::value(x)
                }
                "ZLIB" => self.simple(1, Op::Text(Text::Unpacked(Packing::Zlib))),
                "GZIP" => self.simple(1, Op::Text(Text::Unpacked(Packing::Gzip))),
                _ => Self::refuse("its kind of compression"),
            },
            "ParseTensor" => match self.node.dtype("out_type") {
                Some(dtype) => self.simple(1, Op::Text(Text::Tensor(dtype))),
                None => Self::refuse("of a type that is not supported"),
            },
            "SerializeTensor" => match self.node.dtype("T") {
                Some(dtype) => self.simple(1, Op::Text(Text::Serialized(dtype))),
                None => Self::refuse("of a type that is not supported"),
            },
            "EncodeBase64" => self.simple(1, Op::Text(Text::EncodeBase64 { pad: self.node.flag("pad") })),
            "DecodeBase64" => self.simple(1, Op::Text(Text::DecodeBase64)),
            "DecodeRaw" | "DecodePaddedRaw" => match self.node.dtype("out_type") {
                Some(dtype) => {
                    let big = !self.yes("little_endian");
                    let inputs = if self.node.op == "DecodeRaw" { 1 } else { 2 };
                    self.simple(inputs, Op::Text(Text::DecodeRaw { dtype, big }))
                }
                None => Self::refuse("into a type that is not supported"),
            },
            _ => Ok(None),
        }
    }

    fn template(&mut self) -> Outcome {
        let given = |name, or: &str| match self.bytes(name) {
            bytes if bytes.is_empty() => or.to_owned(),
            bytes => String::from_utf8_lossy(&bytes).into_owned(),
        };
        let (text, place) = (given("template", "%s"), given("placeholder", "%s"));
        let parts = text.split(&place).map(|part| part.as_bytes().to_vec()).collect();
        let ends = usize::try_from(self.node.int("summarize").unwrap_or(3)).ok();
        self.simple(0, Op::Text(Text::Template(Template { parts, ends })))
    }

    fn grams(&mut self) -> Outcome {
        let widths: Option<Vec<usize>> =
            self.node.ints("ngram_widths").iter().map(|w| usize::try_from(*w).ok()).collect();
        let widths = widths.filter(|w| w.iter().all(|w| (1..1 << 16).contains(w)));
        let Some(widths) = widths else { return Self::refuse("its widths") };
        let pad = self.node.int("pad_width").unwrap_or(0);
        if pad >= 1 << 16 {
            return Self::refuse("its padding");
        }
        let how = Grams {
            separator: self.bytes("separator"),
            widths,
            left: self.bytes("left_pad"),
            right: self.bytes("right_pad"),
            pad: usize::try_from(pad).ok(),
            short: self.node.flag("preserve_short_sequences"),
        };
        let inputs = self.want(2)?.to_vec();
        self.emit_many(Op::Text(Text::Grams(how)), inputs, 2)
    }

    fn encoding(&self, name: &str) -> Option<Encoding> {
        Some(match self.node.text(name)?.to_ascii_uppercase().as_str() {
            "UTF-8" | "UTF8" | "US-ASCII" | "ASCII" => Encoding::Utf8,
            "UTF-16-BE" | "UTF-16BE" => Encoding::Utf16,
            "UTF-32-BE" | "UTF-32BE" => Encoding::Utf32,
            _ => return None,
        })
    }

    fn faults(&self) -> Faults {
        let replacement =
            self.node.int("replacement_char").and_then(|c| u32::try_from(c).ok()).unwrap_or(0xfffd);
        let errors = self.node.text("errors");
        Faults {
            strict: errors == Some("strict"),
            replacement: (errors != Some("ignore")).then_some(replacement),
            control: self.node.flag("replace_control_characters"),
        }
    }
}
