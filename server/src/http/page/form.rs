//! Posted forms, with files or without.

use crate::error::InvokeError;
use memchr::memmem;
use percent_encoding::percent_decode;
use std::borrow::Cow;

/// Fields of one form.
const MOST_FIELDS: usize = 16;
/// Bytes of one field's headers.
const MOST_HEADERS: usize = 4 << 10;

/// The fields of a form, in their order.
#[derive(Debug, Default)]
pub struct Form<'b> {
    fields: Vec<(String, Cow<'b, [u8]>)>,
}

impl<'b> Form<'b> {
    /// Reads a body of a form's content type.
    pub fn read(content_type: &str, body: &'b [u8]) -> Result<Self, InvokeError> {
        let mut parameters = content_type.split(';');
        let media = parameters.next().unwrap_or("").trim();
        let mut form = Self::default();
        if media.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            form.read_encoded(body)?;
        } else if media.eq_ignore_ascii_case("multipart/form-data") {
            let boundary = parameters.find_map(|p| p.trim().strip_prefix("boundary="));
            let boundary = boundary.map(|b| b.trim_matches('"')).filter(|b| (1..=70).contains(&b.len()));
            form.read_parts(boundary.ok_or_else(|| bad("has no boundary"))?, body)?;
        } else {
            return Err(bad("is neither multipart/form-data nor application/x-www-form-urlencoded"));
        }
        Ok(form)
    }

    /// A field's bytes; empty if it is not there.
    pub fn bytes(&self, name: &str) -> &[u8] {
        self.fields.iter().find(|(n, _)| n == name).map_or(&[], |(_, value)| value)
    }

    /// A field's text; empty if it is not there.
    pub fn text(&self, name: &str) -> Result<&str, InvokeError> {
        std::str::from_utf8(self.bytes(name))
            .map_err(|_| bad(&format!("has a field {name} that is not UTF-8")))
    }

    fn add(&mut self, name: String, value: Cow<'b, [u8]>) -> Result<(), InvokeError> {
        if self.fields.len() == MOST_FIELDS {
            return Err(bad("has too many fields"));
        }
        self.fields.push((name, value));
        Ok(())
    }

    fn read_encoded(&mut self, body: &'b [u8]) -> Result<(), InvokeError> {
        for pair in body.split(|b| *b == b'&').filter(|pair| !pair.is_empty()) {
            let end = pair.iter().position(|b| *b == b'=').unwrap_or(pair.len());
            let value = decoded(pair.get(end + 1..).unwrap_or(&[]));
            self.add(String::from_utf8_lossy(&decoded(&pair[..end])).into_owned(), value)?;
        }
        Ok(())
    }

    fn read_parts(&mut self, boundary: &str, body: &'b [u8]) -> Result<(), InvokeError> {
        let cut = || bad("is cut short");
        let first = format!("--{boundary}");
        let next = format!("\r\n--{boundary}");
        let mut rest =
            body.strip_prefix(first.as_bytes()).ok_or_else(|| bad("does not begin with its boundary"))?;
        let next = memmem::Finder::new(&next);
        while !rest.starts_with(b"--") {
            let part = rest.strip_prefix(b"\r\n").ok_or_else(cut)?;
            let headers = memmem::find(&part[..part.len().min(MOST_HEADERS)], b"\r\n\r\n");
            let (headers, value) = part.split_at(headers.ok_or_else(|| bad("has a part without headers"))?);
            let value = &value[4..];
            let end = next.find(value).ok_or_else(cut)?;
            let name = part_name(headers).ok_or_else(|| bad("has a part without a name"))?;
            self.add(name, Cow::Borrowed(&value[..end]))?;
            rest = &value[end + next.needle().len()..];
        }
        Ok(())
    }
}

/// The `name` of a part's `Content-Disposition`; browsers write quotation marks inside it as %22.
fn part_name(headers: &[u8]) -> Option<String> {
    let headers = std::str::from_utf8(headers).ok()?;
    let disposition = headers.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
    })?;
    let (_, name) = disposition.split_once(" name=\"")?;
    Some(name.split_once('"')?.0.replace("%22", "\""))
}

fn decoded(text: &[u8]) -> Cow<'_, [u8]> {
    if text.contains(&b'+') {
        let spaced: Vec<u8> = text.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
        return Cow::Owned(percent_decode(&spaced).collect());
    }
    percent_decode(text).into()
}

fn bad(what: &str) -> InvokeError {
    InvokeError::bad(format!("the form {what}"))
}

#[cfg(test)]
mod tests {
    use super::Form;

    const PARTS: &str = "--x\r\nContent-Disposition: form-data; name=\"do\"\r\n\r\njson\r\n--x\r\n\
        Content-Disposition: form-data; name=\"picture\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n\
        \r\n--y\r\n\r\n--x--\r\n";

    #[test]
    fn fields_come_out_as_they_went_in() {
        let form = Form::read("multipart/form-data; boundary=x", PARTS.as_bytes()).unwrap();
        assert_eq!(form.text("do").unwrap(), "json");
        assert_eq!(form.bytes("picture"), b"\r\n--y\r\n");
        assert_eq!(form.bytes("other"), b"");
        let body = b"do=load&json=%7B%22a%22%3A+1%7D&&empty";
        let form = Form::read("Application/X-WWW-form-urlencoded; charset=utf-8", body).unwrap();
        assert_eq!(form.text("json").unwrap(), "{\"a\": 1}");
        assert_eq!(form.text("empty").unwrap(), "");
    }

    #[test]
    fn what_is_no_form_is_refused() {
        let kind = "multipart/form-data; boundary=x";
        for end in 0..PARTS.len() - 4 {
            assert!(Form::read(kind, &PARTS.as_bytes()[..end]).is_err(), "{end}");
        }
        for (kind, body) in [
            ("text/plain", "a=b"),
            ("multipart/form-data", PARTS),
            ("multipart/form-data; boundary=", PARTS),
            (kind, "--x\r\n\r\n\r\nno name\r\n--x--"),
            (kind, "--xno line\r\n--x--"),
        ] {
            assert!(Form::read(kind, body.as_bytes()).is_err(), "{kind} {body}");
        }
        let many = "a=1&".repeat(17);
        assert!(Form::read("application/x-www-form-urlencoded", many.as_bytes()).is_err());
        let form = Form::read("application/x-www-form-urlencoded", b"a=%ff").unwrap();
        assert!(form.text("a").is_err());
    }
}
