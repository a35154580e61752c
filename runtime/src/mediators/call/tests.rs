//! Grammar of `<call>`: what MI refuses and what it takes.

use crate::compile::Compiler;
use artifacts::source::Source;
use artifacts::xml::{ElementRef, parse_source};

fn findings(inner: &str) -> Vec<String> {
    let text = format!("<call xmlns='http://ws.apache.org/ns/synapse'>{inner}</call>");
    let document = parse_source(&Source::new("call.xml", text)).unwrap();
    let mut compiler = Compiler::default();
    let element = ElementRef { document: &document, id: document.root_element().unwrap() };
    let step = compiler.mediator(element);
    assert_eq!(step.is_none(), compiler.diagnostics.has_errors());
    compiler.diagnostics.iter().map(|d| d.message.clone()).collect()
}

#[test]
fn endpoint_source_and_target() {
    assert!(findings("").is_empty());
    assert!(
        findings("<endpoint key='E'/><source type='property'>p</source><target type='variable'>v</target>")
            .is_empty()
    );
    assert!(findings("<source type='inline' contentType='application/json'>{}</source>").is_empty());
}

#[test]
fn unknown_types_are_refused() {
    assert_eq!(findings("<source type='Body'/>").len(), 1);
    assert_eq!(findings("<target type='header'>x</target>").len(), 1);
    assert_eq!(findings("<source type='custom'/>"), ["<source> of type 'custom' needs a text"]);
}
