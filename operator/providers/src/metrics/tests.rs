use axum::{body::Body, response::Response};
use futures::stream;
use http::header;
use krake_crds::reason::ReasonCode;
use tokio::{
    net::TcpListener,
    sync::Notify,
    time::{Duration, Instant},
};

use super::mock::{Mock, TOKEN, source, spec, try_source};
use super::*;

const PROMETHEUS: MetricsProviderType = MetricsProviderType::Prometheus;
const NETWORKED: [MetricsProviderType; 3] = [PROMETHEUS, MetricsProviderType::Kafka, MetricsProviderType::Influx];
const ONE: &str = r#"{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}"#;

/// An answer whose body comes in parts.
fn streamed(parts: impl futures::Stream<Item = std::io::Result<&'static str>> + Send + 'static) -> Response {
    Response::builder().header(header::CONTENT_TYPE, "application/json").body(Body::from_stream(parts)).unwrap()
}

fn chain(error: &dyn std::error::Error) -> String {
    format!("{error} {error:?} {}", error.source().map(chain).unwrap_or_default())
}

/// Everything that a log or a condition could show of an error.
fn everything(error: &Error) -> String {
    format!("{} {}", error.sentence(), chain(error))
}

#[tokio::test]
async fn given_values_are_read_by_their_name() {
    let mut spec = spec(MetricsProviderType::Static, "");
    spec.static_.as_mut().unwrap().metrics.insert("load".into(), 0.5);
    let source = source(&spec);
    assert_eq!(source.read("load").await.unwrap(), Values::One(0.5));
    let error = source.read("other").await.unwrap_err();
    assert!(matches!(error, Error::Metric(InvalidMetric::NoValue)), "{error:?}");
    assert_eq!(error.code(), ReasonCode::InvalidMetric);
    assert_eq!(error.sentence(), "the metrics provider has no value for the metric");
}

#[tokio::test]
async fn a_spec_that_cannot_be_used_is_refused_before_anything_is_asked() {
    for type_ in NETWORKED {
        for url in [
            "",
            "prometheus:9090",
            "ftp://host/",
            "/path",
            "unix:/socket",
            "http://",
            "http://[::1",
            "http://169.254.169.254",
            "https://[fe80::1]/",
        ] {
            let error = try_source(&spec(type_, url), Some(TOKEN)).unwrap_err();
            assert!(matches!(error, Error::Provider(Unreachable::Spec(_))), "{url}: {error:?}");
            assert_eq!(error.code(), ReasonCode::UnreachableMetricsProvider);
        }
    }
    for type_ in NETWORKED.into_iter().chain([MetricsProviderType::Static]) {
        let error = try_source(&MetricsProviderSpec { type_, ..Default::default() }, Some(TOKEN)).unwrap_err();
        assert!(error.sentence().contains("lacks the member"), "{error}");
    }
}

#[tokio::test]
async fn the_path_of_a_url_is_extended_and_its_query_left_out() {
    for (path, expected) in [
        ("", "/api/v1/query?query=load"),
        ("/", "/api/v1/query?query=load"),
        ("/metrics/main", "/metrics/main/api/v1/query?query=load"),
        ("/metrics/main/", "/metrics/main/api/v1/query?query=load"),
        ("/metrics?key=k3y#top", "/metrics/api/v1/query?query=load"),
    ] {
        let mock = Mock::answering(200, "application/json", ONE).await;
        source(&spec(PROMETHEUS, &mock.url("", path))).read("load").await.unwrap();
        assert_eq!(mock.asked().target, expected, "{path}");
    }
}

#[tokio::test]
async fn a_user_in_the_url_is_sent_as_basic_authentication() {
    let mock = Mock::answering(200, "application/json", ONE).await;
    source(&spec(PROMETHEUS, &mock.url("krake:p%40ss@", ""))).read("load").await.unwrap();
    assert_eq!(mock.asked().headers["authorization"], "Basic a3Jha2U6cEBzcw==");
}

#[tokio::test]
async fn nothing_shows_credentials() {
    let secrets = [TOKEN, "s3cret-word", "a3Jha2U6czNjcmV0LXdvcmQ=", "k3y"];
    // The provider repeats what it was sent.
    let words = format!("bad header Token {TOKEN} Basic a3Jha2U6czNjcmV0LXdvcmQ=");
    for status in [200, 400, 401, 404, 422, 500] {
        let body = format!(r#"{{"errorType":"bad_data","error":"{words}","message":"{words}","error_code":40001}}"#);
        let mock = Mock::answering(status, "application/json", body).await;
        for type_ in NETWORKED {
            let source = source(&spec(type_, &mock.url("krake:s3cret-word@", "/path?key=k3y")));
            let shown = format!("{source:?} {}", everything(&source.read("load").await.unwrap_err()));
            assert!(!secrets.iter().any(|secret| shown.contains(secret)), "{type_} {status}: {shown}");
        }
    }
}

#[tokio::test]
async fn a_provider_that_is_not_there_refuses_the_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let source = source(&spec(PROMETHEUS, &format!("http://krake:s3cret-word@{address}/?key=k3y")));
    let error = source.read("load").await.unwrap_err();
    assert_eq!(error.code(), ReasonCode::UnreachableMetricsProvider);
    assert_eq!(error.sentence(), "the metrics provider refuses the connection");
    assert!(!everything(&error).contains("s3cret-word") && !everything(&error).contains("k3y"), "{error:?}");
}

#[tokio::test]
async fn a_provider_that_does_not_answer_is_given_up_after_20_seconds() {
    let asked = Arc::new(Notify::new());
    let (listener, signal) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), asked.clone());
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        stream.readable().await.unwrap();
        signal.notify_one();
        std::future::pending::<()>().await;
        drop(stream);
    });
    let source = source(&spec(PROMETHEUS, &format!("http://{address}")));
    let start = Instant::now();
    let reading = tokio::spawn(async move { source.read("load").await });
    asked.notified().await;
    // From here on, time passes as soon as nobody has anything to do.
    tokio::time::pause();
    let error = reading.await.unwrap().unwrap_err();
    assert_eq!(error.sentence(), "the metrics provider does not answer within 20 s");
    let took = start.elapsed();
    assert!((Duration::from_secs(20)..Duration::from_secs(22)).contains(&took), "{took:?}");
}

#[tokio::test]
async fn an_answer_that_breaks_off_or_trickles_on_forever_is_no_answer() {
    let broken =
        Mock::responding(|| streamed(stream::iter([Ok(&ONE[..9]), Err(std::io::ErrorKind::ConnectionReset.into())])));
    let error = broken.await.source(PROMETHEUS).read("load").await.unwrap_err();
    assert_eq!(error.sentence(), "the metrics provider breaks off before the end of its answer");

    let endless = Mock::responding(|| streamed(stream::repeat_with(|| Ok("[0123456789abcdef]"))));
    let error = endless.await.source(PROMETHEUS).read("load").await.unwrap_err();
    assert!(matches!(error, Error::Provider(Unreachable::TooLong)), "{error:?}");
    assert_eq!(error.code(), ReasonCode::UnreachableMetricsProvider);
}

#[tokio::test]
async fn an_answer_of_the_greatest_length_is_read_and_a_longer_one_is_not() {
    let body = |length: usize| format!("{ONE}{}", " ".repeat(length - ONE.len()));
    let longest = Mock::answering(200, "application/json", body(endpoint::MAX_ANSWER_BYTES)).await;
    assert_eq!(longest.source(PROMETHEUS).read("load").await.unwrap(), Values::One(1.0));
    let longer = Mock::answering(200, "application/json", body(endpoint::MAX_ANSWER_BYTES + 1)).await;
    let error = longer.source(PROMETHEUS).read("load").await.unwrap_err();
    assert!(matches!(error, Error::Provider(Unreachable::TooLong)), "{error:?}");
    // What matters of a refusal is its status.
    let refusal = Mock::answering(503, "application/json", body(endpoint::MAX_ANSWER_BYTES + 1)).await;
    let error = refusal.source(PROMETHEUS).read("load").await.unwrap_err();
    assert!(matches!(error, Error::Provider(Unreachable::Status { status: 503, .. })), "{error:?}");
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = Mock::answering(200, "application/json", ONE).await;
    let url = elsewhere.url("", "/");
    let mock = Mock::responding(move || {
        Response::builder().status(302).header(header::LOCATION, url.clone()).body(Body::empty()).unwrap()
    });
    let error = mock.await.source(PROMETHEUS).read("load").await.unwrap_err();
    let sentence = "the metrics provider answers with HTTP status 302: redirects are not followed";
    assert_eq!(error.sentence(), sentence);
}

#[tokio::test]
async fn clones_of_a_source_are_the_same_source() {
    let mock = Mock::answering(200, "application/json", ONE).await;
    let source = mock.source(PROMETHEUS);
    let clone = source.clone();
    drop(source);
    assert_eq!(clone.read("load").await.unwrap(), Values::One(1.0));
}
