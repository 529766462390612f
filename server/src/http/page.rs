//! A page for people: what is served, and a form for each model that sends it a request. Made here, of text alone: no script is
//! needed to use it, and nothing comes from another server.
//!
//! Names come from clients and buckets, so everything goes through templates that escape. Looking at a page changes nothing; what
//! does is posted, and only by the page itself.

mod answer;
mod ask;
mod docs;
mod example;
mod form;
mod layout;
mod list;
mod model;
mod names;
mod operations;
mod origin;
mod picture;
mod pretty;
mod resize;

pub use operations::OPERATIONS;

use super::{openapi, protocols, read_body};
use crate::cache::ModelState;
use crate::codec::{Accept, ContentType, Payload};
use crate::error::{Class, InvokeError};
use crate::invoke::App;
use crate::names::ModelName;
use answer::Said;
use ask::{Ask, Question};
use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, LOCATION, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::request::Parts;
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use bytes::Bytes;
use form::Form;
use list::{Budget, Known, List};
use maud::Markup;
use model::ModelPage;
use names::Names;
use origin::{is_ours, origin};
use picture::Scale;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

struct Page {
    app: Arc<App>,
    names: Names,
}

/// The routes; none where the page is off.
pub fn routes(app: &Arc<App>) -> Router {
    if !app.config.page {
        return Router::new();
    }
    let names = Names::new(app.cache.loader().stores().clone());
    Router::new()
        .route("/", get(view).post(submit))
        .route("/docs", get(documents))
        .route("/openapi.json", get(document))
        .route_layer(map_response(guarded))
        .with_state(Arc::new(Page { app: app.clone(), names }))
}

/// What a link asks for.
#[derive(Debug, Default, Deserialize)]
struct Asked {
    #[serde(default)]
    model: String,
    #[serde(default)]
    signature: String,
    #[serde(default)]
    q: String,
    #[serde(default)]
    page: String,
}

async fn guarded(mut response: Response) -> Response {
    let policy =
        HeaderValue::from_str(&layout::POLICY).unwrap_or(HeaderValue::from_static("default-src 'none'"));
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn document(State(page): State<Arc<Page>>) -> Json<Value> {
    Json(openapi::document(&protocols(&page.app)))
}

async fn documents(State(page): State<Arc<Page>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    html(StatusCode::OK, docs::page(page.endpoint(), &origin(&parts), &protocols(&page.app)))
}

async fn view(State(page): State<Arc<Page>>, Query(asked): Query<Asked>, request: Request) -> Response {
    if asked.model.is_empty() {
        return page.list(&asked).await;
    }
    let (parts, _) = request.into_parts();
    match ModelName::new(&asked.model) {
        Ok(model) => page.model(&model, &asked, &parts, "", None).await,
        Err(error) => page.problem(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}

async fn submit(State(page): State<Arc<Page>>, Query(asked): Query<Asked>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if !is_ours(&parts) {
        return page.problem(StatusCode::FORBIDDEN, "This form was sent by a page of another site.");
    }
    let model = match ModelName::new(&asked.model) {
        Ok(model) => model,
        Err(error) => return page.problem(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let mut sent = String::new();
    let app = &page.app;
    let done = app
        .admit(async {
            let body = read_body(&parts.headers, body, app.config.max_body).await?;
            let kind = parts.headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
            let form = Form::read(kind, &body)?;
            sent = form.text("json")?.to_owned();
            if form.text("do")? == "load" {
                app.acquire(&model).await?;
                return Ok(None);
            }
            let cold = app.cache.model(&model).is_none_or(|m| m.state != ModelState::Resident);
            let told = app.invoke(&model, Ask::new(question(&form, &asked.signature)?)).await?;
            Ok(Some(Said::Told(Box::new(told), cold)))
        })
        .await;
    match done {
        Ok(None) => {
            let link = layout::model_link(model.as_str(), None);
            let link = HeaderValue::from_str(&link).unwrap_or(HeaderValue::from_static("/"));
            (StatusCode::SEE_OTHER, [(LOCATION, link)]).into_response()
        }
        Ok(said) => page.model(&model, &asked, &parts, &sent, said).await,
        Err(error) => page.model(&model, &asked, &parts, &sent, Some(Said::Failed(error))).await,
    }
}

fn question(form: &Form<'_>, signature: &str) -> Result<Question, InvokeError> {
    match form.text("do")? {
        "json" => {
            let body = Bytes::copy_from_slice(form.bytes("json"));
            Ok(Question::Json(Payload::new(ContentType::Json, Accept::Json, body)))
        }
        "picture" => Ok(Question::Picture {
            file: form.bytes("picture").to_vec(),
            signature: Some(signature.to_owned()).filter(|s| !s.is_empty()),
            scale: Scale::read(form.text("scale")?),
        }),
        other => Err(InvokeError::bad(format!(
            "the form asks for {other:?}; it can ask for json, picture or load"
        ))),
    }
}

impl Page {
    fn endpoint(&self) -> &str {
        self.app.config.endpoint.as_deref().unwrap_or(layout::ANY_ENDPOINT)
    }

    fn problem(&self, status: StatusCode, why: &str) -> Response {
        html(status, layout::problem("That did not work", self.endpoint(), why))
    }

    async fn list(&self, asked: &Asked) -> Response {
        let stored = self.names.get().await;
        let (known, names) = (self.app.cache.names(), stored.names.clone());
        let (filter, number) = (asked.q.clone(), asked.page.parse().unwrap_or(1));
        let sliced = tokio::task::spawn_blocking(move || names::slice(known, &names, &filter, number)).await;
        let Ok(slice) = sliced else {
            return self.problem(StatusCode::INTERNAL_SERVER_ERROR, "The list could not be made.");
        };
        let (usage, disk) = (self.app.cache.usage(), self.app.cache.loader().disk().usage());
        let memory = vec![("used", usage.resident), ("coming", usage.reserved), ("leaving", usage.unloading)];
        let page = list::page(&List {
            endpoint: self.endpoint(),
            source: &self.app.config.models.to_string(),
            budgets: [
                Budget { name: "Memory", all: usage.budget, uses: memory, models: usage.models_resident },
                Budget {
                    name: "Disk",
                    all: disk.budget,
                    uses: vec![("used", disk.used)],
                    models: disk.entries,
                },
            ],
            counts: (usage.models_known, usage.models_resident, usage.models_failed),
            filter: &asked.q,
            rows: self.known(&slice.names),
            slice: &slice,
            note: stored.note.as_deref(),
        });
        html(StatusCode::OK, page)
    }

    /// What is known of models, without asking anybody.
    fn known(&self, models: &[ModelName]) -> Vec<Known> {
        let disk = self.app.cache.loader().disk();
        let on_disk = |model| disk.get(model).map(|entry| entry.bytes());
        let details = self.app.cache.details(models);
        let known = models.iter().zip(details);
        known.map(|(model, (view, about))| Known { view, about, disk: on_disk(model) }).collect()
    }

    async fn model(
        &self,
        model: &ModelName,
        asked: &Asked,
        parts: &Parts,
        sent: &str,
        said: Option<Said>,
    ) -> Response {
        let status = match &said {
            Some(Said::Failed(error)) => status(error.class()),
            _ => StatusCode::OK,
        };
        let page = model::page(&ModelPage {
            place: example::Place {
                origin: &origin(parts),
                endpoint: self.endpoint(),
                model: model.as_str(),
            },
            known: self.known(std::slice::from_ref(model)).pop().unwrap_or_default(),
            signature: Some(asked.signature.as_str()).filter(|s| !s.is_empty()),
            sent,
            said,
        });
        html(status, page)
    }
}

fn status(class: Class) -> StatusCode {
    match class {
        Class::BadRequest => StatusCode::BAD_REQUEST,
        Class::NotFound => StatusCode::NOT_FOUND,
        Class::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Class::Model | Class::NeverFits | Class::LoadLimit => StatusCode::FAILED_DEPENDENCY,
        Class::NotReady | Class::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Class::Deadline => StatusCode::GATEWAY_TIMEOUT,
        Class::Dependency => StatusCode::BAD_GATEWAY,
        Class::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn html(status: StatusCode, page: Markup) -> Response {
    (status, [(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))], page.into_string())
        .into_response()
}
