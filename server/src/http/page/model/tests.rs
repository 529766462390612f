use super::*;
use crate::cache::ModelView;
use crate::catalogue::About;
use crate::error::InvokeError;
use berth_engine::DType;

fn spec(name: &str, shape: &[Option<usize>]) -> TensorSpec {
    TensorSpec { name: name.to_owned(), dtype: DType::F32, shape: Some(shape.to_vec()) }
}

fn known(state: ModelState, signatures: Option<&[Signature]>) -> Known {
    let view = ModelView {
        name: "x".to_owned(),
        state,
        bytes: 2048,
        leases: 0,
        waiting: 0,
        pinned: true,
        requests: 3,
        hits: 2,
        idle_seconds: 5.0,
        error: (state == ModelState::Failed).then(|| "<img src=x onerror=alert(1)>".to_owned()),
        retry_in_seconds: (state == ModelState::Failed).then_some(0.5),
    };
    let about = About { format: Some("sklearn"), signatures: signatures.map(Into::into), ..About::default() };
    Known { view: Some(view), about: Some(about), disk: Some(4096) }
}

fn shown(name: &str, known: Known, signature: Option<&str>, said: Option<Said>) -> String {
    let place = Place { origin: "http://localhost", endpoint: "berth", model: name };
    page(&ModelPage { place, known, signature, sent: "", said }).into_string()
}

#[test]
fn a_page_names_inputs_and_outputs_and_the_form_fits_them() {
    let one = |name: &str, shape: &[Option<usize>]| Signature {
        name: name.to_owned(),
        inputs: vec![spec("pixels", shape)],
        outputs: vec![spec("scores", &[None, Some(10)])],
    };
    let signatures =
        [one("other", &[None, Some(2)]), one("serving_default", &[None, Some(8), Some(8), Some(3)])];
    let known = || known(ModelState::Resident, Some(&signatures));
    let usual = shown("cifar.tar.gz", known(), None, None);
    for text in [
        "in memory",
        "sklearn",
        "2.0 KiB",
        "4.0 KiB",
        "2 of 3",
        "5 s ago",
        "N × 8 × 8 × 3",
        "8 × 8 pixels in colours",
    ] {
        assert!(usual.contains(text), "{text} is not in {usual}");
    }
    let other = shown("cifar.tar.gz", known(), Some("other"), None);
    assert!(
        other.contains(
            r#"{&quot;signature_name&quot;: &quot;other&quot;, &quot;instances&quot;: [[0.0, 0.0]]}"#
        )
    );
    assert!(!other.contains("type=\"file\""));
}

#[test]
fn a_model_that_was_not_loaded_offers_that() {
    let page = shown("a.tar.gz", Known::default(), None, None);
    assert!(page.contains("Load it") && page.contains("in the store") && !page.contains("<textarea"));
    assert!(!shown("a.tar.gz", known(ModelState::Resident, None), None, None).contains("Load it"));
}

#[test]
fn hostile_texts_are_shown_as_they_are() {
    let evil = "</textarea><script>alert(1)</script>\"'.tar.gz";
    let signature = Signature {
        name: evil.to_owned(),
        inputs: vec![spec(evil, &[None, Some(1)])],
        outputs: vec![spec(evil, &[])],
    };
    let failed = Some(Said::Failed(InvokeError::bad(evil)));
    let page = shown(evil, known(ModelState::Failed, Some(&[signature])), None, failed);
    assert!(!page.contains("<script>alert") && !page.contains("<img src=x"), "{page}");
    assert_eq!(page.matches("</textarea>").count(), 1);
    assert!(page.contains("It failed to load"));
}
