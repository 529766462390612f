//! What draws random numbers is refused.

use super::{Lowering, Outcome};

impl Lowering<'_, '_> {
    pub(super) fn random(&mut self) -> Outcome {
        match self.op() {
            "Bernoulli" | "Multinomial" | "RandomNormal" | "RandomNormalLike" | "RandomUniform"
            | "RandomUniformLike" => Self::refuse(
                "it draws random numbers, and a served model answers the same request the same way; \
                 export the model for inference, or make the numbers an input",
            ),
            _ => Ok(None),
        }
    }
}
