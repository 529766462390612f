//! ONNX files made by hand, as small as they can be.

/// A field of a message.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).ok().filter(|n| *n < 128).expect("a short field");
    [&[number << 3 | 2, length], content].concat()
}

/// A field that is a number.
fn number(field: u8, value: u8) -> Vec<u8> {
    assert!(value < 128, "a number of one byte");
    vec![field << 3, value]
}

/// A value's name, its element type and its extents; the first is open.
fn value(name: &str, kind: u8, rest: &[u8]) -> Vec<u8> {
    let open = field(1, &field(2, b"n"));
    let fixed = rest.iter().flat_map(|n| field(1, &number(1, *n)));
    let shape: Vec<u8> = open.into_iter().chain(fixed).collect();
    let tensor = [number(1, kind), field(2, &shape)].concat();
    [field(1, name.as_bytes()), field(2, &field(1, &tensor))].concat()
}

/// A model that looks rows of two numbers up in a table: row `n` has `10 n` and `10 n + 1`. Other rows are an error of the run.
pub fn table(rows: u8) -> Vec<u8> {
    let (float, int) = (1, 7);
    let numbers = (0..rows).flat_map(|n| [f32::from(n) * 10.0, f32::from(n) * 10.0 + 1.0]);
    let data: Vec<u8> = numbers.flat_map(f32::to_le_bytes).collect();
    let table =
        [number(1, rows), number(1, 2), number(2, float), field(8, b"table"), field(9, &data)].concat();
    let gather = [field(1, b"table"), field(1, b"row"), field(2, b"found"), field(4, b"Gather")].concat();
    let graph = [
        field(1, &gather),
        field(2, b"lookup"),
        field(5, &table),
        field(11, &value("row", int, &[])),
        field(12, &value("found", float, &[2])),
    ];
    // The graph is longer than a byte can say.
    let graph = graph.concat();
    let length = [
        u8::try_from(graph.len() & 127).expect("seven bits") | 128,
        u8::try_from(graph.len() >> 7).expect("short"),
    ];
    [
        number(1, 8),
        field(8, &[field(1, b""), number(2, 13)].concat()),
        [&[7 << 3 | 2], &length[..], &graph].concat(),
    ]
    .concat()
}
