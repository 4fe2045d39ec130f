//! Bounds what a target may answer: a client collects whole answers, and whole lines of watches, in memory.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::{TryFutureExt, future::MapOk};
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use tower::{BoxError, Layer, Service};

/// The longest answer: one object, or a page of [`PAGE`](crate::connection::PAGE), which leaves 160 KiB for each of its objects.
/// Nodes, which are listed whole, have some 20 KiB. Of all others the metadata is listed, where annotations may have
/// 256 KiB but seldom have 20. The discovery of a thousand custom resources has about a megabyte.
const LONGEST_ANSWER: usize = 16 * 1024 * 1024;

/// The longest answer that is an error. One about an invalid object quotes the parts that are wrong, twice: in its message
/// and in its causes.
const LONGEST_ERROR: usize = 4 * 1024 * 1024;

/// The longest line of a watch, which is one object. etcd takes 1.5 MiB by default.
const LONGEST_LINE: usize = 8 * 1024 * 1024;

/// The answer was cut off because nothing that is right is so long.
#[derive(thiserror::Error, Clone, Copy, Debug, PartialEq, Eq)]
#[error("the answer is too long: more than {0} bytes")]
pub(crate) struct TooLong(usize);

impl TooLong {
    /// Whether this is what made a call fail.
    pub(crate) fn is_cause_of(error: &kube::Error) -> bool {
        let first: &dyn std::error::Error = error;
        std::iter::successors(Some(first), |error| error.source()).any(<dyn std::error::Error>::is::<Self>)
    }
}

/// Bounds the answers of a client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds;

impl<S> Layer<S> for Bounds {
    type Service = BoundedService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        BoundedService { inner }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct BoundedService<S> {
    inner: S,
}

impl<S, A, B> Service<Request<A>> for BoundedService<S>
where
    S: Service<Request<A>, Response = Response<B>>,
{
    type Response = Response<BoundedBody<B>>;
    type Error = S::Error;
    type Future = MapOk<S::Future, fn(Response<B>) -> Response<BoundedBody<B>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let is_watch = request
            .uri()
            .query()
            .is_some_and(|query| query.split('&').any(|parameter| matches!(parameter, "watch=true" | "watch=1")));
        self.inner.call(request).map_ok(if is_watch { bounded_watch } else { bounded_answer })
    }
}

fn bounded_watch<B>(answer: Response<B>) -> Response<BoundedBody<B>> {
    if answer.status().is_success() {
        return answer.map(|body| BoundedBody::new(body, LONGEST_LINE, Extent::Line));
    }
    bounded_answer(answer)
}

fn bounded_answer<B>(answer: Response<B>) -> Response<BoundedBody<B>> {
    let limit = if answer.status().is_success() { LONGEST_ANSWER } else { LONGEST_ERROR };
    answer.map(|body| BoundedBody::new(body, limit, Extent::Whole))
}

/// Of what the length is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    Whole,
    Line,
}

/// A body that ends in [`TooLong`] when it, or one line of it, is longer than the limit.
#[derive(Debug)]
pub(crate) struct BoundedBody<B> {
    inner: B,
    limit: usize,
    extent: Extent,
    seen: usize,
}

impl<B> BoundedBody<B> {
    fn new(inner: B, limit: usize, extent: Extent) -> Self {
        Self { inner, limit, extent, seen: 0 }
    }

    fn checked(&mut self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, BoxError> {
        if let Some(bytes) = frame.data_ref() {
            self.take(bytes)?;
        }
        Ok(frame)
    }

    /// Takes note of more bytes. A line that ends within them has been received by then, and counts no more.
    fn take(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        let end = bytes.iter().rposition(|byte| *byte == b'\n').filter(|_| self.extent == Extent::Line);
        self.seen = match end {
            Some(end) => bytes.len() - end - 1,
            None => self.seen.saturating_add(bytes.len()),
        };
        if self.seen > self.limit { Err(TooLong(self.limit)) } else { Ok(()) }
    }
}

impl<B> Body for BoundedBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let next = Pin::new(&mut self.inner).poll_frame(context).map_err(Into::into);
        next.map(|frame| frame.map(|frame| self.checked(frame?)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use kube::{
        Client,
        client::{Body as ClientBody, ClientBuilder},
    };

    use super::*;

    fn taken(extent: Extent, frames: &[&str]) -> Result<(), TooLong> {
        let mut body = BoundedBody::new((), 10, extent);
        frames.iter().try_for_each(|frame| body.take(frame.as_bytes()))
    }

    #[test]
    fn an_answer_is_bounded_as_a_whole_and_a_watch_line_by_line() {
        let lines = ["1234567\n", "1234567\n12345", "67890", "\n1234567890"];
        assert_eq!(taken(Extent::Line, &lines), Ok(()));
        assert_eq!(taken(Extent::Whole, &lines), Err(TooLong(10)));
        assert_eq!(taken(Extent::Whole, &["1234567\n", "12"]), Ok(()));
        assert_eq!(taken(Extent::Line, &["1\n1234567890", "1"]), Err(TooLong(10)));
    }

    #[tokio::test]
    async fn what_a_large_invalid_object_is_answered_is_taken_whole() {
        let long = "x".repeat(1024 * 1024);
        let details = serde_json::json!({ "causes": [{ "message": long }] });
        let said =
            serde_json::json!({ "status": "Failure", "code": 422, "message": long, "details": details }).to_string();
        let answer = move |_: Request<ClientBody>| {
            let body = ClientBody::from(said.clone().into_bytes());
            std::future::ready(Ok::<_, Infallible>(Response::builder().status(422).body(body).unwrap()))
        };
        let client = ClientBuilder::new(tower::service_fn(answer), "default").with_layer(&Bounds).build();
        assert!(matches!(client.apiserver_version().await, Err(kube::Error::Api(status)) if status.message == long));
    }

    /// A target that never stops.
    fn endless(code: u16) -> Client {
        let answer = move |_: Request<ClientBody>| {
            let body = Endless(Bytes::from(vec![b'x'; 1024 * 1024]));
            std::future::ready(Ok::<_, Infallible>(Response::builder().status(code).body(body).unwrap()))
        };
        ClientBuilder::new(tower::service_fn(answer), "default").with_layer(&Bounds).build()
    }

    struct Endless(Bytes);

    impl Body for Endless {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Ready(Some(Ok(Frame::data(self.0.clone()))))
        }
    }

    #[tokio::test]
    async fn a_call_to_a_target_that_never_stops_talking_fails() {
        for code in [200, 403] {
            let error = endless(code).apiserver_version().await.unwrap_err();
            assert!(TooLong::is_cause_of(&error), "{error:?}");
        }
    }

    #[tokio::test]
    async fn a_watch_whose_line_never_ends_fails() {
        use futures::TryStreamExt;
        use k8s_openapi::api::core::v1::Node;
        let api: kube::Api<Node> = kube::Api::all(endless(200));
        let events = Box::pin(api.watch(&kube::api::WatchParams::default(), "0").await.unwrap());
        let error = events.try_collect::<Vec<_>>().await.unwrap_err();
        assert!(TooLong::is_cause_of(&error), "{error:?}");
    }
}
