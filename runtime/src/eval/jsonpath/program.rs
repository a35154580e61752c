//! The form that runs: names shared, patterns compiled, nested paths prepared.

use super::JsonPath;
use crate::message::Json;
use artifacts::expr::SyntaxError;
use artifacts::expr::jsonpath as syntax;
pub(super) use artifacts::expr::jsonpath::Operator;
use artifacts::java_regex::JavaRegex;
use std::sync::Arc;

/// One step.
#[derive(Debug, Clone)]
pub(super) enum Token {
    Properties(Vec<Arc<str>>),
    Indexes(Vec<i32>),
    Slice(Option<i32>, Option<i32>),
    Wildcard,
    Scan,
    Filter(Condition),
    Function(Arc<str>, Vec<Parameter>),
}

/// An argument of a function.
#[derive(Debug, Clone)]
pub(super) enum Parameter {
    Json(Json),
    Path(JsonPath),
}

/// What a filter asks.
#[derive(Debug, Clone)]
pub(super) enum Condition {
    Or(Vec<Condition>),
    And(Vec<Condition>),
    Not(Box<Condition>),
    Relation(Operand, Operator, Operand),
    Exists(JsonPath, bool),
}

/// A side of a relation.
#[derive(Debug, Clone)]
pub(super) enum Operand {
    Path(JsonPath),
    /// A literal.
    Value(Json),
    Pattern(JavaRegex),
}

pub(super) fn tokens(tokens: &[syntax::Token]) -> Result<Vec<Token>, SyntaxError> {
    tokens.iter().map(token).collect()
}

fn token(token: &syntax::Token) -> Result<Token, SyntaxError> {
    Ok(match token {
        syntax::Token::Properties(names) => {
            Token::Properties(names.iter().map(|n| n.as_str().into()).collect())
        }
        syntax::Token::Indexes(indexes) => Token::Indexes(indexes.clone()),
        syntax::Token::Slice(from, to) => Token::Slice(*from, *to),
        syntax::Token::Wildcard => Token::Wildcard,
        syntax::Token::Scan => Token::Scan,
        syntax::Token::Filter(filter) => Token::Filter(condition(filter)?),
        syntax::Token::Function(name, parameters) => {
            let parameters: Result<_, _> = parameters.iter().map(|p| parameter(name, p)).collect();
            Token::Function(name.as_str().into(), parameters?)
        }
    })
}

fn parameter(function: &str, parameter: &syntax::Parameter) -> Result<Parameter, SyntaxError> {
    Ok(match parameter {
        syntax::Parameter::Json(text) => {
            Parameter::Json(Json::parse(text).unwrap_or_else(|_| Json::string(text.as_str())))
        }
        syntax::Parameter::Path(path) => {
            let mut path = path.clone();
            // The length of a path is the number of its children.
            if matches!(function, "length" | "size") && !path.is_function() {
                path.tokens.push(syntax::Token::Wildcard);
            }
            Parameter::Path(JsonPath::from_path(&path, "$")?)
        }
    })
}

fn condition(filter: &syntax::Filter) -> Result<Condition, SyntaxError> {
    let all = |parts: &[syntax::Filter]| parts.iter().map(condition).collect::<Result<Vec<_>, _>>();
    Ok(match filter {
        syntax::Filter::Or(parts) => Condition::Or(all(parts)?),
        syntax::Filter::And(parts) => Condition::And(all(parts)?),
        syntax::Filter::Not(part) => Condition::Not(Box::new(condition(part)?)),
        syntax::Filter::Relation(left, operator, right) => {
            Condition::Relation(operand(left)?, *operator, operand(right)?)
        }
        syntax::Filter::Exists(path, wanted) => Condition::Exists(JsonPath::from_path(path, "@")?, *wanted),
    })
}

fn operand(operand: &syntax::Operand) -> Result<Operand, SyntaxError> {
    Ok(match operand {
        syntax::Operand::Path(path) => Operand::Path(JsonPath::from_path(path, "@")?),
        syntax::Operand::Text(text) => Operand::Value(Json::string(text.as_str())),
        syntax::Operand::Number(text) => Operand::Value(Json::Number(text.as_str().into())),
        syntax::Operand::Bool(value) => Operand::Value(Json::Bool(*value)),
        syntax::Operand::Null => Operand::Value(Json::Null),
        syntax::Operand::Json(text) => match Json::parse(text) {
            Ok(json) => Operand::Value(json),
            Err(error) => return Err(SyntaxError::new(0, format!("'{text}' is no JSON: {error}"))),
        },
        syntax::Operand::Pattern(pattern, flags) => {
            let flags: String = flags.chars().filter(|c| matches!(c, 'i' | 'm' | 's' | 'x')).collect();
            match JavaRegex::with_flags(pattern, &flags) {
                Ok(regex) => Operand::Pattern(regex),
                Err(error) => return Err(SyntaxError::new(0, format!("bad pattern '{pattern}': {error}"))),
            }
        }
    })
}
