//! Who acts when operators stop, die and come back, and what is left then.

use super::{
    all_there, api, children, cluster, condition, endpoint, endpoints, marked, operator, pods_become_ready,
    ready_is, settled,
};
use berth_tests::cluster::OPERATOR;
use berth_tests::eventually;
use berth_tests::operator::writes;
use k8s_openapi::api::coordination::v1::Lease;
use kube::Client;
use kube::api::{Api, DeleteParams, PostParams};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

async fn holder(client: &Client) -> Option<String> {
    let leases: Api<Lease> = Api::namespaced(client.clone(), "default");
    leases.get_opt("berth-operator").await.unwrap()?.spec?.holder_identity
}

async fn leads(client: &Client, name: &str) -> Duration {
    let begin = Instant::now();
    eventually(&format!("{name} leads"), async || {
        holder(client).await.is_some_and(|holder| holder.starts_with(name))
    })
    .await;
    begin.elapsed()
}

#[tokio::test]
async fn one_of_two_leads_and_the_other_takes_over() {
    let Some((plane, client)) = cluster().await else { return };
    let first = operator(&plane, "first");
    leads(&client, "first").await;
    let second = operator(&plane, "second");
    // Stopped: the other takes over, and the first ends when it goes on instead of acting.
    first.signal(libc::SIGSTOP);
    let took = leads(&client, "second").await;
    assert!(took < Duration::from_secs(20), "took over after {took:?}");
    first.signal(libc::SIGCONT);
    eventually("the stopped leader ends", async || !first.runs()).await;
    let third = operator(&plane, "third");
    // Killed.
    drop(second);
    let took = leads(&client, "third").await;
    assert!(took < Duration::from_secs(20), "took over after {took:?}");
    // Told to stop: the lease is given back.
    let _fourth = operator(&plane, "fourth");
    third.signal(libc::SIGTERM);
    leads(&client, "fourth").await;
}

#[tokio::test]
async fn an_operator_that_is_killed_again_and_again_ends_in_the_same_state() {
    let Some((plane, client)) = cluster().await else { return };
    let new = endpoint(&json!({"ingress": {"host": "vision.example.com"}}));
    endpoints(&client).create(&PostParams::default(), &new).await.unwrap();
    let leases: Api<Lease> = Api::namespaced(client.clone(), "default");
    // Each process is killed as soon as one more write than before was seen, the one of the status included.
    for round in 1..=children().len() + 1 {
        let operator = operator(&plane, &format!("round-{round}"));
        eventually("one more write", async || {
            writes(&plane, OPERATOR).iter().filter(|write| write.starts_with("patch")).count() >= round
                || (all_there(&client).await && condition(&client, "Ready").await.is_some())
        })
        .await;
        drop(operator);
        // As after the 15 s that a dead leader's lease lasts.
        drop(leases.delete("berth-operator", &DeleteParams::default()).await);
    }
    let _operator = operator(&plane, "last");
    eventually("all children are there", async || all_there(&client).await).await;
    pods_become_ready(&client, 1).await;
    ready_is(&client, "True", "AsExpected").await;
    let before = marked(&client, &plane, "a").await;
    assert_eq!(before, marked(&client, &plane, "b").await);
    // As of one that nobody disturbed.
    let Some((calm_plane, calm)) = cluster().await else { return };
    let _calm_operator = settled(&calm_plane, &calm).await;
    assert_eq!(state(&client).await, state(&calm).await);
}

/// The children and the endpoint's conditions, without what another cluster makes of another name or time.
async fn state(client: &Client) -> Vec<Value> {
    let mut all = Vec::new();
    for (resource, name) in children() {
        let mut child = serde_json::to_value(api(client, &resource).get(name).await.unwrap()).unwrap();
        let metadata = child["metadata"].as_object_mut().unwrap();
        for own in ["uid", "resourceVersion", "creationTimestamp", "managedFields", "generation"] {
            metadata.remove(own);
        }
        child["metadata"]["ownerReferences"][0]["uid"] = Value::Null;
        child["metadata"]["annotations"]["berth.dev/applied"] = Value::Null;
        for address in ["clusterIP", "clusterIPs"] {
            child["spec"][address] = Value::Null;
        }
        child["status"] = Value::Null;
        all.push(child);
    }
    let conditions = endpoints(client).get("vision").await.unwrap().status.unwrap().conditions;
    all.extend(conditions.into_iter().map(|c| json!([c.type_, c.status, c.reason, c.message])));
    all
}
