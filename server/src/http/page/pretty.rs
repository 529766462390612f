//! JSON in lines, for people.

/// JSON with lines.
pub struct Laid {
    /// The lines.
    pub text: String,
    /// Bytes that were left out.
    pub rest: usize,
}

/// Breaks JSON into lines; arrays that hold no others stay on one. The text may hold NaN and the infinities, which are no JSON.
pub fn laid_out(json: &str, most: usize) -> Laid {
    let bytes = json.as_bytes();
    let (mut out, mut depth, mut flat, mut at) = (String::new(), 0usize, 0usize, 0);
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth.min(16)));
    };
    while at < bytes.len() && out.len() < most {
        let end = token(bytes, at);
        let text = &json[at..end];
        match bytes[at] {
            b'[' if is_flat(bytes, at) => {
                flat = 1;
                out.push('[');
            }
            b'[' | b'{' => {
                out.push_str(text);
                depth += 1;
                line(&mut out, depth);
            }
            b']' if flat > 0 => {
                flat = 0;
                out.push(']');
            }
            b']' | b'}' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push_str(text);
            }
            b',' if flat > 0 => out.push_str(", "),
            b',' => {
                out.push(',');
                line(&mut out, depth);
            }
            b':' => out.push_str(": "),
            b' ' | b'\n' | b'\r' | b'\t' => {}
            _ => out.push_str(text),
        }
        at = end;
    }
    Laid { text: out, rest: bytes.len() - at }
}

/// The end of the string, number, word or sign at `at`.
fn token(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    let length = match rest[0] {
        b'"' => {
            let mut escaped = false;
            let end = rest[1..].iter().position(|b| {
                let ends = *b == b'"' && !escaped;
                escaped = *b == b'\\' && !escaped;
                ends
            });
            end.map_or(rest.len(), |end| end + 2)
        }
        b'[' | b']' | b'{' | b'}' | b',' | b':' | b' ' | b'\n' | b'\r' | b'\t' => 1,
        _ => rest.iter().position(|b| b"[]{},: \n\r\t\"".contains(b)).unwrap_or(rest.len()),
    };
    at + length
}

/// Whether the array at `at` holds neither arrays nor objects.
fn is_flat(bytes: &[u8], mut at: usize) -> bool {
    at += 1;
    while at < bytes.len() {
        match bytes[at] {
            b'[' | b'{' => return false,
            b']' => return true,
            _ => at = token(bytes, at),
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::laid_out;

    #[test]
    fn json_gets_lines_and_keeps_its_text() {
        let text = r#"{"predictions": [[1.0,NaN,-2e5], [3.0]], "a \" [b": {"c": "d,e:\\"}}"#;
        let laid = laid_out(text, 1000);
        let wanted = "{\n  \"predictions\": [\n    [1.0, NaN, -2e5],\n    [3.0]\n  ],\n  \"a \\\" [b\": {\n    \"c\": \"d,e:\\\\\"\n  }\n}";
        assert_eq!((laid.text.as_str(), laid.rest), (wanted, 0));
        let cut = laid_out(text, 20);
        assert!(cut.text.len() < 40 && cut.rest > 0);
        for end in 0..text.len() {
            laid_out(&text[..end], 1000);
        }
        assert_eq!(laid_out("[\"ü\",\"✓", 100).text, "[\"ü\", \"✓");
    }
}
