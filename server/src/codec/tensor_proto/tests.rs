use super::{Room, number, read, write};
use crate::grpc::proto::tensorflow::tensor_shape_proto::Dim;
use crate::grpc::proto::tensorflow::{DataType, TensorProto, TensorShapeProto};
use berth_engine::{DType, Data, Tensor};
use bytes::Bytes;

fn proto(dtype: DataType, shape: &[i64]) -> TensorProto {
    let dim = shape.iter().map(|size| Dim { size: *size, name: String::new() }).collect();
    let tensor_shape = Some(TensorShapeProto { dim, unknown_rank: false });
    TensorProto { dtype: dtype.into(), tensor_shape, ..TensorProto::default() }
}

fn data(proto: TensorProto, dtype: DType) -> Result<Data, String> {
    read(proto, dtype, &mut Room(1000)).map(|t| t.into_parts().1).map_err(|e| e.to_string())
}

#[test]
fn every_type_comes_back_as_it_went() {
    let floats = Data::F32(vec![1.5, -2.0]);
    let integers = Data::I64(vec![7, 100]);
    for (dtype, values) in [
        (DType::F32, floats.clone()),
        (DType::F16, floats.clone()),
        (DType::BF16, floats),
        (DType::F64, Data::F64(vec![1e300, -0.1])),
        (DType::I8, integers.clone()),
        (DType::I16, integers.clone()),
        (DType::I32, integers.clone()),
        (DType::I64, Data::I64(vec![i64::MIN, i64::MAX])),
        (DType::U8, Data::I64(vec![0, 255])),
        (DType::U16, Data::I64(vec![0, 65535])),
        (DType::U32, Data::I64(vec![0, 4_294_967_295])),
        (DType::U64, Data::I64(vec![0, i64::MAX])),
        (DType::Bool, Data::Bool(vec![true, false])),
        (DType::String, Data::String(vec![b"a\xff".to_vec(), Vec::new()])),
    ] {
        let written = write(Tensor::new(vec![2], values.clone()).unwrap(), dtype);
        assert_eq!(written.dtype(), number(dtype));
        assert_eq!(data(written, dtype).unwrap(), values, "{dtype}");
    }
}

#[test]
fn contents_are_the_elements_in_memory() {
    let content = |dtype: DataType, shape: &[i64], bytes: &[u8]| TensorProto {
        tensor_content: Bytes::copy_from_slice(bytes),
        ..proto(dtype, shape)
    };
    let float = [1.0f32.to_le_bytes(), 2.5f32.to_le_bytes()].concat();
    assert_eq!(data(content(DataType::DtFloat, &[2], &float), DType::F32), Ok(Data::F32(vec![1.0, 2.5])));
    assert_eq!(
        data(content(DataType::DtInt16, &[2], &[1, 0, 255, 255]), DType::I16),
        Ok(Data::I64(vec![1, -1]))
    );
    assert_eq!(
        data(content(DataType::DtBool, &[2], &[0, 2]), DType::Bool),
        Ok(Data::Bool(vec![false, true]))
    );
    assert_eq!(data(content(DataType::DtHalf, &[1], &[0, 0x3c]), DType::F16), Ok(Data::F32(vec![1.0])));
    let strings = content(DataType::DtString, &[3], b"\x02\x00\x01abc");
    let texts = vec![b"ab".to_vec(), Vec::new(), b"c".to_vec()];
    assert_eq!(data(strings, DType::String), Ok(Data::String(texts)));
    for (dtype, wanted, shape, bytes) in [
        (DataType::DtFloat, DType::F32, &[2i64][..], &float[..7]),
        (DataType::DtFloat, DType::F32, &[3], &float[..]),
        (DataType::DtFloat, DType::F32, &[1 << 40], &float[..]),
        (DataType::DtUint64, DType::U64, &[1], &[255; 8][..]),
        (DataType::DtString, DType::String, &[2], b"\x02\x00a"),
        (DataType::DtString, DType::String, &[2], b"\x01"),
        (DataType::DtString, DType::String, &[1], b"\x00a"),
        (DataType::DtString, DType::String, &[1 << 50], b"\x00\x00"),
        (DataType::DtString, DType::String, &[1], b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
        (DataType::DtString, DType::String, &[1], b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f"),
    ] {
        assert!(data(content(dtype, shape, bytes), wanted).is_err(), "{dtype:?} {shape:?} {bytes:?}");
    }
}

#[test]
fn the_last_value_stands_for_those_that_follow() {
    let short = TensorProto { float_val: vec![1.0, 2.0], ..proto(DataType::DtFloat, &[2, 2]) };
    assert_eq!(data(short, DType::F32), Ok(Data::F32(vec![1.0, 2.0, 2.0, 2.0])));
    assert_eq!(data(proto(DataType::DtInt32, &[3]), DType::I32), Ok(Data::I64(vec![0; 3])));
    let texts = TensorProto { string_val: vec![Bytes::from_static(b"x")], ..proto(DataType::DtString, &[2]) };
    assert_eq!(data(texts, DType::String), Ok(Data::String(vec![b"x".to_vec(); 2])));
    let many = TensorProto { bool_val: vec![true, true, false], ..proto(DataType::DtBool, &[1]) };
    assert_eq!(data(many, DType::Bool), Ok(Data::Bool(vec![true])));
    let scalar = TensorProto { double_val: vec![0.5], ..proto(DataType::DtDouble, &[]) };
    assert_eq!(data(scalar, DType::F64), Ok(Data::F64(vec![0.5])));
    assert_eq!(data(proto(DataType::DtFloat, &[0, 5]), DType::F32), Ok(Data::F32(Vec::new())));
}

#[test]
fn short_forms_grow_no_further_than_a_request_in_full() {
    let mut room = Room(1000);
    assert!(read(proto(DataType::DtFloat, &[200]), DType::F32, &mut room).is_ok());
    assert!(
        read(proto(DataType::DtFloat, &[51]), DType::F32, &mut room).is_err(),
        "the room is for all inputs"
    );
    for shape in [&[251i64][..], &[1 << 40], &[i64::MAX], &[1 << 31, 1 << 31]] {
        assert!(data(proto(DataType::DtFloat, shape), DType::F32).is_err(), "{shape:?}");
    }
    let long = Bytes::from(vec![b'x'; 400]);
    let texts = TensorProto { string_val: vec![long], ..proto(DataType::DtString, &[4]) };
    assert!(data(texts, DType::String).is_err());
}

#[test]
fn what_is_no_tensor_of_the_model_is_told() {
    let unknown = TensorShapeProto { dim: Vec::new(), unknown_rank: true };
    for (wrong, wanted) in [
        (proto(DataType::DtInvalid, &[]), DType::F32),
        (proto(DataType::DtComplex64, &[]), DType::F32),
        (proto(DataType::DtDouble, &[]), DType::F32),
        (proto(DataType::DtFloat, &[-1]), DType::F32),
        (proto(DataType::DtFloat, &[1; 255]), DType::F32),
        (proto(DataType::DtFloat, &[i64::MAX, i64::MAX]), DType::F32),
        (TensorProto { dtype: 4096, ..TensorProto::default() }, DType::F32),
        (TensorProto { tensor_shape: Some(unknown), ..proto(DataType::DtFloat, &[]) }, DType::F32),
        (TensorProto { int_val: vec![256], ..proto(DataType::DtUint8, &[1]) }, DType::U8),
        (TensorProto { int_val: vec![-129], ..proto(DataType::DtInt8, &[1]) }, DType::I8),
        (TensorProto { uint64_val: vec![1 << 63], ..proto(DataType::DtUint64, &[1]) }, DType::U64),
    ] {
        assert!(data(wrong.clone(), wanted).is_err(), "{wrong:?}");
    }
}
