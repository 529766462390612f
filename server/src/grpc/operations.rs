//! What the services' calls are, for the API's documents.

use crate::http::openapi::{Answer, Media, Operation, Parameter, Protocol};

const MESSAGE: &[Media] = &[Media { name: "application/grpc", schema: "", example: "" }];
const CALL: Parameter =
    Parameter { place: "path", name: "call", required: true, about: "The call.", example: "ServerLive" };
const ANSWERS: &[Answer] =
    &[Answer { status: "200", about: "The message, or the status in grpc-status.", body: MESSAGE }];

/// The services.
pub const OPERATIONS: Protocol = Protocol {
    name: "gRPC",
    about: "On the same port, told apart by the paths: HTTP/2 with prior knowledge.",
    operations: &[Operation {
        about: "The Open Inference Protocol.",
        route: "/inference.GRPCInferenceService/{*rest}",
        parameters: &[CALL],
        request: MESSAGE,
        answers: ANSWERS,
        ..Operation::new("post", "/inference.GRPCInferenceService/{call}", "GRPCInferenceService")
    }],
};
