//! Calls of sequence templates.

use crate::eval::Expr;
use crate::message::Value;
use std::sync::Arc;

/// What a template parameter is bound to.
#[derive(Debug, Clone)]
pub enum TemplateArgument {
    /// A value.
    Value(Value),
    /// An expression that is evaluated where the template uses the parameter.
    Expression(Arc<Expr>),
}

/// Parameters of one template call (`$func:p`).
#[derive(Debug, Clone, Default)]
pub struct TemplateFrame {
    parameters: Vec<(Arc<str>, TemplateArgument)>,
}

impl TemplateFrame {
    /// Binds a parameter; of several with one name the last counts.
    pub fn bind(&mut self, name: &Arc<str>, argument: TemplateArgument) {
        self.parameters.push((name.clone(), argument));
    }

    /// What a parameter is bound to; `None` when it is undefined.
    pub fn get(&self, name: &str) -> Option<&TemplateArgument> {
        self.parameters.iter().rev().find(|(known, _)| &**known == name).map(|(_, argument)| argument)
    }
}
