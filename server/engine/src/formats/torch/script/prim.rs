//! Operations of the language itself.

use super::super::dtypes::complex_number;
use super::super::value::{Result, Stop, Val, broken, unsupported};
use super::calls::Names;
use super::interpret::Interpreter;
use super::tree::{Expr, Statement};

/// Turns of one loop.
const MOST_TURNS: i64 = 1 << 16;

impl Interpreter<'_> {
    pub fn prim(&mut self, name: &str, places: &[Val], names: Names) -> Result<Val> {
        match (name, places) {
            ("RaiseException", _) => {
                let what = match places.first() {
                    Some(Val::Text(text)) => text.to_string(),
                    _ => String::new(),
                };
                Err(Stop::Raised(what))
            }
            ("dtype", [Val::Tensor(handle)]) => Ok(match self.builder.pairs(*handle) {
                Some(pairs) => Val::Int(complex_number(self.builder.dtype(pairs))),
                None => Val::Type(self.builder.dtype(self.builder.value(*handle)?)),
            }),
            ("device" | "layout" | "grad", _) => Ok(Val::None),
            ("type", _) => Ok(Val::text("cpu")),
            // What is trained is not predicted by the fast ways of layers.
            ("requires_grad", _) => Ok(Val::Bool(true)),
            (
                "is_cuda" | "is_nested" | "is_sparse" | "is_quantized" | "is_mkldnn" | "is_mps" | "is_xla"
                | "is_meta",
                _,
            ) => Ok(Val::Bool(false)),
            ("data" | "unchecked_unwrap_optional" | "tolist" | "fork" | "wait", [value, ..]) => {
                Ok(value.clone())
            }
            ("shape", [tensor]) => self.operation("size", vec![tensor.clone()], names),
            ("ndim", [tensor]) => self.operation("dim", vec![tensor.clone()], names),
            ("itemsize", _) => unsupported("an element's size"),
            ("NumToTensor", [value]) => self.operation("scalar_tensor", vec![value.clone()], Vec::new()),
            ("range" | "rangelist", _) => self.range(places),
            ("int", [value]) => self.integer(value),
            ("float", [Val::Text(text)]) => match text.parse() {
                Ok(number) => Ok(Val::Float(number)),
                Err(_) => broken(format!("{text:?} is no number")),
            },
            ("bool", [value]) => match self.truth(value) {
                Some(truth) => Ok(Val::Bool(truth)),
                None => Ok(value.clone()),
            },
            ("float", [value]) => match (value, self.builder.known(value)) {
                (Val::Float(_), _) => Ok(value.clone()),
                (_, Some(n)) => Ok(Val::Float(n as f64)),
                (Val::Tensor(_), None) => self.operation("Float", places.to_vec(), Vec::new()),
                _ => Ok(value.clone()),
            },
            ("str", [Val::Int(n)]) => Ok(Val::text(&n.to_string())),
            ("str", [Val::Text(text)]) => Ok(Val::Text(text.clone())),
            ("str" | "print", _) => Ok(Val::text("")),
            ("min" | "max" | "abs" | "pow" | "len" | "list" | "sum", _) => {
                self.operation(name, places.to_vec(), names)
            }
            _ => self.operation(name, places.to_vec(), names),
        }
    }

    fn integer(&mut self, value: &Val) -> Result<Val> {
        match (value, self.builder.known(value)) {
            (_, Some(n)) => Ok(Val::Int(n)),
            (Val::Float(x), _) => Ok(Val::Int(*x as i64)),
            (Val::Text(text), _) => match text.parse() {
                Ok(number) => Ok(Val::Int(number)),
                Err(_) => broken(format!("{text:?} is no number")),
            },
            (Val::Tensor(_), _) => self.operation("Int", vec![value.clone()], Vec::new()),
            _ => Ok(value.clone()),
        }
    }

    /// 0, 1, … as a loop goes through them.
    fn range(&mut self, places: &[Val]) -> Result<Val> {
        let known: Option<Vec<i64>> = places.iter().map(|v| self.builder.known(v)).collect();
        let (begin, end, step) = match known.as_deref() {
            Some([end]) => (0, *end, 1),
            Some([begin, end]) => (*begin, *end, 1),
            Some([begin, end, step]) if *step != 0 => (*begin, *end, *step),
            // So many turns, of which the loop knows.
            None if places.len() == 1 => return self.integer(&places[0]),
            _ => return unsupported("a loop whose end depends on the request"),
        };
        let mut all = Vec::new();
        let mut at = begin;
        while (step > 0 && at < end) || (step < 0 && at > end) {
            if all.len() as i64 >= MOST_TURNS {
                return broken(format!("a loop of more than {MOST_TURNS} turns"));
            }
            all.push(Val::Int(at));
            let Some(next) = at.checked_add(step) else { break };
            at = next;
        }
        Ok(Val::list(all))
    }
}

/// Whether a value is of a type, as far as types tell values apart here.
pub fn is_instance(value: &Val, kind: &Expr) -> bool {
    match kind {
        Expr::Tuple(kinds) | Expr::List(kinds) => kinds.iter().any(|kind| is_instance(value, kind)),
        Expr::Index(of, _) => is_instance(value, of),
        Expr::Name(name) => match &**name {
            "Tensor" => matches!(value, Val::Tensor(_)),
            "int" => matches!(value, Val::Int(_) | Val::Symbol(_)),
            "float" => matches!(value, Val::Float(_)),
            "bool" => matches!(value, Val::Bool(_)),
            "str" => matches!(value, Val::Text(_)),
            "List" | "list" => matches!(value, Val::List(_)),
            "Tuple" | "tuple" => matches!(value, Val::Tuple(_)),
            "Dict" | "dict" => matches!(value, Val::Dict(_)),
            "NoneType" => value.is_none(),
            "Optional" => true,
            _ => false,
        },
        _ => matches!(value, Val::Object(_)),
    }
}

/// Whether a block does nothing but raise an exception.
pub fn raises(body: &[Statement]) -> bool {
    let is_raise = |statement: &Statement| match statement {
        Statement::Expr(Expr::Call(of, ..)) => {
            matches!(&**of, Expr::Attribute(_, name) if &**name == "RaiseException")
        }
        _ => false,
    };
    body.iter().any(is_raise)
}
