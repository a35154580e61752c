use crate::flow::{self, Block, Context, Leave};
use crate::mediators::parts::testing::{body, compile, verdicts, xml};
use crate::message::Message;
use crate::program::{Program, Resource};
use std::sync::Arc;

#[test]
fn verdict() {
    verdicts(
        &[
            "<xslt key='k'/>",
            "<xslt key='' target='' useCache='maybe' bogus='1'>text<bogus/></xslt>",
            "<xslt key='k'><property name='p' value='v'/><feature name='f' value='true'/><attribute name='a' value='b'/><resource location='l' key='k'/></xslt>",
            "<fastXSLT key='k'/>",
        ],
        &[
            "<xslt/>",
            "<xslt key='k'><property name='p'/></xslt>",
            "<xslt key='k'><property value='v'/></xslt>",
            "<xslt key='k'><property name='p' value=' '/></xslt>",
            "<xslt key='k'><feature name='f' value='yes'/></xslt>",
            "<xslt key='k'><feature name='f'/></xslt>",
            "<xslt key='k'><resource location='l'/></xslt>",
            "<fastXSLT/>",
        ],
    );
}

async fn transformed(mediators: &str, entries: &[(&str, &str)], payload: &str) -> Message {
    let entries = entries.iter().map(|(key, text)| ((*key).into(), Resource::Text((*text).into())));
    let program = Program { local_entries: entries.collect(), ..Program::default() };
    let mut cx = Context::new(Arc::new(program), Arc::default());
    cx.push_block(Arc::new(Block { steps: compile(mediators).0, on_error: None }), Leave::Continue);
    let mut message = xml(payload);
    flow::run(&mut cx, &mut message).await;
    message
}

fn sheet(inner: &str) -> String {
    format!(
        "<xsl:stylesheet version='1.0' xmlns:xsl='http://www.w3.org/1999/XSL/Transform'>{inner}</xsl:stylesheet>"
    )
}

#[tokio::test]
async fn the_payload_is_replaced_and_parameters_arrive() {
    let text = sheet(
        "<xsl:param name='p'/><xsl:template match='/'><t><xsl:value-of select='concat($p, local-name(*))'/></t></xsl:template>",
    );
    let mediator = "<xslt key='s'><property name='p' value='v-'/></xslt>";
    let message = transformed(mediator, &[("s", &text)], "<r>1</r>").await;
    assert_eq!(body(&message), "<t>v-r</t>");
}

#[tokio::test]
async fn a_target_keeps_the_payload_and_text_gets_its_element() {
    let text = sheet(
        "<xsl:output method='text'/><xsl:template match='/'>x<xsl:value-of select='.'/></xsl:template>",
    );
    let message = transformed("<xslt key='s' target='p'/>", &[("s", &text)], "<r>1</r>").await;
    assert_eq!(body(&message), "<r>1</r>");
    assert!(message.property("p").unwrap().text().ends_with(">x1</text>"));
    let message = transformed("<fastXSLT key='s'/>", &[("s", &text)], "<r>1</r>").await;
    assert!(body(&message).ends_with(">x1</text>"));
}

#[tokio::test]
async fn what_cannot_be_run_is_a_fault() {
    let broken = sheet("<xsl:template match='['/>");
    let stops = sheet("<xsl:template match='/'><xsl:message terminate='yes'>no</xsl:message></xsl:template>");
    let two = sheet("<xsl:template match='/'><a/><b/></xsl:template>");
    for text in [broken, stops, two] {
        let message = transformed("<xslt key='s'/>", &[("s", &text)], "<r/>").await;
        assert!(message.property("ERROR_MESSAGE").is_some(), "{text}");
    }
    let message = transformed("<xslt key='none'/>", &[], "<r/>").await;
    assert!(message.property("ERROR_MESSAGE").unwrap().text().contains("'none'"));
}

#[tokio::test]
async fn imports_come_from_resources() {
    let main = sheet("<xsl:import href='part.xslt'/>");
    let part = sheet("<xsl:template match='/'><part/></xsl:template>");
    let mediator = "<xslt key='s'><resource location='part.xslt' key='p'/></xslt>";
    let message = transformed(mediator, &[("s", &main), ("p", &part)], "<r/>").await;
    assert_eq!(body(&message), "<part />");
}
