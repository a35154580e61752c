//! A small deployment for tests of mediators that call sequences and templates.

use super::parts::testing::compile;
use crate::flow::{Answer, Block, Context, Leave, run};
use crate::message::Message;
use crate::program::{Program, Sequence, Template, TemplateParameter};
use crate::services::Services;
use crate::stores::StoreSpec;
use std::sync::Arc;

fn block(xml: &str, on_error: Option<&str>) -> Arc<Block> {
    let (steps, diagnostics) = compile(xml);
    assert!(!diagnostics.has_errors(), "{diagnostics:?}");
    Arc::new(Block { steps, on_error: on_error.map(Into::into) })
}

/// A small deployment to run a snippet in.
#[derive(Default)]
pub(super) struct Flow {
    program: Program,
    services: Arc<Services>,
    main: Arc<Block>,
}

/// What came out.
pub(super) struct Outcome {
    /// The answer when there was one, else the message as the flow left it.
    pub(super) message: Message,
}

impl Flow {
    /// The mediators of the flow under test.
    pub(super) fn new(xml: &str) -> Self {
        Self { main: block(xml, None), ..Self::default() }
    }

    /// Adds a named sequence.
    pub(super) fn sequence(mut self, name: &str, on_error: Option<&str>, xml: &str) -> Self {
        let sequence = Sequence { name: name.into(), block: block(xml, on_error) };
        self.program.sequences.insert(name.into(), Arc::new(sequence));
        self
    }

    /// Adds a template; parameters are (name, mandatory, default).
    pub(super) fn template(
        mut self,
        name: &str,
        parameters: &[(&str, bool, Option<&str>)],
        xml: &str,
    ) -> Self {
        let parameters = parameters.iter().map(|(name, mandatory, default)| TemplateParameter {
            name: (*name).into(),
            mandatory: *mandatory,
            default: default.map(Into::into),
        });
        let template =
            Template { name: name.into(), parameters: parameters.collect(), block: block(xml, None) };
        self.program.templates.insert(name.into(), Arc::new(template));
        self
    }

    /// Adds a message store.
    pub(super) fn store(mut self, spec: StoreSpec) -> Self {
        self.program.stores.insert(spec.name.clone(), Arc::new(spec));
        self
    }

    /// The services that the flow runs with.
    pub(super) fn services(&self) -> Arc<Services> {
        self.services.clone()
    }

    /// Sets the default fault sequence.
    pub(super) fn fault(mut self, xml: &str) -> Self {
        self.program.default_fault = Arc::new(Sequence { name: "fault".into(), block: block(xml, None) });
        self
    }

    /// Runs the flow on a message.
    pub(super) async fn run(self, mut message: Message) -> Outcome {
        let mut cx = Context::new(Arc::new(self.program), self.services);
        cx.push_block(self.main, Leave::Continue);
        run(&mut cx, &mut message).await;
        match cx.exchange.take() {
            Some(Answer::Reply(reply)) => Outcome { message: *reply },
            _ => Outcome { message },
        }
    }
}

impl Outcome {
    /// A default-scope property as text.
    pub(super) fn property(&self, name: &str) -> Option<String> {
        self.message.property(name).map(|value| value.text().into_owned())
    }

    /// A transport header.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        self.message.headers.get(name).map(|value| value.into_owned())
    }
}
