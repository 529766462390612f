//! The outputs of operations that have several, by name: functions name them so.

use super::super::attributes::Attributes as _;
use super::super::proto::NodeDef;

/// How many outputs come before a named one, which is how functions name them.
pub fn outputs_before(node: &NodeDef, output: &str) -> usize {
    match (node.op.as_str(), output) {
        ("ParseExample" | "ParseExampleV2" | "ParseSingleExample", _) => {
            super::examples::outputs_before(node, output)
        }
        ("ParseSequenceExample" | "ParseSequenceExampleV2" | "ParseSingleSequenceExample", _) => {
            super::sequences::outputs_before(node, output)
        }
        ("RaggedTensorFromVariant", "output_dense_values") => {
            node.int("output_ragged_rank").and_then(|n| usize::try_from(n).ok()).unwrap_or(0)
        }
        ("CTCBeamSearchDecoder", _) => {
            let paths = node.int("top_paths").and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
            match output {
                "decoded_values" => paths,
                "decoded_shape" => paths.saturating_mul(2),
                "log_probability" => paths.saturating_mul(3),
                _ => 0,
            }
        }
        ("BlockLSTM" | "BlockLSTMV2" | "LSTMBlockCell", _) => {
            ["i", "cs", "f", "o", "ci", "co", "h"].iter().position(|name| *name == output).unwrap_or(0)
        }
        ("GRUBlockCell", _) => ["r", "u", "c", "h"].iter().position(|name| *name == output).unwrap_or(0),
        ("CTCGreedyDecoder", _) => {
            let names = ["decoded_indices", "decoded_values", "decoded_shape", "log_probability"];
            names.iter().position(|name| *name == output).unwrap_or(0)
        }
        ("RaggedGather", "output_dense_values") => {
            node.int("OUTPUT_RAGGED_RANK").and_then(|n| usize::try_from(n).ok()).unwrap_or(0)
        }
        ("LogMatrixDeterminant", "log_abs_determinant")
        | ("Qr", "r")
        | ("Svd", "u")
        | ("ListDiff", "idx")
        | ("MaxPoolWithArgmax", "argmax")
        | ("UniqueWithCountsV2", "idx")
        | ("StatelessRandomGetKeyCounter" | "StatelessRandomGetKeyCounterAlg", "counter")
        | ("StringNGrams", "ngrams_splits")
        | ("UnicodeDecode" | "UnicodeDecodeWithOffsets", "char_values")
        | ("StringSplit", "values")
        | (
            "SparseReorder"
            | "SparseFillEmptyRows"
            | "SparseConcat"
            | "SparseCross"
            | "SparseSlice"
            | "SparseCrossV2"
            | "SparseCrossHashed"
            | "DenseCountSparseOutput"
            | "SparseCountSparseOutput"
            | "RaggedCountSparseOutput"
            | "RaggedFillEmptyRows",
            "output_values",
        )
        | ("SparseReshape", "output_shape")
        | ("SparseAdd", "sum_values")
        | ("RaggedCross", "output_row_splits")
        | ("DecodeWav", "sample_rate")
        | ("RaggedTensorToSparse", "sparse_values")
        | ("RaggedRange", "rt_dense_values")
        | ("NonMaxSuppressionV4", "valid_outputs")
        | ("NonMaxSuppressionV5", "selected_scores")
        | ("CombinedNonMaxSuppression", "nmsed_scores") => 1,
        ("Svd", "v")
        | ("StatelessRandomGetKeyCounterAlg", "alg")
        | ("UniqueWithCountsV2", "count")
        | ("UnicodeDecodeWithOffsets", "char_to_byte_starts")
        | ("StringSplit", "shape")
        | ("SparseFillEmptyRows", "empty_row_indicator")
        | (
            "SparseConcat" | "SparseCross" | "SparseCrossV2" | "SparseCrossHashed" | "SparseSlice",
            "output_shape",
        )
        | (
            "DenseCountSparseOutput" | "SparseCountSparseOutput" | "RaggedCountSparseOutput",
            "output_dense_shape",
        )
        | ("SparseAdd", "sum_shape")
        | ("RaggedFillEmptyRows", "empty_row_indicator")
        | ("RaggedTensorToSparse", "sparse_dense_shape")
        | ("NonMaxSuppressionV5", "valid_outputs")
        | ("CombinedNonMaxSuppression", "nmsed_classes") => 2,
        ("CombinedNonMaxSuppression", "valid_detections")
        | ("SparseFillEmptyRows" | "RaggedFillEmptyRows", "reverse_index_map") => 3,
        _ => 0,
    }
}
