use super::*;
use crate::cli::{Cli, Command};
use crate::http::{protocols, routes};
use crate::invoke::App;
use crate::server::Server;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use clap::Parser as _;
use std::collections::BTreeSet;
use std::sync::Arc;
use tower::ServiceExt as _;

/// A server with a directory of no models.
async fn app(flags: &[&str]) -> (Arc<App>, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    let arguments = ["berth-server", "serve", "--models", path, "--cache-dir", path];
    let ports = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
    let all = arguments.into_iter().chain(ports).chain(flags.iter().copied());
    let cli = Cli::try_parse_from(all).unwrap();
    let Some(Command::Serve(serve)) = cli.command else { panic!("not what was parsed") };
    let server = Server::bind(serve.config().unwrap()).await.unwrap();
    (server.app(), dir)
}

/// What opens routes that are not there otherwise.
const FLAGS: [&[&str]; 2] = [&[], &["--repository-api"]];

/// The router's paths, from what it prints of itself: it has no other way to tell them.
fn paths(router: &Router) -> BTreeSet<String> {
    let text = format!("{router:?}");
    let (_, paths) = text.split_once("Node { paths: {").expect("the router prints its paths");
    let paths = paths.split_once("} }").expect("an end").0;
    paths.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

#[tokio::test]
async fn every_route_is_documented() {
    for flags in FLAGS {
        let (app, _dir) = app(flags).await;
        let there = paths(&routes(&app));
        assert!(there.contains("/ping") && there.contains("/docs"), "{there:?}");
        assert_eq!(there.contains("/v2/repository/index"), !flags.is_empty(), "{there:?}");
        let all = protocols(&app);
        let operations = all.iter().flat_map(|p| p.operations).map(Operation::route);
        let listed = operations.chain(all.iter().flat_map(|p| p.also).copied()).map(str::to_owned).collect();
        assert_eq!(there, listed, "{flags:?}");
    }
}

#[tokio::test]
async fn every_documented_operation_is_there() {
    for flags in FLAGS {
        let (app, _dir) = app(flags).await;
        let router = routes(&app);
        for operation in protocols(&app).iter().flat_map(|p| p.operations) {
            let path = operation.example_path();
            let request = Request::builder().method(operation.method.to_uppercase().as_str()).uri(&path);
            let answer = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            let (status, headers) = (answer.status(), answer.headers());
            // Only the fallback answers 404 in the runtime API's way.
            let is_fallback = status == StatusCode::NOT_FOUND && headers.contains_key("x-amzn-errortype");
            assert!(
                !is_fallback && status != StatusCode::METHOD_NOT_ALLOWED,
                "{} {path}: {status}",
                operation.method
            );
        }
    }
}

#[tokio::test]
async fn the_document_is_whole() {
    let (app, _dir) = app(&["--repository-api"]).await;
    let protocols = protocols(&app);
    let document = document(&protocols);
    assert_eq!(document["openapi"], "3.1.0");
    let operations: Vec<&Operation> = protocols.iter().flat_map(|p| p.operations).collect();
    let ids: BTreeSet<String> = operations.iter().map(|o| o.id()).collect();
    assert_eq!(ids.len(), operations.len(), "two operations have the same name");
    for operation in operations {
        let described = &document["paths"][operation.path][operation.method];
        assert_eq!(described["operationId"], operation.id());
        assert!(described["responses"].as_object().is_some_and(|r| !r.is_empty()), "{}", operation.path);
        let braces: BTreeSet<&str> =
            operation.path.split('{').skip(1).filter_map(|p| p.split('}').next()).collect();
        let named: BTreeSet<&str> =
            operation.parameters.iter().filter(|p| p.place == "path").map(|p| p.name).collect();
        assert_eq!(braces, named, "{}", operation.path);
        let bodies = operation.answers.iter().flat_map(|a| a.body).chain(operation.request);
        for body in bodies.filter(|b| !b.schema.is_empty()) {
            let schema: Result<Value, _> = serde_json::from_str(body.schema);
            assert!(schema.is_ok(), "{}: {schema:?}", operation.path);
        }
    }
}
