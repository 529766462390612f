//! Predictions are TensorFlow's: over S3, through the whole server, as a client gets them.

use berth_tests::examples::{self, assert_answer, distance, predictions};
use berth_tests::s3::S3;
use berth_tests::server::Setup;
use berth_tests::vgg16;

/// VGG16 adds up thousands of products in an order of its own.
const VGG16_EXACT: f64 = 1e-4;

#[tokio::test(flavor = "multi_thread")]
async fn the_picture_classifier_answers_as_tensorflow_does() {
    let s3 = S3::start().await;
    s3.put("models/cifar.tar.gz", examples::cifar().archive).await;
    let server = Setup::s3(&s3, "s3://models/").start().await;
    for (request, wanted) in examples::pictures() {
        let answer = server.invoke("cifar.tar.gz", request).await;
        assert_eq!(answer.status, 200, "{}", answer.show());
        assert_answer(&predictions(&answer.body), &[wanted]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_answers_as_its_pictures_do_one_by_one() {
    let server = Setup::directory(&berth_tests::repository("examples/models")).start().await;
    let batch = examples::file("examples/requests/cifar/pictures.npy");
    let headers = [("content-type", "application/x-npy"), ("accept", "application/x-npy")];
    let answer = server.invoke_as("cifar.tar.gz", &headers, batch).await;
    assert_eq!(answer.status, 200, "{}", answer.show());
    let wanted = examples::npy_rows(&examples::file("examples/requests/cifar/answers.npy"));
    assert_answer(&examples::npy_rows(&answer.body), &wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_iris_classifier_answers_as_tensorflow_does() {
    let server = Setup::directory(&berth_tests::repository("examples/models")).start().await;
    let iris = examples::iris();
    iris.check(&server.invoke(iris.name, iris.request.clone()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn vgg16_from_s3_answers_as_tensorflow_does() {
    let s3 = S3::start().await;
    s3.put("models/vgg16.tar.gz", vgg16::archive()).await;
    let server = Setup::s3(&s3, "s3://models/").start().await;
    for (request, wanted) in vgg16::requests() {
        let answer = server.invoke("vgg16.tar.gz", request).await;
        assert_eq!(answer.status, 200, "{}", answer.show());
        let distance = distance(&predictions(&answer.body), &wanted);
        assert!(distance <= VGG16_EXACT, "{distance} apart");
    }
}
