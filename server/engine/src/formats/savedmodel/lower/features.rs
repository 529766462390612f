//! What prepares features: crosses, counts, sums of sparse arrays, lines of values.

use super::super::attributes::Attributes as _;
use super::super::proto::Attr;
use super::rare::rare;
use super::{Lowered, Lowering, Outcome, Val};
use crate::DType;
use crate::graph::{Counts, Cross, Crossed, Csv, Op, Rare, Rows, Text};

impl Lowering<'_> {
    pub(super) fn features(&mut self) -> Outcome {
        match self.node.op.as_str() {
            "SparseCross" | "SparseCrossV2" | "SparseCrossHashed" | "RaggedCross" => self.cross(),
            "SparseAdd" => self.row(7, Rows::SparseAdd, 3),
            "SparseSoftmax" => self.row(3, Rows::SparseSoftmax, 1),
            "EditDistance" => {
                let normalized = self.yes("normalize");
                self.row(6, Rows::EditDistance { normalized }, 1)
            }
            "DenseCountSparseOutput" => self.row(2, Rows::Counts(self.limits()), 3),
            "SparseCountSparseOutput" => self.row(4, Rows::SparseCounts(self.limits()), 3),
            "RaggedCountSparseOutput" => self.row(3, Rows::RaggedCounts(self.limits()), 3),
            "RaggedFillEmptyRows" => self.fill_empty_rows(),
            "DecodeCSV" => self.csv(),
            _ => Ok(None),
        }
    }

    fn limits(&self) -> Counts {
        let limit = |name| self.node.int(name).unwrap_or(-1);
        Counts {
            least: limit("minlength"),
            most: limit("maxlength"),
            binary: self.node.flag("binary_output"),
        }
    }

    fn cross(&mut self) -> Outcome {
        let op = self.node.op.as_str();
        let by_splits = op == "RaggedCross";
        let list = |name: &str| match self.node.attribute(name) {
            Some(Attr::List(list)) => list.types.len(),
            _ => 0,
        };
        let sparse = if by_splits { self.count("Nsparse") } else { self.count("N") };
        let (ragged, dense) = (list("ragged_values_types"), list("dense_types"));
        let order = match self.node.text("input_order") {
            Some(order) if by_splits => order.as_bytes().to_vec(),
            _ => [vec![b'S'; sparse], vec![b'D'; dense]].concat(),
        };
        let buckets = u64::try_from(self.node.int("num_buckets").unwrap_or(0)).unwrap_or(0);
        let keyed = Crossed::Keyed { buckets, key: self.node.int("hash_key").unwrap_or(0).cast_unsigned() };
        let (how, more) = match op {
            "SparseCrossHashed" => (Crossed::Salted, 3),
            "SparseCrossV2" => (Crossed::Joined, 1),
            _ if self.node.flag("hashed_output") => (keyed, 0),
            _ => (Crossed::Joined, 0),
        };
        let known = |kind: u8| order.iter().filter(|k| **k == kind).count();
        let own = [ragged.saturating_mul(2), sparse.saturating_mul(3), dense, more];
        let all = own.iter().fold(0usize, |n, m| n.saturating_add(*m));
        if [known(b'R'), known(b'S'), known(b'D')] != [ragged, sparse, dense] || all != self.inputs.len() {
            return Self::refuse("columns of other kinds than are said");
        }
        let outputs = if by_splits { 2 } else { 3 };
        self.row(all, Rows::Cross(Cross { ragged, sparse, dense, order, how, by_splits }), outputs)
    }

    /// As of a sparse array, whose indices have one number each.
    fn fill_empty_rows(&mut self) -> Outcome {
        let [rows, values, count, default] = self.want(4)?[..4] else { return Ok(None) };
        let (pairs, single) = (self.ints(vec![-1, 1])?, self.ints(vec![1])?);
        let indices = self.add(Op::Reshape, vec![rows, pairs])?;
        let shape = self.add(Op::Reshape, vec![count, single])?;
        let op = rare(Rare::Rows(Rows::SparseFillEmpty));
        let mut made = self.graph.add_many(op, vec![indices, values, shape, default], 4, &self.node.name)?;
        made[0] = self.add(Op::Squeeze(vec![1]), vec![made[0]])?;
        Ok(Some(Lowered::Values(made.into_iter().map(Val::Value).collect())))
    }

    fn csv(&mut self) -> Outcome {
        let types = self.node.dtypes("OUT_TYPE").filter(|types| {
            let known =
                |t: &DType| matches!(t, DType::F32 | DType::F64 | DType::I32 | DType::I64 | DType::String);
            types.iter().all(known) && types.len() <= 4096
        });
        let columns: Option<Vec<usize>> =
            self.node.ints("select_cols").iter().map(|c| usize::try_from(*c).ok()).collect();
        let delimiter = match self.bytes("field_delim")[..] {
            [] => Some(b','),
            [one] => Some(one),
            _ => None,
        };
        let (Some(types), Some(columns), Some(delimiter)) = (types, columns, delimiter) else {
            return Self::refuse("its columns or what is between them");
        };
        if !columns.is_sorted_by(|a, b| a < b) || !columns.is_empty() && columns.len() != types.len() {
            return Self::refuse("its columns");
        }
        let outputs = types.len();
        let csv = Csv {
            delimiter,
            quotes: self.yes("use_quote_delim"),
            missing: self.bytes("na_value"),
            columns,
            types,
        };
        let inputs = self.want(1 + outputs)?.to_vec();
        self.emit_many(Op::Text(Text::Csv(csv)), inputs, outputs)
    }
}
