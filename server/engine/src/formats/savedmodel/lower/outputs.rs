//! The outputs of operations that have several, by name: functions name them so.

use super::super::attributes::Attributes as _;
use super::super::proto::NodeDef;

/// How many outputs come before a named one.
pub fn outputs_before(node: &NodeDef, output: &str) -> usize {
    let count = |name: &str| node.int(name).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    match (node.op.as_str(), output) {
        ("ParseExample" | "ParseExampleV2" | "ParseSingleExample", _) => typed(node, EXAMPLE, output),
        ("ParseSequenceExample" | "ParseSequenceExampleV2" | "ParseSingleSequenceExample", _) => {
            typed(node, SEQUENCE, output)
        }
        ("RaggedTensorFromVariant", "output_dense_values") => count("output_ragged_rank"),
        ("RaggedGather", "output_dense_values") => count("OUTPUT_RAGGED_RANK"),
        ("SparseSplit", _) => place(names("SparseSlice"), output).saturating_mul(count("num_split")),
        ("CTCBeamSearchDecoder", _) => place(CTC, output).saturating_mul(count("top_paths")),
        (op, _) => place(names(op), output),
    }
}

/// The same where each name has as many outputs as an attribute has types.
fn typed(node: &NodeDef, names: &[(&str, &str)], output: &str) -> usize {
    let at = names.iter().position(|(name, _)| *name == output).unwrap_or(0);
    names[..at].iter().map(|(_, types)| node.dtypes(types).map_or(0, |types| types.len())).sum()
}

const EXAMPLE: &[(&str, &str)] = &[
    ("sparse_indices", "sparse_types"),
    ("sparse_values", "sparse_types"),
    ("sparse_shapes", "sparse_types"),
    ("dense_values", "Tdense"),
    ("ragged_values", "ragged_value_types"),
    ("ragged_row_splits", "ragged_value_types"),
];

const SEQUENCE: &[(&str, &str)] = &[
    ("context_sparse_indices", "context_sparse_types"),
    ("context_sparse_values", "context_sparse_types"),
    ("context_sparse_shapes", "context_sparse_types"),
    ("context_dense_values", "Tcontext_dense"),
    ("context_ragged_values", "context_ragged_value_types"),
    ("context_ragged_row_splits", "context_ragged_value_types"),
    ("feature_list_sparse_indices", "feature_list_sparse_types"),
    ("feature_list_sparse_values", "feature_list_sparse_types"),
    ("feature_list_sparse_shapes", "feature_list_sparse_types"),
    ("feature_list_dense_values", "feature_list_dense_types"),
    ("feature_list_dense_lengths", "feature_list_dense_types"),
    ("feature_list_ragged_values", "feature_list_ragged_value_types"),
    ("feature_list_ragged_outer_splits", "feature_list_ragged_value_types"),
    ("feature_list_ragged_inner_splits", "feature_list_ragged_value_types"),
];

fn place(names: &[&str], output: &str) -> usize {
    names.iter().position(|name| *name == output).unwrap_or(0)
}

const CTC: &[&str] = &["decoded_indices", "decoded_values", "decoded_shape", "log_probability"];

/// The names of outputs of one value each, in their order.
fn names(op: &str) -> &'static [&'static str] {
    match op {
        "BlockLSTM" | "BlockLSTMV2" | "LSTMBlockCell" => &["i", "cs", "f", "o", "ci", "co", "h"],
        "CTCGreedyDecoder" => CTC,
        "CombinedNonMaxSuppression" => &["nmsed_boxes", "nmsed_scores", "nmsed_classes", "valid_detections"],
        "DecodeWav" => &["audio", "sample_rate"],
        "DenseCountSparseOutput" | "RaggedCountSparseOutput" | "SparseCountSparseOutput" => {
            &["output_indices", "output_values", "output_dense_shape"]
        }
        "DenseToDenseSetOperation" | "DenseToSparseSetOperation" | "SparseToSparseSetOperation" => {
            &["result_indices", "result_values", "result_shape"]
        }
        "FusedBatchNorm" | "FusedBatchNormV2" | "FusedBatchNormV3" => {
            &["y", "batch_mean", "batch_variance", "reserve_space_1", "reserve_space_2", "reserve_space_3"]
        }
        "FusedBatchNormGrad" | "FusedBatchNormGradV2" | "FusedBatchNormGradV3" => {
            &["x_backprop", "scale_backprop", "offset_backprop", "reserve_space_3", "reserve_space_4"]
        }
        "GRUBlockCell" => &["r", "u", "c", "h"],
        "ListDiff" => &["out", "idx"],
        "LogMatrixDeterminant" => &["sign", "log_abs_determinant"],
        "MaxPoolWithArgmax" => &["output", "argmax"],
        "Lu" => &["lu", "p"],
        "NearestNeighbors" => &["nearest_center_indices", "nearest_center_distances"],
        "BroadcastGradientArgs" => &["r0", "r1"],
        "Merge" | "RefMerge" => &["output", "value_index"],
        "NonMaxSuppressionV4" => &["selected_indices", "valid_outputs"],
        "NonMaxSuppressionV5" => &["selected_indices", "selected_scores", "valid_outputs"],
        "Qr" => &["q", "r"],
        "RaggedCross" => &["output_values", "output_row_splits"],
        "RaggedFillEmptyRows" => {
            &["output_value_rowids", "output_values", "empty_row_indicator", "reverse_index_map"]
        }
        "RaggedRange" => &["rt_nested_splits", "rt_dense_values"],
        "RaggedTensorToSparse" => &["sparse_indices", "sparse_values", "sparse_dense_shape"],
        "BatchSelfAdjointEigV2" | "SelfAdjointEigV2" => &["e", "v"],
        "SoftmaxCrossEntropyWithLogits" | "SparseSoftmaxCrossEntropyWithLogits" => &["loss", "backprop"],
        "SparseAdd" => &["sum_indices", "sum_values", "sum_shape"],
        "SparseFillEmptyRows" => {
            &["output_indices", "output_values", "empty_row_indicator", "reverse_index_map"]
        }
        "DeserializeSparse" => &["sparse_indices", "sparse_values", "sparse_shape"],
        "SparseReshape" => &["output_indices", "output_shape"],
        "SparseConcat"
        | "SparseCross"
        | "SparseCrossHashed"
        | "SparseCrossV2"
        | "SparseReorder"
        | "SparseReduceMaxSparse"
        | "SparseReduceSumSparse"
        | "SparseSlice"
        | "SparseSparseMaximum"
        | "SparseSparseMinimum" => &["output_indices", "output_values", "output_shape"],
        "StatelessRandomGetKeyCounter" | "StatelessRandomGetKeyCounterAlg" => &["key", "counter", "alg"],
        "StringNGrams" => &["ngrams", "ngrams_splits"],
        "StringSplit" | "StringSplitV2" => &["indices", "values", "shape"],
        "BatchSvd" | "Svd" => &["s", "u", "v"],
        "Switch" | "RefSwitch" => &["output_false", "output_true"],
        "TensorArrayConcatV3" => &["value", "lengths"],
        "TensorArrayV3" => &["handle", "flow"],
        "TensorListConcat" | "TensorListConcatV2" => &["tensor", "lengths"],
        "TensorListPopBack" => &["output_handle", "tensor"],
        "ApproxTopK" | "TopK" | "TopKV2" => &["values", "indices"],
        "UnicodeDecode" | "UnicodeDecodeWithOffsets" => &["row_splits", "char_values", "char_to_byte_starts"],
        "Unique" | "UniqueV2" | "UniqueWithCounts" | "UniqueWithCountsV2" => &["y", "idx", "count"],
        _ => &[],
    }
}
