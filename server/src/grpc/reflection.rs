//! Server reflection, by which clients like grpcurl learn what there is: both versions of it that are in use.

use super::proto::DESCRIPTORS;
use tonic::service::Routes;
use tonic_reflection::server::Builder;

/// Adds the service to others.
pub fn add(routes: Routes) -> Routes {
    let builder = || Builder::configure().register_encoded_file_descriptor_set(DESCRIPTORS);
    match (builder().build_v1(), builder().build_v1alpha()) {
        (Ok(now), Ok(before)) => routes.add_service(now).add_service(before),
        (Err(error), _) | (_, Err(error)) => {
            // The build made them; a server without reflection is better than none.
            tracing::error!(%error, "no reflection: the descriptors cannot be read");
            routes
        }
    }
}
