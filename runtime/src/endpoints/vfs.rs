//! `vfs:file:///folder`: the message is written to a file. Always one way, as in MI.
//!
//! What the message says goes before the address: its transport headers `transport.vfs.ReplyFileName`
//! (name in a folder) and `transport.vfs.CreateFolder`; `LAST_MODIFIED` is the time that the file gets.

use crate::errors::{Fault, codes};
use crate::flow::{self, Context};
use crate::message::{Message, Payload, WireBody, formatters};
use bytes::Bytes;
use connectors::contract::ConnectorError;
use connectors::file::{OutFile, Outbox};

/// `ERROR_MESSAGE` of everything that goes wrong.
const SENDING: &str = "Unexpected error during sending message out";

/// What the one who sends says for want of a word of the message or of the address.
#[derive(Debug, Clone)]
pub struct Defaults {
    /// Name of the file in a folder; `None`: `response.xml`.
    pub name: Option<String>,
    /// Lock files are used.
    pub locking: bool,
}

impl Default for Defaults {
    fn default() -> Self {
        Self { name: None, locking: true }
    }
}

/// Whether a URL is for this sender.
pub(super) fn is_vfs(url: &str) -> bool {
    url.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case("vfs:"))
}

/// Writes a message, which stays as it is, to a file. Its body is read for it.
///
/// Faults: a body that cannot be read, an address that is not of a local file, what the file system
/// refuses, a lock that stays.
pub async fn write(
    message: &mut Message,
    cx: &Context,
    address: &str,
    defaults: &Defaults,
) -> Result<(), Fault> {
    let outbox =
        Outbox::read(address, &cx.services.home, defaults.locking).map_err(|error| failed(&error))?;
    let bytes = bytes_of(message, cx).await?;
    outbox.write(file_of(message, bytes, defaults)).await.map_err(|error| failed(&error))
}

fn failed(error: &ConnectorError) -> Fault {
    Fault::new(SENDING).detail(format!("{SENDING}: {error}"))
}

/// The content of the file. A body that nobody has looked into goes as it came, whatever it is; XML is
/// written anew, as MI does.
async fn bytes_of(message: &mut Message, cx: &Context) -> Result<Bytes, Fault> {
    if goes_as_it_came(message)
        && let Some(body) = message.payload.take_unread()
    {
        let bytes = body.read(cx.services.limits.body_bytes).await;
        let bytes = bytes.map_err(|error| Fault::with_code(codes::BUILD, error.to_string()))?;
        message.payload = Payload::Unread(WireBody::Full(bytes.clone()));
        return Ok(bytes);
    }
    flow::build_payload(message, cx).await?;
    let mut copy = message.fork();
    // A file has no headers: nothing would tell that its content is compressed.
    copy.headers.remove("Content-Encoding");
    Ok(match formatters::format(&mut copy)? {
        WireBody::Full(bytes) => bytes,
        // Only an unread body is a stream, and this one was read.
        WireBody::Empty | WireBody::Incoming(_) | WireBody::Stream(_) => Bytes::new(),
    })
}

fn goes_as_it_came(message: &Message) -> bool {
    let is_type_set = message.axis2.entry("messageType").is_some();
    let is_xml = message.message_type().is_none_or(|media| media.contains("xml"));
    message.payload.is_unread() && !is_type_set && !is_xml && !message.headers.contains("Content-Encoding")
}

fn file_of(message: &Message, bytes: Bytes, defaults: &Defaults) -> OutFile {
    let header = |name: &str| message.headers.get(name).map(std::borrow::Cow::into_owned);
    OutFile {
        bytes,
        name: header("transport.vfs.ReplyFileName").or_else(|| defaults.name.clone()),
        modified: header("LAST_MODIFIED").and_then(|text| text.parse().ok()),
        create_folder: header("transport.vfs.CreateFolder").as_deref() == Some("true"),
    }
}
