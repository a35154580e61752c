//! Binding of parameters.

use super::{Argument, CallTemplate};
use crate::errors::{Fault, codes};
use crate::eval::{Dialects, Dynamic, Expr};
use crate::flow::{Context, Enter, Handler, Leave, Mediator, Next, TemplateArgument, TemplateFrame};
use crate::message::{Message, Value};
use crate::program::{Template, TemplateParameter};
use std::sync::Arc;

impl Mediator for CallTemplate {
    fn mediate(&self, message: &mut Message, cx: &mut Context) -> Result<Next, Fault> {
        let Some(template) = cx.program.templates.get(&self.target).cloned() else {
            return Err(Fault::new(format!("Sequence template {} cannot be found", self.target)));
        };
        let depth = cx.handler_depth();
        self.push_handler(self.on_error.as_ref(), cx);
        // What fails while parameters are bound belongs to the template's own handler already.
        let inside = cx.handler_depth();
        self.push_handler(template.block.on_error.as_ref(), cx);
        let frame = self.bind(&template, message, cx)?;
        cx.truncate_handlers(inside);
        cx.templates.push(frame);
        Ok(Next::Enter(Enter { block: template.block.clone(), leave: Leave::Template(depth) }))
    }

    fn reads_body(&self) -> bool {
        self.parameters.iter().any(|(_, argument)| argument.value.reads_body())
    }
}

impl CallTemplate {
    fn push_handler(&self, name: Option<&Arc<str>>, cx: &mut Context) {
        if let Some(name) = name {
            cx.push_handler(Handler::Named(name.clone()));
        }
    }

    fn bind(&self, template: &Template, message: &mut Message, cx: &Context) -> Result<TemplateFrame, Fault> {
        let mut frame = TemplateFrame::default();
        for parameter in &template.parameters {
            // A later with-param of the same name counts.
            let given = self.parameters.iter().rev().find(|(name, _)| *name == parameter.name);
            let argument = match given {
                Some((_, argument)) => argument.evaluate(message, cx)?,
                None => default(parameter, template, message)?.map(TemplateArgument::Value),
            };
            if let Some(argument) = argument {
                frame.bind(&parameter.name, argument);
            }
        }
        Ok(frame)
    }
}

/// The default counts only for optional parameters that the call does not name.
fn default(
    parameter: &TemplateParameter,
    template: &Template,
    message: &mut Message,
) -> Result<Option<Value>, Fault> {
    if !parameter.mandatory {
        return Ok(parameter.default.as_deref().map(Value::from));
    }
    let text = format!(
        "Neither a value nor default value is provided for mandatory parameter: {} in seq-template {}",
        parameter.name, template.name
    );
    // Set here and not by publishing: an older ERROR_CODE is overwritten, ERROR_DETAIL is left alone.
    message.properties.set("ERROR_CODE", Value::Integer(codes::TEMPLATE_PARAMETER));
    message.properties.set("ERROR_MESSAGE", text.as_str());
    Err(Fault::new(text))
}

impl Argument {
    /// What is handed over; `None` leaves the parameter undefined.
    fn evaluate(&self, message: &Message, cx: &Context) -> Result<Option<TemplateArgument>, Fault> {
        Ok(match &self.value {
            Dynamic::Literal(text) => Some(TemplateArgument::Value(Value::String(text.clone()))),
            Dynamic::Escaped(expr) if expr.source().contains("get-property") => {
                Some(TemplateArgument::Expression(self.computed(expr, message, cx)?))
            }
            Dynamic::Escaped(expr) => Some(TemplateArgument::Expression(expr.clone())),
            Dynamic::Expr(expr) => expr.first(message, cx)?.map(TemplateArgument::Value),
        })
    }

    /// `{{get-property('path')}}`: the property holds the text of the expression to hand over.
    fn computed(&self, expr: &Expr, message: &Message, cx: &Context) -> Result<Arc<Expr>, Fault> {
        let text = expr.text(message, cx)?.unwrap_or_default();
        Expr::compile(&text, &self.prefixes, Dialects::XPathOnly)
            .map(Arc::new)
            .map_err(|problem| Fault::new(format!("Can not evaluate escaped expression..: {problem}")))
    }
}
