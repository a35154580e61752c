//! Rewriting.

use super::{Action, Kind, Rewrite, Rule, Source};
use crate::errors::Fault;
use crate::eval::JavaRegex;
use crate::flow::{Context, Mediator, Next};
use crate::mediators::parts::uri::{Fragment, Parts};
use crate::message::{Message, Value};

impl Mediator for Rewrite {
    fn mediate(&self, message: &mut Message, cx: &mut Context) -> Result<Next, Fault> {
        let address = match &self.in_property {
            Some(name) => match message.property(name) {
                Some(Value::String(text)) => Some(text),
                _ => None,
            },
            None => message.addressing.to.clone(),
        };
        let mut parts = match address {
            Some(address) => Parts::parse(&address)?,
            None => Parts::default(),
        };
        for rule in &self.rules {
            rule.apply(&mut parts, message, cx)?;
        }
        let text = parts.to_text()?;
        match &self.out_property {
            Some(name) => message.properties.set(name, text),
            None => message.addressing.to = Some(text.into()),
        }
        Ok(Next::Continue)
    }
}

impl Rule {
    fn apply(&self, parts: &mut Parts, message: &Message, cx: &Context) -> Result<(), Fault> {
        if let Some(condition) = &self.condition {
            match condition.holds(&parts.to_text()?, message, cx) {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(fault) => {
                    tracing::warn!(
                        "a condition of <rewrite> cannot be evaluated, its rule is skipped: {fault}"
                    );
                    return Ok(());
                }
            }
        }
        self.actions.iter().try_for_each(|action| action.apply(parts, message, cx))
    }
}

impl Action {
    fn apply(&self, parts: &mut Parts, message: &Message, cx: &Context) -> Result<(), Fault> {
        let value = match &self.source {
            Source::None => None,
            Source::Text(text) => Some(text.to_string()),
            Source::Expr(expr) => expr.text(message, cx)?,
        };
        let Some(fragment) = self.fragment else {
            // The whole address and the port are set whatever the type says.
            *parts = Parts::parse(value.as_deref().unwrap_or_default())?;
            return Ok(());
        };
        if fragment == Fragment::Port {
            parts.port = port(value.as_deref())?;
            return Ok(());
        }
        let current = parts.get(fragment).unwrap_or_default().to_owned();
        let mut result = self.change(fragment, &current, value)?;
        if self.resolve {
            result = result.map(|text| resolve(&text, message));
        }
        parts.set(fragment, result);
        Ok(())
    }

    fn change(
        &self,
        fragment: Fragment,
        current: &str,
        value: Option<String>,
    ) -> Result<Option<String>, Fault> {
        let joint = if fragment == Fragment::Query && !current.is_empty() { "&" } else { "" };
        Ok(match self.kind {
            Kind::Set => value,
            Kind::Remove => None,
            Kind::Prepend => Some(value.map(|value| format!("{value}{joint}{current}")).unwrap_or_default()),
            Kind::Append => Some(value.map(|value| format!("{current}{joint}{value}")).unwrap_or_default()),
            Kind::Replace => match value {
                Some(value) => Some(compile(&self.regex)?.replace_all(current, &value)),
                None => Some(String::new()),
            },
            Kind::RemoveQueryParam => Some(without(current, &value.unwrap_or_default())?),
        })
    }
}

fn compile(regex: &str) -> Result<JavaRegex, Fault> {
    JavaRegex::compile(regex)
        .map_err(|error| Fault::new(format!("'{regex}' of <rewrite> is no regular expression: {error}")))
}

fn port(value: Option<&str>) -> Result<Option<u16>, Fault> {
    let Some(value) = value else { return Ok(None) };
    match value.parse::<i32>() {
        Ok(number) => Ok(u16::try_from(number).ok()),
        Err(_) => Err(Fault::new(format!("<rewrite> sets the port to a number, found '{value}'"))),
    }
}

/// The query without its first parameter that the expression finds.
fn without(query: &str, name: &str) -> Result<String, Fault> {
    if query.is_empty() {
        return Ok(String::new());
    }
    let regex = compile(&format!("{name}=.*"))?;
    let mut parameters: Vec<&str> = query.split('&').collect();
    if let Some(at) = parameters.iter().position(|parameter| regex.finds(parameter)) {
        parameters.remove(at);
    }
    Ok(parameters.join("&"))
}

/// Puts properties in place of `{name}`; a missing one empties the part.
fn resolve(text: &str, message: &Message) -> String {
    let mut result = text.to_owned();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('{') {
        let Some((name, tail)) = after.split_once('}') else { break };
        if name.contains('{') {
            rest = after;
            continue;
        }
        let value = message.property(name).map(|value| value.text().into_owned()).filter(|v| !v.is_empty());
        match value {
            Some(value) => result = result.replace(&format!("{{{name}}}"), &value),
            None => {
                tracing::error!("Path parameter '{name}' was not found in the provided URL postfix");
                result.clear();
            }
        }
        rest = tail;
    }
    result
}
