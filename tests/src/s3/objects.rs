//! What S3 does and `s3s-fs` does not: `If-Match` on reads, ETags in listings, and overwrites that no reader sees half of.

use s3s::dto::{
    CreateBucketInput, CreateBucketOutput, DeleteObjectInput, DeleteObjectOutput, ETag, ETagCondition,
    GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput, ListObjectsV2Input,
    ListObjectsV2Output, PutObjectInput, PutObjectOutput, StreamingBlob,
};
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use s3s_fs::FileSystem;
use std::sync::Arc;
use tokio::sync::RwLock;

/// A directory of buckets. An object and its ETag are two files: the lock makes them change together.
#[derive(Clone)]
pub struct Objects {
    fs: Arc<FileSystem>,
    change: Arc<RwLock<()>>,
}

impl Objects {
    /// Objects below a directory.
    pub fn new(root: &std::path::Path) -> Self {
        let fs = FileSystem::new(root).expect("the S3 server's directory can be opened");
        Self { fs: Arc::new(fs), change: Arc::default() }
    }

    /// Makes a bucket without going over the network.
    pub async fn make_bucket(&self, bucket: &str) {
        let input = CreateBucketInput { bucket: bucket.to_owned(), ..CreateBucketInput::default() };
        self.create_bucket(request(input)).await.expect("a bucket can be made");
    }

    /// Stores an object without going over the network.
    pub async fn put(&self, bucket: &str, key: &str, body: Vec<u8>) {
        let input = PutObjectInput {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            body: Some(StreamingBlob::from(s3s::Body::from(body))),
            ..PutObjectInput::default()
        };
        self.put_object(request(input)).await.expect("an object can be stored");
    }

    /// Removes an object without going over the network.
    pub async fn delete(&self, bucket: &str, key: &str) {
        let input = DeleteObjectInput {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            ..DeleteObjectInput::default()
        };
        self.delete_object(request(input)).await.expect("an object can be removed");
    }
}

fn request<T>(input: T) -> S3Request<T> {
    S3Request {
        input,
        method: hyper::Method::GET,
        uri: hyper::Uri::default(),
        headers: hyper::HeaderMap::default(),
        extensions: hyper::http::Extensions::default(),
        credentials: None,
        region: None,
        service: None,
        trailing_headers: None,
    }
}

fn fits(condition: Option<&ETagCondition>, tag: Option<&ETag>) -> bool {
    match (condition, tag) {
        (Some(ETagCondition::ETag(wanted)), Some(tag)) => tag.strong_cmp(wanted),
        _ => true,
    }
}

#[async_trait::async_trait]
impl S3 for Objects {
    async fn create_bucket(
        &self,
        req: S3Request<CreateBucketInput>,
    ) -> S3Result<S3Response<CreateBucketOutput>> {
        self.fs.create_bucket(req).await
    }

    async fn put_object(&self, req: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let _alone = self.change.write().await;
        self.fs.put_object(req).await
    }

    async fn delete_object(
        &self,
        req: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        let _alone = self.change.write().await;
        self.fs.delete_object(req).await
    }

    async fn get_object(&self, req: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let condition = req.input.if_match.clone();
        let _unchanged = self.change.read().await;
        // The file is open when this returns: what is streamed later is of the version that the ETag names.
        let answer = self.fs.get_object(req).await?;
        if fits(condition.as_ref(), answer.output.e_tag.as_ref()) {
            Ok(answer)
        } else {
            Err(s3_error!(PreconditionFailed))
        }
    }

    async fn head_object(&self, req: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let _unchanged = self.change.read().await;
        self.fs.head_object(req).await
    }

    async fn list_objects_v2(
        &self,
        req: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let bucket = req.input.bucket.clone();
        let _unchanged = self.change.read().await;
        let mut answer = self.fs.list_objects_v2(req).await?;
        for object in answer.output.contents.iter_mut().flatten() {
            let input = HeadObjectInput {
                bucket: bucket.clone(),
                key: object.key.clone().unwrap_or_default(),
                ..HeadObjectInput::default()
            };
            object.e_tag = self.fs.head_object(request(input)).await?.output.e_tag;
        }
        Ok(answer)
    }
}
