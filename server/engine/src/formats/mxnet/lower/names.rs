//! What operators on one value and on two are called.

use crate::graph::{Binary, Compare, Function, Pairing, Unary};

/// What an operator does with two values.
pub enum Two {
    Arithmetic(Binary),
    Rare(Pairing),
    Compare(Compare),
    Logic(Binary),
    /// Truth is that exactly one is.
    ExclusiveOr,
    /// The root of the sum of the squares.
    Hypot,
}

/// An operator on two values by its name without what says where they come from.
pub fn two(name: &str) -> Option<Two> {
    Some(match name {
        "add" | "plus" | "Plus" => Two::Arithmetic(Binary::Add),
        "sub" | "minus" | "Minus" => Two::Arithmetic(Binary::Sub),
        "mul" | "Mul" => Two::Arithmetic(Binary::Mul),
        "div" | "Div" => Two::Arithmetic(Binary::Div),
        "mod" | "Mod" => Two::Arithmetic(Binary::FloorMod),
        "power" | "Power" => Two::Arithmetic(Binary::Pow),
        "maximum" | "Maximum" => Two::Arithmetic(Binary::Max),
        "minimum" | "Minimum" => Two::Arithmetic(Binary::Min),
        "equal" => Two::Compare(Compare::Equal),
        "not_equal" => Two::Compare(Compare::NotEqual),
        "greater" => Two::Compare(Compare::Greater),
        "greater_equal" => Two::Compare(Compare::GreaterEqual),
        "lesser" => Two::Compare(Compare::Less),
        "lesser_equal" => Two::Compare(Compare::LessEqual),
        "logical_and" => Two::Logic(Binary::And),
        "logical_or" => Two::Logic(Binary::Or),
        "logical_xor" => Two::ExclusiveOr,
        "hypot" => Two::Hypot,
        "arctan2" => Two::Rare(Pairing::Atan2),
        _ => return None,
    })
}

/// An operator on one value that is met often.
pub fn one(name: &str) -> Option<Unary> {
    Some(match name {
        "abs" => Unary::Abs,
        "ceil" => Unary::Ceil,
        "cos" => Unary::Cos,
        "erf" => Unary::Erf,
        "exp" => Unary::Exp,
        "expm1" => Unary::Expm1,
        "tan" => Unary::Tan,
        "arctan" => Unary::Atan,
        "sinh" => Unary::Sinh,
        "cosh" => Unary::Cosh,
        "floor" => Unary::Floor,
        "log" => Unary::Log,
        "log1p" => Unary::Log1p,
        "negative" | "_np_negative" => Unary::Neg,
        "reciprocal" => Unary::Reciprocal,
        "relu" => Unary::Relu,
        "rint" => Unary::Round,
        "rsqrt" => Unary::Rsqrt,
        "sigmoid" => Unary::Sigmoid,
        "sign" => Unary::Sign,
        "sin" => Unary::Sin,
        "softsign" => Unary::Softsign,
        "sqrt" => Unary::Sqrt,
        "square" => Unary::Square,
        "tanh" => Unary::Tanh,
        "zeros_like" => Unary::ZerosLike,
        "ones_like" | "_ones_like" => Unary::OnesLike,
        _ => return None,
    })
}

/// An operator on one value that is seldom met.
pub fn rare(name: &str) -> Option<Function> {
    Some(match name {
        "arccos" => Function::Acos,
        "arccosh" => Function::Acosh,
        "arcsin" => Function::Asin,
        "arcsinh" => Function::Asinh,
        "arctanh" => Function::Atanh,
        "gammaln" => Function::Lgamma,
        "digamma" => Function::Digamma,
        "erfinv" => Function::Erfinv,
        _ => return None,
    })
}
