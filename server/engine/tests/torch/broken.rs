//! Programs that are none, do not end, or are damaged: each is a typed error.

use super::{load, root};
use std::panic::catch_unwind;

/// A directory with one file of these bytes.
fn archive(name: &str, bytes: &[u8]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(name), bytes).unwrap();
    dir
}

/// A zip archive of these members, none compressed.
fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, data) in members {
        let start = out.len() as u32;
        let common = |to: &mut Vec<u8>| {
            to.extend([20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            to.extend((data.len() as u32).to_le_bytes());
            to.extend((data.len() as u32).to_le_bytes());
            to.extend((name.len() as u16).to_le_bytes());
        };
        out.extend(b"PK\x03\x04");
        common(&mut out);
        out.extend([0, 0]);
        out.extend(name.as_bytes());
        out.extend(*data);
        directory.extend(b"PK\x01\x02\x14\x00");
        common(&mut directory);
        directory.extend([0; 12]);
        directory.extend(start.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (start, size, count) = (out.len() as u32, directory.len() as u32, members.len() as u16);
    out.extend(directory);
    out.extend(b"PK\x05\x06\x00\x00\x00\x00");
    out.extend(count.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend(size.to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0, 0]);
    out
}

/// A program in text: a module of class `M` without attributes, whose text this is.
fn program(text: &str) -> tempfile::TempDir {
    let data = b"\x80\x02c__torch__\nM\n)\x81}b.";
    let members: [(&str, &[u8]); 4] = [
        ("m/data.pkl", data),
        ("m/code/__torch__.py", text.as_bytes()),
        ("m/constants.pkl", b"\x80\x02)."),
        ("m/version", b"3\n"),
    ];
    archive("model.pt", &zip(&members))
}

/// A program whose `forward` does these lines.
fn forward(lines: &[&str]) -> tempfile::TempDir {
    let head = "class M(Module):\n  def forward(self: __torch__.M,\n    x: Tensor) -> Tensor:\n";
    program(&lines.iter().fold(head.to_owned(), |text, line| format!("{text}    {line}\n")))
}

fn error(dir: &tempfile::TempDir) -> String {
    load(dir.path()).map(|_| ()).unwrap_err().to_string()
}

#[test]
fn weights_without_a_program_say_how_to_export_one() {
    let pickle = b"\x80\x02}.";
    let saved = zip(&[("m/data.pkl", pickle), ("m/version", b"3\n"), ("m/data/0", b"\0\0\0\0")]);
    let legacy = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.";
    for bytes in [&saved[..], legacy] {
        let text = error(&archive("model.pth", bytes));
        assert!(text.contains("model.pth") && text.contains("torch.export.save"), "{text}");
    }
}

#[test]
fn a_program_is_preferred_to_weights_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(root().join("network/export/model.pt2"), dir.path().join("model.pt2")).unwrap();
    std::fs::write(dir.path().join("model.pth"), zip(&[("m/data.pkl", b"\x80\x02}."), ("m/version", b"3")]))
        .unwrap();
    assert_eq!(load(dir.path()).unwrap().format(), "pytorch");
}

#[test]
fn programs_that_do_not_end_are_errors() {
    let cases: [(&[&str], &str); 7] = [
        (&["while True:", "  pass", "return x"], "without an end"),
        (&["for i in range(100000000):", "  pass", "return x"], "turns"),
        (&["return (self).forward(x, )"], "too deep"),
        (&["a = [1]", "for i in range(100):", "  a = torch.mul(a, 1000)", "return x"], "repeated too often"),
        (&["return torch.add(x, y)"], "is wanted"),
        (&["ops.prim.RaiseException(\"no\")", "return x"], "raises an exception: no"),
        (
            &["if torch.gt(torch.sum(x), 0):", "  return x", "else:", "  pass", "return torch.neg(x)"],
            "depends on the request",
        ),
    ];
    for (lines, wanted) in cases {
        let text = error(&forward(lines));
        assert!(text.contains(wanted), "{lines:?}: {text}");
    }
}

#[test]
fn text_that_is_no_program_is_an_error() {
    let deep = format!("return {}x{}", "(".repeat(5000), ")".repeat(5000));
    let chained = format!("return {}x", "-".repeat(100_000));
    for line in ["return x x", "return (x", "return \"x", "x = ", "return $", "if x:", &deep, &chained] {
        let text = error(&forward(&[line]));
        assert!(
            text.contains("line 4") || text.contains("line 5"),
            "{}: {text}",
            &line[..line.len().min(20)]
        );
    }
    assert!(error(&program("def forward(x):\n  return x\n")).contains("no class"));
}

#[test]
fn indices_of_more_axes_than_there_are_are_an_error() {
    let rows = ["y = torch.reshape(x, [2, 3])", "n = torch.argmax(y, 1)"];
    let of = |last| forward(&[rows[0], rows[1], last]);
    let text = error(&of("return torch.index_put(y, [n, n, n], torch.sum(y))"));
    assert!(text.contains("axis 2 of a tensor with 2 axes"), "{text}");
    let text =
        error(&of("return torch.index_put(y, [torch.gt(torch.reshape(x, [2, 3, 1]), 0)], torch.sum(y))"));
    assert!(text.contains("a mask of more axes"), "{text}");
}

#[test]
fn everything_that_is_missing_is_named() {
    let text = error(&forward(&["return torch.linalg_lu(x)"]));
    assert!(text.contains("aten.linalg_lu"), "{text}");
    let text = error(&forward(&["return torch.fft_rfft2(x)"]));
    assert!(text.contains("view_as_real"), "{text}");
    let text = error(&forward(&["return ops.torchvision.ps_roi_pool(x, x, 0.5)"]));
    assert!(text.contains("torchvision.ps_roi_pool"), "{text}");
}

#[test]
fn data_names_no_other_classes() {
    let data = b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00echo\x85R.";
    let members: [(&str, &[u8]); 3] =
        [("m/data.pkl", data), ("m/code/__torch__.py", b""), ("m/version", b"3\n")];
    let text = error(&archive("model.pt", &zip(&members)));
    assert!(text.contains("os.system"), "{text}");
}

#[test]
fn damaged_archives_never_panic() {
    let mut state = 7u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    for name in [
        "network/export/model.pt2",
        "network/script/model.pt",
        "views/dynamic/model.pt2",
        "older/older/model.pt2",
    ] {
        let whole = std::fs::read(root().join(name)).unwrap();
        let file = name.rsplit('/').next().unwrap();
        for n in 0..80 {
            let mut bytes = whole.clone();
            if n % 4 == 0 {
                bytes.truncate(random() % bytes.len());
            } else {
                for _ in 0..1 + random() % 4 {
                    let at = random() % bytes.len();
                    bytes[at] ^= 1 << (random() % 8);
                }
            }
            let dir = archive(file, &bytes);
            let path = dir.path().to_owned();
            assert!(catch_unwind(|| load(&path).map(|_| ())).is_ok(), "{name} panics, change {n}");
        }
    }
}
