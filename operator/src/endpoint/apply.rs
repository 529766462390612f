//! Writes what differs, in the order that pods need, and deletes what is ours and no longer wanted.

use super::build::Prepared;
use super::observe::{Child, Observed};
use super::plan::Plan;
use crate::context::Context;
use crate::difference;
use crate::error::Error;
use crate::writer::Target;
use k8s_openapi::api::apps::v1::StatefulSet;
use kube::api::DynamicObject;
use serde::Serialize;
use serde_json::Value;

/// The pods' StatefulSet as it is in the cluster after everything was applied. Only this can be reported.
#[derive(Debug, Clone, Default)]
pub struct Applied {
    stateful_set: Option<StatefulSet>,
}

impl Applied {
    /// Nothing was to be applied: what was found is what is.
    pub fn unchanged(observed: &Observed) -> Self {
        let ours = observed.children.get(&Child::StatefulSet).filter(|object| observed.owns(object));
        Self { stateful_set: ours.and_then(typed) }
    }

    /// The StatefulSet; none if it was not applied.
    pub fn stateful_set(&self) -> Option<&StatefulSet> {
        self.stateful_set.as_ref()
    }
}

fn typed(object: &DynamicObject) -> Option<StatefulSet> {
    object.clone().try_parse().ok()
}

/// The children as they are to be, in the order of [`Child`]; none: not wanted.
fn intents(prepared: &Prepared) -> Result<[(Child, Option<Value>); 9], Error> {
    // Named one by one, so that a new child that is not applied does not compile.
    let Prepared {
        service_account,
        role,
        role_binding,
        config_map,
        peers_service,
        service,
        disruption_budget,
        stateful_set,
        ingress,
    } = prepared;
    Ok([
        (Child::ServiceAccount, service_account.as_ref().map(value).transpose()?),
        (Child::Role, Some(value(role)?)),
        (Child::RoleBinding, Some(value(role_binding)?)),
        (Child::ConfigMap, Some(value(config_map)?)),
        (Child::PeersService, Some(value(peers_service)?)),
        (Child::Service, Some(value(service)?)),
        (Child::PodDisruptionBudget, Some(value(disruption_budget)?)),
        (Child::StatefulSet, Some(value(stateful_set)?)),
        (Child::Ingress, ingress.as_ref().map(value).transpose()?),
    ])
}

fn value(object: &impl Serialize) -> Result<Value, Error> {
    let value = serde_json::to_value(object)
        .map_err(|e| Error::Unwritable { what: "a child".to_owned(), message: e.to_string() })?;
    Ok(difference::sealed(value))
}

/// Applies; what was done before an error is reported beside it.
pub async fn apply(
    plan: &Plan,
    prepared: &Prepared,
    observed: &Observed,
    context: &Context,
) -> (Applied, Option<Error>) {
    let intents = match intents(prepared) {
        Ok(intents) => intents,
        Err(error) => return (Applied::unchanged(observed), Some(error)),
    };
    let mut stateful_set = observed.children.get(&Child::StatefulSet).cloned();
    for (child, intent) in intents {
        match one(child, intent.as_ref(), plan, observed, context).await {
            Ok(Some(written)) if child == Child::StatefulSet => stateful_set = Some(written),
            Ok(_) => {}
            Err(error) => return (Applied::unchanged(observed), Some(error)),
        }
    }
    (Applied { stateful_set: stateful_set.as_ref().and_then(typed) }, None)
}

/// Writes one child if it is not as it is to be.
async fn one(
    child: Child,
    intent: Option<&Value>,
    plan: &Plan,
    observed: &Observed,
    context: &Context,
) -> Result<Option<DynamicObject>, Error> {
    let (resource, name) = (child.resource(), child.name(&plan.name));
    let target = Target { resource: &resource, kind: child.kind(), namespace: &plan.namespace, name: &name };
    let live = observed.children.get(&child);
    let Some(intent) = intent else {
        // What is not ours is nobody's business.
        if let Some(unwanted) = live.filter(|live| observed.owns(live)) {
            tracing::info!(child = child.kind(), name, "Deleting what is no longer wanted");
            context.writer.delete(target, unwanted).await?;
        }
        return Ok(None);
    };
    let differs = match live {
        None => Some("it is not there".to_owned()),
        Some(live) => difference::first(intent, &value_of(live)?),
    };
    let Some(differs) = differs else { return Ok(None) };
    tracing::info!(child = child.kind(), name, differs, "Applying");
    context.writer.apply(target, intent).await.map(Some)
}

fn value_of(live: &DynamicObject) -> Result<Value, Error> {
    serde_json::to_value(live).map_err(|e| Error::Unwritable {
        what: "an object of the API server".to_owned(),
        message: e.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::{Child, DynamicObject, difference, intents, value_of};
    use crate::endpoint::build::build;
    use crate::endpoint::plan::tests::observed;
    use crate::endpoint::plan::{Planned, plan};
    use serde_json::json;

    #[test]
    fn what_was_applied_differs_in_nothing_and_the_order_is_that_of_the_kinds() {
        let Planned::Possible(plan) = plan(&observed(json!({"ingress": {}})), Some("i")).unwrap() else {
            panic!()
        };
        let prepared = build(&plan).unwrap();
        let again = intents(&build(&plan).unwrap()).unwrap();
        let all = intents(&prepared).unwrap();
        assert!(all.iter().map(|(child, _)| *child).eq(Child::ALL));
        for ((child, intent), (_, twin)) in all.into_iter().zip(again) {
            let live: DynamicObject = serde_json::from_value(intent.unwrap()).unwrap();
            let differs = difference::first(&twin.unwrap(), &value_of(&live).unwrap());
            assert_eq!(differs, None, "{child:?}");
        }
    }
}
