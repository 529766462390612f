# Both programs in one image: `berth-server` serves, `berth-operator` runs the operator (the chart says which).
#   docker build -t REGISTRY/berth:TAG .
# Where no base image can be pulled, `cargo run -p berth-tests --bin cluster -- image` makes an image from scratch, of the programs and
# the libraries that they ask for.
ARG RUST=1.95
FROM rust:${RUST}-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked -p berth-server -p berth-operator \
    && install -D -t /out target/release/berth-server target/release/berth-operator \
    && mkdir -p /sagemaker/models

# glibc, libgcc and the certificates of authorities; no shell, no package manager.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /out/ /usr/local/bin/
# Amazon SageMaker runs the image as `serve`, loads models from below /opt/ml/models, and asks these labels what it may do.
COPY --from=build /sagemaker/ /opt/ml/
LABEL com.amazonaws.sagemaker.capabilities.multi-models=true
LABEL com.amazonaws.sagemaker.capabilities.accept-bind-to-port=true
# A number, so that Pod Security sees that it is not root.
USER 65532:65532
EXPOSE 8080 9090
ENTRYPOINT ["/usr/local/bin/berth-server"]
