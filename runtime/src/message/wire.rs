//! Bytes on their way through the process: nothing, one piece, or a stream.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Error of a body stream: its source broke off.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// A body as the wire gives or takes it.
#[derive(Default)]
pub enum WireBody {
    /// No body.
    #[default]
    Empty,
    /// All of it in memory.
    Full(Bytes),
    /// Straight from a connection.
    Incoming(hyper::body::Incoming),
    /// Any other stream.
    Stream(UnsyncBoxBody<Bytes, BodyError>),
}

impl fmt::Debug for WireBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WireBody::Empty => f.write_str("Empty"),
            WireBody::Full(bytes) => write!(f, "Full({} bytes)", bytes.len()),
            WireBody::Incoming(_) => f.write_str("Incoming"),
            WireBody::Stream(_) => f.write_str("Stream"),
        }
    }
}

impl Body for WireBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        match this {
            WireBody::Empty => Poll::Ready(None),
            WireBody::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                *this = WireBody::Empty;
                Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
            }
            WireBody::Incoming(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
            WireBody::Stream(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            WireBody::Empty => true,
            WireBody::Full(bytes) => bytes.is_empty(),
            WireBody::Incoming(body) => body.is_end_stream(),
            WireBody::Stream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            WireBody::Empty => SizeHint::with_exact(0),
            WireBody::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            WireBody::Incoming(body) => body.size_hint(),
            WireBody::Stream(body) => body.size_hint(),
        }
    }
}

/// Why a body could not be read whole.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// More bytes than allowed.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// The sender broke off.
    #[error("the body broke off: {0}")]
    Broken(BodyError),
}

impl WireBody {
    /// Reads everything, at most `limit` bytes.
    pub async fn read(self, limit: usize) -> Result<Bytes, ReadError> {
        use http_body_util::{BodyExt, LengthLimitError, Limited};
        match self {
            WireBody::Empty => Ok(Bytes::new()),
            WireBody::Full(bytes) if bytes.len() <= limit => Ok(bytes),
            WireBody::Full(_) => Err(ReadError::TooLarge(limit)),
            stream => match Limited::new(stream, limit).collect().await {
                Ok(collected) => Ok(collected.to_bytes()),
                Err(error) if error.is::<LengthLimitError>() => Err(ReadError::TooLarge(limit)),
                Err(error) => Err(ReadError::Broken(error)),
            },
        }
    }
}
