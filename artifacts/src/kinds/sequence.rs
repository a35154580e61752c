//! Named sequences.

use super::flow::Flow;
use crate::read::Reader;
use crate::xml::XmlElement;

/// A named sequence.
#[derive(Debug, Clone)]
pub struct Sequence {
    /// Name; `main` and `fault` have a meaning of their own.
    pub name: String,
    /// Sequence that handles faults of this one.
    pub on_error: Option<String>,
    /// Its mediators.
    pub flow: Flow,
    /// `statistics="enable"`.
    pub statistics: bool,
    /// `trace="enable"`.
    pub trace: bool,
    /// The `<sequence>` element.
    pub element: XmlElement,
}

pub(super) fn read(element: &XmlElement, reader: &mut Reader<'_>) -> Option<Sequence> {
    let this = element.get();
    reader.known_attributes(this, &["name", "key", "onError", "statistics", "trace"]);
    let name = reader.required(this, "name")?;
    Some(Sequence {
        name,
        on_error: this.attr("onError").map(str::to_owned),
        flow: Flow::of(element),
        statistics: reader.enabled(this, "statistics"),
        trace: reader.enabled(this, "trace"),
        element: element.clone(),
    })
}
