//! What the end of a path asks of which model.

use crate::open_inference::Named;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    Metadata,
    Ready,
    Config,
    Statistics,
    Infer,
}

/// What follows `/v2/models/` in a path.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub named: Named<'a>,
    pub question: Question,
}

const ENDS: [(&str, Question); 4] = [
    ("/infer", Question::Infer),
    ("/ready", Question::Ready),
    ("/config", Question::Config),
    ("/stats", Question::Statistics),
];

impl<'a> Place<'a> {
    /// Reads a path; None: it names no model.
    pub fn parse(path: &'a str) -> Option<Self> {
        let path = path.strip_suffix('/').unwrap_or(path);
        let asked = ENDS.iter().find_map(|(end, question)| Some((path.strip_suffix(end)?, *question)));
        let (path, question) = asked.unwrap_or((path, Question::Metadata));
        let versioned = path
            .rsplit_once('/')
            .and_then(|(rest, version)| Some((rest.strip_suffix("/versions")?, version)));
        let (model, version) = versioned.unwrap_or((path, ""));
        (!model.is_empty()).then_some(Self { named: Named { model, version }, question })
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, Question};

    #[test]
    fn models_may_have_slashes_in_their_names() {
        let read = |path| Place::parse(path).map(|p| (p.named.model, p.named.version, p.question));
        assert_eq!(read("m"), Some(("m", "", Question::Metadata)));
        assert_eq!(read("a/b.tar.gz/infer"), Some(("a/b.tar.gz", "", Question::Infer)));
        assert_eq!(read("a/b/versions/3/ready"), Some(("a/b", "3", Question::Ready)));
        assert_eq!(read("m/versions/3"), Some(("m", "3", Question::Metadata)));
        assert_eq!(read("ready/config/"), Some(("ready", "", Question::Config)));
        assert_eq!(read("versions/stats"), Some(("versions", "", Question::Statistics)));
        assert_eq!((read(""), read("/infer"), read("/versions/1")), (None, None, None));
    }
}
