//! An S3 bucket's prefix, through the AWS SDK: its credentials chain, regions, retries.

use super::parts::{PartReader, RangeSource};
use super::verify::{Checksum, Verify};
use super::{Content, Found, Object, Store, Version};
use crate::config::S3Settings;
use crate::error::StoreError;
use crate::names::{ModelName, is_archive};
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::types::ChecksumMode;
use bytes::Bytes;
use std::io::Read;
use std::ops::Range;
use std::result::Result;
use std::time::Duration;
use tokio::sync::mpsc;

/// A part that brings no byte for this long is asked for again.
const STALLED: Duration = Duration::from_secs(20);
/// Files of one unpacked model.
const MOST_FILES: usize = 4096;

/// A bucket and a prefix.
#[derive(Debug, Clone)]
pub struct S3Store {
    client: Client,
    bucket: String,
    prefix: String,
}

/// A client by the SDK's environment and profiles; `settings` say what these leave open. A custom endpoint is addressed
/// path-style, as S3-compatible stores need it.
pub async fn connect(settings: &S3Settings) -> Client {
    let set = |names: &[&str]| names.iter().any(|name| std::env::var_os(name).is_some());
    let mut loader = aws_config::defaults(aws_config::BehaviorVersion::latest());
    if let Some(region) = settings.region.clone().filter(|_| !set(&["AWS_REGION", "AWS_DEFAULT_REGION"])) {
        loader = loader.region(aws_config::Region::new(region));
    }
    let shared = loader.load().await;
    let region = shared.region().cloned().unwrap_or(aws_config::Region::from_static("us-east-1"));
    let timeouts = aws_sdk_s3::config::timeout::TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .read_timeout(STALLED)
        .build();
    let own = shared.endpoint_url().is_some() || set(&["AWS_ENDPOINT_URL_S3"]);
    let endpoint = settings.endpoint.clone().filter(|_| !own);
    let custom = own || endpoint.is_some();
    let mut config = aws_sdk_s3::config::Builder::from(&shared)
        .region(region)
        .timeout_config(timeouts)
        .force_path_style(custom);
    if let Some(endpoint) = endpoint {
        config = config.endpoint_url(endpoint);
    }
    Client::from_conf(config.build())
}

impl S3Store {
    /// A prefix of a bucket.
    pub fn new(client: Client, bucket: &str, prefix: &str) -> Self {
        Self { client, bucket: bucket.to_owned(), prefix: prefix.to_owned() }
    }

    fn key(&self, model: &ModelName) -> String {
        format!("{}{}", self.prefix, model)
    }

    pub(super) async fn find(&self, model: &ModelName) -> Result<Option<Found>, StoreError> {
        let key = self.key(model);
        if model.is_archive() { self.find_archive(&key).await } else { self.find_files(&key).await }
    }

    /// Looks for an archive of any name, or an unpacked model.
    pub(super) async fn find_key(&self, key: &str) -> Result<Option<Found>, StoreError> {
        match self.find_archive(key).await? {
            None => self.find_files(key).await,
            found => Ok(found),
        }
    }

    async fn find_archive(&self, key: &str) -> Result<Option<Found>, StoreError> {
        let head = self
            .client
            .head_object()
            .bucket(&self.bucket)
            .key(key)
            .checksum_mode(ChecksumMode::Enabled)
            .send()
            .await;
        let head = match head.map_err(|e| store_error(&e)) {
            Err(StoreError::Gone) => return Ok(None),
            other => other?,
        };
        let size = head.content_length().and_then(|n| u64::try_from(n).ok());
        let size = size.ok_or_else(|| StoreError::Corrupt("an object without a length".to_owned()))?;
        let etag = head.e_tag().map(str::to_owned);
        let tag = etag.clone().unwrap_or_else(|| {
            format!("{size}-{}", head.last_modified().map_or(0, aws_sdk_s3::primitives::DateTime::secs))
        });
        let checksum = Checksum::from_headers(head.checksum_crc32_c(), head.checksum_sha256());
        let object = Object { key: key.to_owned(), size, etag, checksum };
        Ok(Some(self.found(tag, size, Content::Archive(object))))
    }

    fn found(&self, tag: String, bytes: u64, content: Content) -> Found {
        Found { version: Version::of(tag, Some(bytes)), content, store: Store::S3(self.clone()) }
    }

    /// The files of an unpacked model: every object below its key.
    async fn find_files(&self, key: &str) -> Result<Option<Found>, StoreError> {
        let dir = format!("{key}/");
        let mut files = Vec::new();
        let mut stamps = Vec::new();
        let mut pages =
            self.client.list_objects_v2().bucket(&self.bucket).prefix(&dir).into_paginator().send();
        while let Some(page) = pages.next().await {
            for object in page.map_err(|e| store_error(&e))?.contents() {
                let Some(name) = object.key().and_then(|k| k.strip_prefix(&dir)) else { continue };
                if name.is_empty() || name.ends_with('/') {
                    continue;
                }
                let size = object.size().and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
                let etag = object.e_tag().map(str::to_owned);
                stamps.push(format!("{name} {size} {}", etag.as_deref().unwrap_or("")));
                let key = format!("{dir}{name}");
                files.push((name.to_owned(), Object { key, size, etag, checksum: None }));
                if files.len() > MOST_FILES {
                    return Err(StoreError::Corrupt(format!("more than {MOST_FILES} files in one model")));
                }
            }
        }
        // Without a model file it is a folder of other models.
        let is_model = files.iter().any(|(name, _)| {
            let mut parts = name.rsplit('/');
            parts.next() == Some("saved_model.pb")
                && parts.next().is_none_or(|v| v.bytes().all(|b| b.is_ascii_digit()))
                && parts.next().is_none()
        });
        let tag = crate::disk::hash(stamps.iter().map(String::as_str));
        let bytes = files.iter().fold(0u64, |sum, (_, object)| sum.saturating_add(object.size));
        Ok(is_model.then(|| self.found(tag, bytes, Content::Files(files))))
    }

    pub(super) async fn list(&self, most: usize) -> Result<Vec<String>, StoreError> {
        let mut names = Vec::new();
        let mut pages =
            self.client.list_objects_v2().bucket(&self.bucket).prefix(&self.prefix).into_paginator().send();
        while let Some(page) = pages.next().await {
            for object in page.map_err(|e| store_error(&e))?.contents() {
                let Some(name) = object.key().and_then(|k| k.strip_prefix(&self.prefix)) else { continue };
                let unpacked = name.strip_suffix("/saved_model.pb").map(|dir| {
                    let (parent, last) = dir.rsplit_once('/').unwrap_or(("", dir));
                    if !parent.is_empty() && last.bytes().all(|b| b.is_ascii_digit()) { parent } else { dir }
                });
                let name = if is_archive(name) { Some(name) } else { unpacked };
                names.extend(name.map(str::to_owned));
            }
            if names.len() >= most {
                break;
            }
        }
        names.sort();
        names.dedup();
        names.truncate(most);
        Ok(names)
    }

    pub(super) fn read(&self, object: &Object) -> Box<dyn Read + Send> {
        let source = Ranges {
            client: self.client.clone(),
            bucket: self.bucket.clone(),
            key: object.key.clone(),
            etag: object.etag.clone(),
        };
        let reader = PartReader::start(source, object.size, tokio::runtime::Handle::current());
        match &object.checksum {
            Some(sum) => Box::new(Verify::new(reader, sum.clone())),
            None => Box::new(reader),
        }
    }
}

/// One object, pinned to its version.
struct Ranges {
    client: Client,
    bucket: String,
    key: String,
    etag: Option<String>,
}

impl RangeSource for Ranges {
    async fn stream(
        &self,
        range: Range<u64>,
        out: &mpsc::Sender<Result<Bytes, StoreError>>,
        sent: &mut u64,
    ) -> Result<(), StoreError> {
        let request = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(&self.key)
            .range(format!("bytes={}-{}", range.start, range.end - 1))
            .set_if_match(self.etag.clone());
        let mut answer = request.send().await.map_err(|e| store_error(&e))?;
        self.check(&answer, &range)?;
        let most = range.end - range.start;
        loop {
            let chunk = tokio::time::timeout(STALLED, answer.body.next())
                .await
                .map_err(|_elapsed| StoreError::Unavailable("the download stalled".to_owned()))?;
            let Some(chunk) = chunk else { return Ok(()) };
            let chunk = chunk.map_err(|e| StoreError::Unavailable(format!("the connection broke: {e}")))?;
            if *sent + chunk.len() as u64 > most {
                return Err(StoreError::Corrupt("more bytes than were asked for".to_owned()));
            }
            let len = chunk.len() as u64;
            if out.send(Ok(chunk)).await.is_err() {
                return Ok(());
            }
            *sent += len;
        }
    }
}

impl Ranges {
    /// Stores that ignore `If-Match` or `Range` must not mix versions or places.
    fn check(&self, answer: &GetObjectOutput, range: &Range<u64>) -> Result<(), StoreError> {
        if let (Some(wanted), Some(got)) = (&self.etag, answer.e_tag())
            && wanted != got
        {
            return Err(StoreError::Overwritten);
        }
        let wanted = format!("bytes {}-{}/", range.start, range.end - 1);
        match answer.content_range() {
            Some(got) if got.starts_with(&wanted) => Ok(()),
            None if range.start == 0 && answer.content_length() == i64::try_from(range.end).ok() => Ok(()),
            other => Err(StoreError::Corrupt(format!("asked for {wanted}…, got {other:?}"))),
        }
    }
}

fn store_error<E: ProvideErrorMetadata + std::fmt::Debug>(error: &SdkError<E>) -> StoreError {
    let status = error.raw_response().map(|r| r.status().as_u16());
    match (error.code(), status) {
        (Some("NoSuchBucket"), _) => StoreError::Unavailable("the bucket does not exist".to_owned()),
        (Some("NoSuchKey" | "NotFound"), _) | (_, Some(404)) => StoreError::Gone,
        (Some("PreconditionFailed"), _) | (_, Some(412)) => StoreError::Overwritten,
        (_, Some(401 | 403)) => StoreError::Denied,
        (Some(code), Some(status)) => StoreError::Unavailable(format!("{code} ({status})")),
        (None, Some(status)) => StoreError::Unavailable(format!("status {status}")),
        (..) => StoreError::Unavailable(transport(error)),
    }
}

/// What went wrong below HTTP, without addresses or keys.
fn transport<E>(error: &SdkError<E>) -> String {
    match error {
        SdkError::ConstructionFailure(_) => "the request could not be built; check the S3 settings",
        SdkError::TimeoutError(_) => "no answer in time",
        SdkError::DispatchFailure(e) if e.is_user() => {
            "the request could not be sent; check the endpoint URL"
        }
        SdkError::DispatchFailure(e) if e.is_timeout() => "no connection in time",
        SdkError::DispatchFailure(e) if e.is_io() => "the connection failed",
        SdkError::DispatchFailure(_) => {
            "the request could not be sent; check the endpoint and the credentials"
        }
        _ => "the answer could not be read",
    }
    .to_owned()
}
