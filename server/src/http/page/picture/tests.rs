use super::*;

fn png_of(width: u32, colour: png::ColorType, data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let height = data.len() / (width as usize * colour.samples());
    let mut encoder = png::Encoder::new(&mut bytes, width, height as u32);
    encoder.set_color(colour);
    encoder.write_header().unwrap().write_image_data(data).unwrap();
    bytes
}

fn taking(dtype: DType, shape: &[Option<usize>]) -> Signature {
    let input = TensorSpec { name: "x".to_owned(), dtype, shape: Some(shape.to_vec()) };
    Signature { name: "serving_default".to_owned(), inputs: vec![input], outputs: Vec::new() }
}

fn tensor(dtype: DType, shape: &[Option<usize>], file: &[u8], scale: Scale) -> Result<Tensor, InvokeError> {
    let signature = taking(dtype, shape);
    Target::of(&signature).expect("a model of pictures").tensor(file, &signature.inputs[0], scale)
}

#[test]
fn a_picture_gets_the_shape_and_type_that_the_model_takes() {
    let file = png_of(2, png::ColorType::Rgb, &[255, 0, 0, 0, 255, 0]);
    let (n, s) = (None, Some);
    let last = tensor(DType::F32, &[n, s(1), s(2), s(3)], &file, Scale::Unit).unwrap();
    assert_eq!((last.shape(), last.data()), (&[1, 1, 2, 3][..], &Data::F32(vec![1., 0., 0., 0., 1., 0.])));
    let first = tensor(DType::F64, &[n, s(3), s(1), s(2)], &file, Scale::Signed).unwrap();
    assert_eq!(
        (first.shape(), first.data()),
        (&[1, 3, 1, 2][..], &Data::F64(vec![1., -1., -1., 1., -1., -1.]))
    );
    let ints = tensor(DType::U8, &[s(1), s(2), s(4)], &file, Scale::Unit).unwrap();
    assert_eq!(
        (ints.shape(), ints.data()),
        (&[1, 2, 4][..], &Data::I64(vec![255, 0, 0, 255, 0, 255, 0, 255]))
    );
    let grey = tensor(DType::F32, &[n, s(8), s(8)], &file, Scale::Byte).unwrap();
    assert_eq!(grey.shape(), [1, 8, 8]);
    let text = tensor(DType::String, &[n], &file, Scale::Unit).unwrap();
    assert_eq!(text.data(), &Data::String(vec![file.clone()]));
    for shape in [
        &[n, s(784)][..],
        &[n, n, s(3)],
        &[n, s(30), s(3)],
        &[n, s(30), s(8)],
        &[n, s(5), s(5), s(7)],
        &[s(8), s(4), s(4), s(3)],
        &[],
    ] {
        assert_eq!(Target::of(&taking(DType::F32, shape)), None, "{shape:?}");
    }
    let huge = tensor(DType::F32, &[n, s(1 << 40), s(1 << 40), s(3)], &file, Scale::Unit);
    assert!(huge.unwrap_err().to_string().contains("too large"));
}

/// Two pixels of 200, 30, 60, and two of grey 77, as Pillow writes them.
const JPEGS: [(&str, &[u8]); 2] = [
    (
        "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAIBAQEBAQIBAQECAgICAgQDAgICAgUEBAMEBgUGBgYFBgYGBwkIBgcJBwYGCAsICQoKCgoKBggLDAsKDAkKCgr/\
         2wBDAQICAgICAgUDAwUKBwYHCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgr/wAARCAABAAIDAREAAhEBAxEB/8QA\
         FAABAAAAAAAAAAAAAAAAAAAACP/EABQQAQAAAAAAAAAAAAAAAAAAAAD/xAAVAQEBAAAAAAAAAAAAAAAAAAAGCf/EABQRAQAAAAAAAAAAAAAAAAAAAAD/2gAMAwEA\
         AhEDEQA/ACeDqmP/2Q==",
        &[200, 30, 60],
    ),
    (
        "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAIBAQEBAQIBAQECAgICAgQDAgICAgUEBAMEBgUGBgYFBgYGBwkIBgcJBwYGCAsICQoKCgoKBggLDAsKDAkKCgr/\
         wAALCAABAAIBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAACP/EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AGb//2Q==",
        &[77],
    ),
];

#[test]
fn photographs_are_read_in_their_colours() {
    use base64::Engine as _;
    for (text, pixel) in JPEGS {
        let file = base64::engine::general_purpose::STANDARD.decode(text).unwrap();
        let picture = decode(&file).unwrap();
        assert_eq!((picture.width, picture.height, picture.channels), (2, 1, pixel.len()));
        let near =
            picture.samples.iter().zip(pixel.iter().cycle()).all(|(got, wanted)| got.abs_diff(*wanted) <= 2);
        assert!(near, "{:?}", picture.samples);
        for end in 0..file.len() / 2 {
            assert!(decode(&file[..end]).is_err(), "{end}");
        }
    }
}

#[test]
fn what_is_no_picture_is_refused_before_memory_is_taken() {
    let file = png_of(2, png::ColorType::GrayscaleAlpha, &[1, 2, 3, 4]);
    assert_eq!(
        decode(&file).unwrap(),
        Bitmap { width: 2, height: 1, channels: 2, samples: vec![1, 2, 3, 4] }
    );
    for end in 0..file.len() - 12 {
        assert!(decode(&file[..end]).is_err(), "{end}");
    }
    // Sides of 60,000 in a file of a few bytes.
    let mut bomb = file;
    bomb[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    // The header's checksum, as the standard has it.
    let sum = crc(&bomb[12..29]).to_be_bytes();
    bomb[29..33].copy_from_slice(&sum);
    let refused = decode(&bomb).unwrap_err().to_string();
    assert!(refused.contains("60000 x 60000"), "{refused}");
    for junk in [&b""[..], b"GIF89a", b"\xff\xd8\xff", b"\xff\xd8\xff\xe0\x00\x10JFIF"] {
        assert!(decode(junk).is_err());
    }
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |s, _| if s & 1 == 1 { s >> 1 ^ 0xedb8_8320 } else { s >> 1 })
    })
}
