//! Counts and times of models in memory, as the statistics extension has them.

use super::Named;
use crate::error::{Class, InvokeError};
use crate::grpc::proto::inference::{
    InferStatistics, MemoryUsage, ModelStatistics, ModelStatisticsResponse, StatisticDuration,
};
use crate::invoke::App;
use crate::loader::{Counted, LoadedModel};
use crate::named::Wanted;

impl Named<'_> {
    /// One model in memory, or every one where none is named.
    pub async fn statistics(self, app: &App) -> Result<ModelStatisticsResponse, InvokeError> {
        if self.model.is_empty() {
            let all = app.cache.residents(|name, loaded| of(name.as_str(), loaded));
            return Ok(ModelStatisticsResponse { model_stats: all });
        }
        let wanted = self.wanted()?;
        let one = match (app.named(self.model).await, wanted) {
            (Ok(name), Wanted::Number(number)) => {
                let number = u64::try_from(number).unwrap_or_default();
                let own = |loaded: &LoadedModel| (loaded.number() == number).then(|| of(self.model, loaded));
                let served = app.cache.resident(&name, own).flatten();
                served.or_else(|| app.cache.resident(&name.of_version(number), own).flatten())
            }
            (Ok(name), _) => app.cache.resident(&name, |loaded| of(self.model, loaded)),
            (Err(error), _) if error.class() == Class::NotFound => None,
            (Err(error), _) => return Err(error),
        };
        let one = one.ok_or_else(|| {
            InvokeError::bad(format!(
                "requested model '{}' is not available: it is not in memory",
                self.model
            ))
        })?;
        Ok(ModelStatisticsResponse { model_stats: vec![one] })
    }
}

fn of(name: &str, loaded: &LoadedModel) -> ModelStatistics {
    let counted = loaded.statistics().read();
    let part = |counted: Counted| Some(StatisticDuration { count: counted.count, ns: counted.nanoseconds });
    let none = || Some(StatisticDuration::default());
    let [queue, input, infer, output] = counted.parts;
    ModelStatistics {
        name: name.to_owned(),
        version: loaded.number().to_string(),
        last_inference: counted.last_ms,
        inference_count: counted.success.count,
        execution_count: counted.executions,
        inference_stats: Some(InferStatistics {
            success: part(counted.success),
            fail: part(counted.fail),
            queue: part(queue),
            compute_input: part(input),
            compute_infer: part(infer),
            compute_output: part(output),
            cache_hit: none(),
            cache_miss: none(),
        }),
        batch_stats: Vec::new(),
        memory_usage: vec![MemoryUsage { r#type: "CPU".to_owned(), id: 0, byte_size: loaded.bytes() }],
    }
}
