//! What a form is: how candle's tensors do what an operation does.

use crate::EngineError;
use crate::kernels::axis;
use crate::value::{Kind, Value};
use candle_core::{Device, Tensor};

/// What goes wrong on a device: an operation does not fit its operands, or the device fails.
#[derive(Debug)]
pub enum Wrong {
    Engine(EngineError),
    Device(candle_core::Error),
}

impl From<EngineError> for Wrong {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

impl From<candle_core::Error> for Wrong {
    fn from(error: candle_core::Error) -> Self {
        Self::Device(error)
    }
}

impl Wrong {
    /// For who knows nothing of devices. A plain function: another `From` for the engine's error would leave closures all over it
    /// without a type.
    pub fn into_error(self) -> EngineError {
        match self {
            Self::Engine(error) => error,
            Self::Device(error) => EngineError::Execution(format!("on the device: {}", first_line(&error))),
        }
    }
}

/// Without the places of the code that follow.
pub fn first_line(error: &candle_core::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

/// An operation that does not fit its operands.
pub fn fail(text: impl Into<String>) -> Wrong {
    Wrong::Engine(EngineError::Execution(text.into()))
}

/// What a form gives.
pub type Made = Result<Tensor, Wrong>;
/// What an operation with several results gives.
pub type Tensors = Result<Vec<Tensor>, Wrong>;

/// What is known of an operand when a plan is made.
#[derive(Debug, Clone, Copy)]
pub struct Operand<'a> {
    /// What its elements are; None: that is not known.
    pub kind: Option<Kind>,
    /// Its elements, if they are in memory and do not depend on the request.
    pub constant: Option<&'a Value>,
}

/// An operand of a run.
#[derive(Debug, Clone)]
pub enum Arg {
    Tensor(Tensor),
    /// It stays in the host's memory: a shape, axes, indices.
    Told(Value),
}

/// What a form works on.
pub struct Task<'a> {
    pub args: &'a [Arg],
    /// The shape of the only result, by the operation's rule; None: there is no rule, or there are several results.
    pub dims: Option<Vec<usize>>,
    pub device: &'a Device,
}

impl Task<'_> {
    /// An operand that lies on the device.
    pub fn tensor(&self, n: usize) -> Result<&Tensor, Wrong> {
        match self.args.get(n) {
            Some(Arg::Tensor(tensor)) => Ok(tensor),
            Some(Arg::Told(_)) => Err(fail("an operand is not on the device")),
            None => Err(fail("an operation lacks an input")),
        }
    }

    /// All operands that lie on the device, in order.
    pub fn tensors(&self) -> Vec<Tensor> {
        let tensor = |arg: &Arg| match arg {
            Arg::Tensor(tensor) => Some(tensor.clone()),
            Arg::Told(_) => None,
        };
        self.args.iter().filter_map(tensor).collect()
    }

    /// An operand that the host reads.
    pub fn told(&self, n: usize) -> Result<&Value, Wrong> {
        match self.args.get(n) {
            Some(Arg::Told(value)) => Ok(value),
            Some(Arg::Tensor(_)) => Err(fail("an operand is not on the host")),
            None => Err(fail("an operation lacks an input")),
        }
    }

    /// The integers of such an operand.
    pub fn ints(&self, n: usize) -> Result<&[i64], Wrong> {
        Ok(self.told(n)?.slice()?)
    }

    /// Such an operand as axes of a value of so many.
    pub fn axes(&self, n: usize, rank: usize) -> Result<Vec<usize>, Wrong> {
        self.ints(n)?.iter().map(|a| Ok(axis(*a, rank)?)).collect()
    }

    /// The shape of the result.
    pub fn dims(&self) -> Result<&[usize], Wrong> {
        self.dims.as_deref().ok_or_else(|| fail("the shape of a result does not follow from its operands"))
    }

    /// The places of an axis, to be picked.
    pub fn places(&self, places: &[usize]) -> Made {
        let places: Option<Vec<u32>> = places.iter().map(|n| u32::try_from(*n).ok()).collect();
        let places = places.ok_or_else(|| fail("a place that is too far for the device"))?;
        Ok(Tensor::from_slice(&places, places.len(), self.device)?)
    }
}

type Run = Box<dyn Fn(&Task<'_>) -> Tensors + Send + Sync>;

/// How an operation is done on the device.
pub struct Form {
    run: Run,
    /// The operands that stay on the host.
    told: Vec<usize>,
}

impl Form {
    /// One with a single result.
    pub fn one(run: impl Fn(&Task<'_>) -> Made + Send + Sync + 'static) -> Self {
        Self::many(move |task| run(task).map(|tensor| vec![tensor]))
    }

    /// One with several.
    pub fn many(run: impl Fn(&Task<'_>) -> Tensors + Send + Sync + 'static) -> Self {
        Self { run: Box::new(run), told: Vec::new() }
    }

    /// Of which the host reads these operands.
    pub fn told(self, told: &[usize]) -> Self {
        Self { told: told.to_vec(), ..self }
    }

    pub fn is_told(&self, operand: usize) -> bool {
        self.told.contains(&operand)
    }

    pub fn run(&self, task: &Task<'_>) -> Tensors {
        (self.run)(task)
    }
}

impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Form {{ told: {:?} }}", self.told)
    }
}
