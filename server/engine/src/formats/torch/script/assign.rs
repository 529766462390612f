//! Names and attributes that are given values.

use super::super::value::{Result, Stop, Val, broken, unsupported};
use super::interpret::{Interpreter, Scope};
use super::tree::Expr;

impl Interpreter<'_> {
    pub fn assign(&mut self, targets: &[Expr], value: &Expr, scope: &mut Scope) -> Result<()> {
        // A single target takes the value, which lies in a list of its own; several take its items.
        if let ([target], Expr::List(values)) = (targets, value)
            && let [value] = &values[..]
        {
            let value = self.eval(value, scope)?;
            return self.put(target, value, scope);
        }
        let value = self.unpacked(targets.len(), value, scope)?;
        let Some(items) = value.items().filter(|items| items.len() == targets.len()) else {
            return broken(format!("{} names take {}", targets.len(), value.describe()));
        };
        targets.iter().zip(items).try_for_each(|(target, item)| self.put(target, item, scope))
    }

    /// A value that so many names take. The sizes of an input that are taken so say how many axes it has.
    fn unpacked(&mut self, count: usize, value: &Expr, scope: &mut Scope) -> Result<Val> {
        match self.eval(value, scope) {
            Err(Stop::Rank(input, None)) if matches!(value, Expr::Call(..)) => {
                Err(Stop::Rank(input, Some(count)))
            }
            Ok(value @ Val::Object(_)) => self.plain(value, 0),
            // There are as many as there are names.
            Ok(Val::Slices(handle)) => {
                let one = |this: &mut Self, n: usize| {
                    this.operation(
                        "select",
                        vec![Val::Tensor(handle), Val::Int(0), Val::Int(n as i64)],
                        Vec::new(),
                    )
                };
                Ok(Val::list((0..count).map(|n| one(self, n)).collect::<Result<_>>()?))
            }
            other => other,
        }
    }

    fn put(&mut self, target: &Expr, value: Val, scope: &mut Scope) -> Result<()> {
        match target {
            Expr::Name(name) => {
                scope.insert(name.clone(), value);
                Ok(())
            }
            Expr::Attribute(of, name) => match self.eval(of, scope)? {
                Val::Object(number) => {
                    if self.is_held(&Val::Object(number)) {
                        return unsupported(
                            "an attribute that is set where the request decides whether it is",
                        );
                    }
                    if let Some(object) = self.made.objects.get_mut(number) {
                        object.attributes.insert(name.clone(), value);
                    }
                    Ok(())
                }
                other => broken(format!("an attribute of {}", other.describe())),
            },
            _ => broken("a value that goes nowhere"),
        }
    }
}
