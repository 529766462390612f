//! Regular expressions.

/// A compiled regular expression has at most these bytes.
const LARGEST_PATTERN: usize = 1 << 20;

/// A regular expression, compiled.
#[derive(Debug, Clone)]
pub struct Pattern {
    source: String,
    /// Ready to match.
    pub regex: regex::bytes::Regex,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Pattern {
    /// Compiles RE2's syntax; `whole`: it has to match all of a text. None: it is not one, or too large.
    pub fn new(source: &str, whole: bool) -> Option<Self> {
        let translated = translate(source);
        let source = if whole { format!(r"\A(?:{translated})\z") } else { translated };
        let mut builder = regex::bytes::RegexBuilder::new(&source);
        let regex = builder.size_limit(LARGEST_PATTERN).dfa_size_limit(LARGEST_PATTERN).build().ok()?;
        Some(Self { source, regex })
    }
}

/// RE2 to Rust: its short classes are ASCII, and in a class only brackets, ranges and escapes are special.
fn translate(source: &str) -> String {
    let mut out = String::new();
    let mut class = false;
    let mut first = false;
    let mut chars = source.chars().peekable();
    while let Some(c) = chars.next() {
        let was_first = std::mem::take(&mut first);
        match c {
            '\\' => match (chars.next(), class) {
                (Some('d'), true) => out.push_str("0-9"),
                (Some('s'), true) => out.push_str(r"\t\n\f\r "),
                (Some('w'), true) => out.push_str("0-9A-Za-z_"),
                (Some('d'), false) => out.push_str("[0-9]"),
                (Some('s'), false) => out.push_str(r"[\t\n\f\r ]"),
                (Some('w'), false) => out.push_str("[0-9A-Za-z_]"),
                (Some('D'), false) => out.push_str("[^0-9]"),
                (Some('S'), false) => out.push_str(r"[^\t\n\f\r ]"),
                (Some('W'), false) => out.push_str("[^0-9A-Za-z_]"),
                (Some('b'), false) => out.push_str(r"(?-u:\b)"),
                (Some(c), _) => out.extend(['\\', c]),
                (None, _) => out.push('\\'),
            },
            '[' if !class => {
                out.push('[');
                (class, first) = (true, true);
                if chars.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
            }
            '[' if chars.peek() == Some(&':') => {
                out.push('[');
                for c in chars.by_ref() {
                    out.push(c);
                    if c == ']' {
                        break;
                    }
                }
            }
            ']' if class && !was_first => {
                out.push(']');
                class = false;
            }
            '[' | ']' | '&' | '~' if class => out.extend(['\\', c]),
            _ => out.push(c),
        }
    }
    out
}
