//! `<definitions>`: a whole configuration in one file, cut into its parts.

use super::flow::Flow;
use super::{Artifact, Judged, Kind, Sequence, read_artifact};
use crate::read::Reader;
use crate::xml::{ElementRef, XmlElement};

/// Reads every part. Mediators that stand outside a sequence make up the sequence `main`.
pub(super) fn read(element: &XmlElement, reader: &mut Reader<'_>) -> Vec<Judged> {
    let mut artifacts = Vec::new();
    let mut loose = false;
    for child in element.get().children() {
        match part(child) {
            Part::Artifact(kind) => artifacts.extend(read_artifact(&element.at(child.id), kind, reader)),
            Part::Description => {}
            Part::Mediator => loose = true,
        }
    }
    if loose {
        artifacts.push(Judged { artifact: Artifact::Sequence(main(element)), is_refused: false });
    }
    artifacts
}

enum Part {
    Artifact(Kind),
    Mediator,
    Description,
}

/// A `<sequence>` with a name and an `<endpoint>` with a name are artifacts, others are mediators.
fn part(child: ElementRef<'_>) -> Part {
    let local = child.local();
    match Kind::of_root(local) {
        Some(Kind::Sequence) if child.attr("name").is_none() => Part::Mediator,
        Some(Kind::Definitions) => Part::Mediator,
        Some(kind) => Part::Artifact(kind),
        None if local == "description" => Part::Description,
        None => Part::Mediator,
    }
}

/// The flow of the loose mediators: the definitions element with everything else taken out.
fn main(element: &XmlElement) -> Sequence {
    let owned = element.get().to_element();
    let mut document = (**owned.document()).clone();
    let parts: Vec<_> = document.child_elements(owned.id()).collect();
    for id in parts {
        let child = ElementRef { document: &document, id };
        if !matches!(part(child), Part::Mediator) {
            document.detach(id);
        }
    }
    let element = XmlElement::new(document.into(), owned.id());
    Sequence {
        name: "main".to_owned(),
        on_error: None,
        flow: Flow::of(&element),
        statistics: false,
        trace: false,
        element,
    }
}
