//! Inferences over one stream. Each is answered in its turn; an error is an answer too, and the stream goes on after it, until its deadline
//! passes.

use super::super::proto::inference::infer_parameter::ParameterChoice;
use super::super::proto::inference::{
    InferParameter, ModelInferRequest, ModelInferResponse, ModelStreamInferResponse,
};
use super::{infer, status};
use crate::deadline::Carried;
use crate::error::InvokeError;
use crate::invoke::{App, Phase};
use futures_util::stream::{self, Stream, StreamExt as _};
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::watch;
use tonic::metadata::MetadataMap;
use tonic::{Request, Status, Streaming};

/// Requests of one stream that are worked on at a time.
const AHEAD: usize = 8;
/// Metadata by which a client asks that an error ends the stream with its status.
const ERRORS_END: &str = "triton_grpc_error";
/// Says that no other answer to the same request follows.
const FINAL: &str = "triton_final_response";

/// The answers, in the order of the requests.
pub type Answers = Pin<Box<dyn Stream<Item = Result<ModelStreamInferResponse, Status>> + Send>>;

/// Answers a stream.
pub fn answer(app: &Arc<App>, request: Request<Streaming<ModelInferRequest>>) -> Answers {
    let (app, ends) = (app.clone(), errors_end(request.metadata()));
    let deadline = Carried::here();
    let requests = until_its_end(request.into_inner(), app.phases(), deadline.clone());
    let answers = requests.map(move |message| {
        let app = app.clone();
        deadline.within(async move { one(&app, message?, ends).await })
    });
    Box::pin(answers.buffered(AHEAD))
}

/// The requests of a stream, up to its deadline; one that is still open when the server drains is told so, for it would keep the server
/// from stopping.
fn until_its_end<T: Send + 'static>(
    requests: Streaming<T>,
    phases: watch::Receiver<Phase>,
    deadline: Carried,
) -> impl Stream<Item = Result<T, Status>> {
    stream::unfold(Some((requests, phases, deadline)), |open| async {
        let (mut requests, mut phases, deadline) = open?;
        tokio::select! {
            message = requests.next() => message.map(|message| (message, Some((requests, phases, deadline)))),
            () = async { drop(phases.wait_for(|phase| *phase == Phase::Draining).await) } => {
                Some((Err(status::of(&InvokeError::ShuttingDown)), None))
            }
            () = deadline.passed() => Some((Err(status::of(&InvokeError::DeadlineExceeded)), None)),
        }
    })
}

fn errors_end(metadata: &MetadataMap) -> bool {
    metadata.get(ERRORS_END).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"))
}

async fn one(app: &App, request: ModelInferRequest, ends: bool) -> Result<ModelStreamInferResponse, Status> {
    let (model_name, id) = (request.model_name.clone(), request.id.clone());
    let (error_message, mut answer) = match infer(app, request).await {
        Ok(answer) => (String::new(), answer),
        Err(status) if ends => return Err(status),
        Err(status) => (
            status.message().to_owned(),
            ModelInferResponse { model_name, id, ..ModelInferResponse::default() },
        ),
    };
    let last = InferParameter { parameter_choice: Some(ParameterChoice::BoolParam(true)) };
    answer.parameters.insert(FINAL.to_owned(), last);
    Ok(ModelStreamInferResponse { error_message, infer_response: Some(answer) })
}
