//! Models of tables, over S3, through the whole server: each content type in and out, as the XGBoost container has them.

use berth_tests::archives::pack_directory;
use berth_tests::repository;
use berth_tests::s3::S3;
use berth_tests::server::{Server, Setup};
use serde_json::Value;

/// A fixture of the engine's: its archive, its rows (NaN: missing) and what the library answers.
struct Booster {
    archive: Vec<u8>,
    width: usize,
    rows: Vec<f64>,
    answers: Vec<f64>,
}

impl Booster {
    fn of(name: &str) -> Self {
        let dir = repository("server/engine/tests/boosters").join(name);
        let cases = std::fs::read(dir.join("cases.json")).expect("cases");
        let cases: Value = serde_json::from_slice(&cases).expect("JSON");
        let numbers = |json: &Value| -> Vec<f64> {
            let values = json["values"].as_array().expect("values");
            values.iter().map(|v| v.as_f64().unwrap_or(f64::NAN)).collect()
        };
        Self {
            archive: pack_directory(&dir.join("model")),
            width: cases["rows"]["shape"][1].as_u64().expect("a width") as usize,
            rows: numbers(&cases["rows"]),
            answers: numbers(&cases["outputs"]["serving_default"]),
        }
    }

    /// One line a row, each number as `write` writes it.
    fn lines(&self, mut write: impl FnMut(usize, f64) -> Option<String>, separator: &str) -> String {
        let line = |row: &[f64]| {
            let fields: Vec<String> = row.iter().enumerate().filter_map(|(n, v)| write(n, *v)).collect();
            fields.join(separator)
        };
        self.rows.chunks(self.width).map(line).collect::<Vec<_>>().join("\n")
    }

    fn csv(&self) -> String {
        self.lines(|_, v| Some(if v.is_nan() { String::new() } else { v.to_string() }), ",")
    }

    fn libsvm(&self, first: usize) -> String {
        let text = self.lines(|n, v| (!v.is_nan()).then(|| format!("{}:{v}", n + first)), " ");
        // A row of nothing but what is missing is still a row.
        text.lines().map(|line| format!("0 {line}\n")).collect()
    }

    fn json(&self) -> String {
        let rows = self.lines(|_, v| Some(if v.is_nan() { "NaN".to_owned() } else { v.to_string() }), ",");
        format!("{{\"instances\": [[{}]]}}", rows.replace('\n', "],["))
    }

    fn npy(&self) -> Vec<u8> {
        let header = format!(
            "{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}",
            self.rows.len() / self.width,
            self.width
        );
        let header = format!("{header:<117}\n");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(self.rows.iter().flat_map(|v| (*v as f32).to_le_bytes()));
        bytes
    }

    /// Each row a protobuf record: features by the name `values`, of floats.
    fn recordio(&self) -> Vec<u8> {
        // Field `number` of a message that has a length.
        let field = |number: u8, content: &[u8]| {
            assert!(content.len() < 128, "a length of one byte");
            [&[number << 3 | 2, content.len() as u8], content].concat()
        };
        let record = |row: &[f64]| {
            let floats: Vec<u8> = row.iter().flat_map(|v| (*v as f32).to_le_bytes()).collect();
            let tensor = field(2, &field(1, &floats));
            let message = field(1, &[field(1, b"values"), field(2, &tensor)].concat());
            let head = [0xced7_230a_u32.to_le_bytes(), (message.len() as u32).to_le_bytes()].concat();
            let padding = vec![0; message.len().next_multiple_of(4) - message.len()];
            [head, message, padding].concat()
        };
        self.rows.chunks(self.width).flat_map(record).collect()
    }

    /// Whether numbers, in any brackets, are the library's.
    fn check(&self, what: &str, text: &str) {
        let numbers = text.split(['[', ']', ',', ' ', '\n', '{', '}', ':', '"']);
        let numbers: Vec<f64> = numbers.filter_map(|word| word.parse().ok()).collect();
        assert_eq!(numbers.len(), self.answers.len(), "{what}: {text}");
        for (got, wanted) in numbers.iter().zip(&self.answers) {
            assert!((got - wanted).abs() <= 1e-6 + 1e-5 * wanted.abs(), "{what}: {got}, not {wanted}");
        }
    }
}

async fn serving(boosters: &[(&str, &Booster)]) -> (S3, Server) {
    let s3 = S3::start().await;
    for (name, booster) in boosters {
        s3.put(&format!("models/{name}.tar.gz"), booster.archive.clone()).await;
    }
    let server = Setup::s3(&s3, "s3://models/").start().await;
    (s3, server)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_content_type_is_answered_as_the_container_does() {
    let (binary, classes) = (Booster::of("xgb-logistic"), Booster::of("xgb-softprob"));
    let (_s3, server) = serving(&[("binary", &binary), ("classes", &classes)]).await;
    let csv = binary.csv().into_bytes();
    let (any, plain, json) = ("*/*", "text/csv", "application/json");
    for (content_type, body, accept, wanted, shape) in [
        ("text/csv", csv.clone(), any, "text/csv", "0."),
        ("text/csv", csv.clone(), plain, "text/csv", "0."),
        ("text/csv; charset=utf-8", csv.clone(), json, "application/json", "[0."),
        ("text/libsvm", binary.libsvm(1).into_bytes(), any, "text/csv", "0."),
        ("text/x-libsvm", binary.libsvm(0).into_bytes(), json, "application/json", "[0."),
        ("application/x-recordio-protobuf", binary.recordio(), any, "text/csv", "0."),
        ("application/json", binary.json().into_bytes(), any, "application/json", "{\"predictions\": [0."),
        ("application/x-npy", binary.npy(), json, "application/json", "{\"predictions\": [0."),
        ("application/x-npy", binary.npy(), plain, "text/csv", "0."),
    ] {
        let headers = [("content-type", content_type), ("accept", accept)];
        let answer = server.invoke_as("binary.tar.gz", &headers, body).await;
        assert_eq!(answer.status, 200, "{content_type}: {}", answer.show());
        assert_eq!(answer.headers["content-type"], wanted, "{content_type} {accept}");
        let text = std::str::from_utf8(&answer.body).expect("text");
        assert!(text.starts_with(shape), "{content_type} {accept}: {text}");
        binary.check(content_type, text);
    }
    let answer = server.invoke_as("classes.tar.gz", &[("content-type", "text/csv")], classes.csv()).await;
    let text = std::str::from_utf8(&answer.body).expect("text");
    assert!(text.starts_with("[0.") && text.contains("],[0.") && !text.contains('\n'), "{text}");
    classes.check("several classes", text);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_file_is_served_from_one_prefix() {
    let names = [
        "xgb-squarederror",
        "xgb-gamma",
        "old-dart",
        "old-linear",
        "xgb-several",
        "lgb-regression",
        "lgb-category",
    ];
    let boosters: Vec<(&str, Booster)> = names.iter().map(|name| (*name, Booster::of(name))).collect();
    let (_s3, server) = serving(&boosters.iter().map(|(name, b)| (*name, b)).collect::<Vec<_>>()).await;
    for (name, booster) in &boosters {
        let model = format!("{name}.tar.gz");
        let answer = server.invoke_as(&model, &[("content-type", "text/csv")], booster.csv()).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.show());
        booster.check(name, std::str::from_utf8(&answer.body).expect("text"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_do_not_fit_are_told_what_was_expected() {
    let booster = Booster::of("xgb-logistic");
    let (_s3, server) = serving(&[("m", &booster)]).await;
    for (content_type, body, wanted) in [
        ("text/csv", "1,2,3", "float32[N,6]"),
        ("text/csv", "1,2,3,4,5,x", "\"x\""),
        ("text/csv", "", "holds no line"),
        ("text/libsvm", "1 9:1", "index 9"),
        ("text/libsvm", "1 1:a", "1:a"),
        ("image/png", "x", "text/libsvm"),
    ] {
        let answer = server.invoke_as("m.tar.gz", &[("content-type", content_type)], body).await;
        assert_eq!(answer.status, 400, "{content_type} {body}: {}", answer.show());
        assert!(
            answer.show().contains(wanted)
                || String::from_utf8_lossy(&answer.body).contains(&wanted.replace('"', "\\\"")),
            "{}",
            answer.show()
        );
    }
}
