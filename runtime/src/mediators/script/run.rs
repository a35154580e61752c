//! The step: gathers texts and arguments, has the pool run them, and does what the result says.

use super::engine::Call;
use super::host::Host;
use super::pool::ScriptPool;
use crate::errors::Fault;
use crate::eval::Dynamic;
use crate::flow::{AsyncMediator, BoxFuture, Context, Next};
use crate::mediators::parts::payload;
use crate::mediators::parts::result_target::{Input, InputValue, ResultTarget};
use crate::message::{Message, Payload, Value};
use crate::program::Resource;
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Script {
    pub(super) language: &'static str,
    pub(super) source: Source,
    pub(super) target: Option<ResultTarget>,
    pub(super) inputs: Vec<Input>,
}

#[derive(Debug)]
pub(super) enum Source {
    Inline(Arc<str>),
    Entry { key: Dynamic, function: Arc<str>, includes: Vec<Dynamic> },
}

impl AsyncMediator for Script {
    fn mediate<'a>(
        &'a self,
        message: &'a mut Message,
        cx: &'a mut Context,
    ) -> BoxFuture<'a, Result<Next, Fault>> {
        Box::pin(async move {
            let call = self.call(message, cx)?;
            let services = cx.services.clone();
            let host = Host::new(std::mem::take(message), view(cx));
            let finished = services.kept.of::<ScriptPool>().run(call, host).await;
            let (host, result) = finished.map_err(|problem| self.fault(&problem))?;
            *message = host.into_message();
            let value = result.map_err(|problem| self.fault(&problem))?;
            self.settle(value, message)
        })
    }
}

/// What expressions in the script see.
fn view(cx: &Context) -> Context {
    let mut view = Context::new(cx.program.clone(), cx.services.clone());
    view.exchange = cx.exchange.clone();
    view.templates = cx.templates.clone();
    view
}

impl Script {
    fn call(&self, message: &Message, cx: &Context) -> Result<Call, Fault> {
        let (key, function, includes) = match &self.source {
            Source::Inline(text) => return Ok(Call { texts: vec![text.clone()], function: None }),
            Source::Entry { key, function, includes } => (key, function, includes),
        };
        let mut texts = vec![self.text(key, message, cx)?];
        for include in includes {
            texts.push(self.text(include, message, cx)?);
        }
        let mut arguments = Vec::new();
        for input in &self.inputs {
            arguments.push(argument(input, message, cx)?);
        }
        Ok(Call { texts, function: Some((function.clone(), arguments)) })
    }

    fn text(&self, key: &Dynamic, message: &Message, cx: &Context) -> Result<Arc<str>, Fault> {
        let key = key.text(message, cx)?.unwrap_or_default();
        match cx.program.resource(&key) {
            Some(Resource::Text(text)) => Ok(text),
            Some(Resource::Xml(element)) => Ok(element.get().text().into()),
            Some(Resource::Binary(bytes)) => Ok(String::from_utf8_lossy(&bytes).into()),
            None => Err(self.fault(&format!("there is no entry '{key}'"))),
        }
    }

    fn fault(&self, problem: &str) -> Fault {
        let origin = if matches!(self.source, Source::Inline(_)) { "inlined" } else { "external" };
        let text =
            format!("The script engine returned an error executing the {origin} {} script", self.language);
        Fault::new(text).detail(problem)
    }

    fn settle(&self, value: Option<Value>, message: &mut Message) -> Result<Next, Fault> {
        let Some(target) = &self.target else {
            return Ok(if matches!(value, Some(Value::Boolean(false))) {
                Next::Stop
            } else {
                Next::Continue
            });
        };
        let value = match (target, value) {
            (ResultTarget::Nowhere, _) => return Ok(Next::Continue),
            (_, Some(value)) => value,
            (_, None) => return Err(self.fault("the function gave back null")),
        };
        match target {
            ResultTarget::Variable(name) => message.variables.set_shared(name, value),
            _ => set_body(value, message),
        }
        Ok(Next::Continue)
    }
}

fn set_body(value: Value, message: &mut Message) {
    match value {
        Value::Xml(element) => {
            let element = element.get();
            payload::set_element(message, element.document, element.id);
        }
        Value::Json(json) => {
            message.payload = Payload::json(crate::message::JsonBody::from_text(json.to_string()));
        }
        other => payload::set_text(message, &other.text()),
    }
}

fn argument(input: &Input, message: &Message, cx: &Context) -> Result<Option<Value>, Fault> {
    match &input.value {
        InputValue::Nothing => Ok(None),
        InputValue::Literal(value) => Ok(value.clone()),
        InputValue::Expr(expr, kind) => {
            let native = expr.value(message, cx)?;
            let text = expr.text(message, cx)?;
            match (native, text, kind) {
                (Some(value), _, None) => Ok(Some(value)),
                (None, text, None) => Ok(text.map(Value::from)),
                (_, None, Some(_)) => Ok(None),
                (_, Some(text), Some(kind)) => kind.convert(&text, true).map_err(|()| {
                    let word = kind.word();
                    Fault::new(format!("the argument '{}' is no value of type {word}", input.name))
                }),
            }
        }
    }
}
