//! The compiled stylesheet.

use super::avt::Avt;
use super::numbers::NumberFormat;
use crate::eval::decimal_format::DecimalFormat;
use crate::eval::xpath::{Pattern, Query};
use artifacts::xml::{Document, Name};
use std::collections::HashMap;
use std::sync::Arc;

/// A name with its namespace.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Expanded {
    pub(super) ns: Arc<str>,
    pub(super) local: Arc<str>,
}

/// A compiled stylesheet. Immutable; shared by all messages.
#[derive(Debug, Default)]
pub struct Stylesheet {
    pub(super) documents: Vec<Arc<Document>>,
    pub(super) templates: Vec<Template>,
    /// Indexes of match alternatives by mode, best first.
    pub(super) rules: HashMap<Option<Expanded>, Vec<Rule>>,
    pub(super) named: HashMap<Expanded, usize>,
    pub(super) globals: Vec<Variable>,
    pub(super) keys: Vec<Key>,
    pub(super) functions: Vec<Function>,
    pub(super) attribute_sets: Vec<AttributeSet>,
    pub(super) decimal_formats: HashMap<Option<Expanded>, DecimalFormat>,
    pub(super) spaces: Vec<SpaceRule>,
    pub(super) aliases: Vec<(Arc<str>, Arc<str>, Arc<str>)>,
    pub(super) text_output: bool,
    /// Version 2.0 or later: `value-of` writes all items.
    pub(super) later: bool,
}

#[derive(Debug)]
pub(super) struct Template {
    pub(super) parameters: Vec<Variable>,
    pub(super) body: Body,
}

#[derive(Debug)]
pub(super) struct Rule {
    pub(super) pattern: Arc<Pattern>,
    pub(super) template: usize,
    pub(super) priority: f64,
    /// Import precedence: higher wins.
    pub(super) precedence: usize,
    /// Lowest precedence of what the template's own stylesheet imports.
    pub(super) imports_from: usize,
}

#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: Expanded,
    pub(super) patterns: Vec<Pattern>,
    pub(super) value: Query,
}

#[derive(Debug)]
pub(super) struct Function {
    pub(super) name: Expanded,
    pub(super) template: Template,
}

#[derive(Debug)]
pub(super) struct AttributeSet {
    pub(super) name: Expanded,
    pub(super) uses: Vec<Expanded>,
    pub(super) body: Body,
}

/// `xsl:strip-space` and `xsl:preserve-space`.
#[derive(Debug)]
pub(super) struct SpaceRule {
    pub(super) ns: Option<Arc<str>>,
    pub(super) local: Option<Arc<str>>,
    pub(super) strip: bool,
    pub(super) precedence: usize,
}

/// `xsl:variable`, `xsl:param` and `xsl:with-param`.
#[derive(Debug)]
pub(super) struct Variable {
    pub(super) name: Expanded,
    pub(super) content: Content,
    pub(super) parameter: bool,
    pub(super) required: bool,
    pub(super) tunnel: bool,
    pub(super) precedence: usize,
}

/// A value by expression or by content.
#[derive(Debug)]
pub(super) enum Content {
    Select(Query),
    Body(Body),
    Empty,
}

pub(super) type Body = Vec<Instruction>;

/// An instruction with its place in the stylesheet.
#[derive(Debug)]
pub(super) struct Instruction {
    pub(super) offset: u32,
    pub(super) op: Op,
}

#[derive(Debug)]
pub(super) enum Op {
    Text(Arc<str>, bool),
    /// Items to text: content, separator, raw, all items instead of the first.
    ValueOf {
        content: Content,
        separator: Option<Avt>,
        raw: bool,
        all: bool,
    },
    CopyOf(Query),
    Sequence(Query),
    Copy {
        sets: Vec<Expanded>,
        body: Body,
    },
    Literal(Box<Literal>),
    Element {
        name: Avt,
        namespace: Option<Avt>,
        scope: Scope,
        sets: Vec<Expanded>,
        body: Body,
    },
    Attribute {
        name: Avt,
        namespace: Option<Avt>,
        scope: Scope,
        content: Content,
        separator: Option<Avt>,
    },
    Comment(Content),
    ProcessingInstruction(Avt, Content),
    Namespace(Avt, Content),
    ApplyTemplates {
        select: Option<Query>,
        mode: Mode,
        sorts: Vec<Sort>,
        parameters: Vec<Variable>,
    },
    ApplyImports(Vec<Variable>),
    NextMatch(Vec<Variable>),
    Call {
        template: Expanded,
        parameters: Vec<Variable>,
    },
    ForEach {
        select: Query,
        sorts: Vec<Sort>,
        body: Body,
    },
    ForEachGroup {
        select: Query,
        by: Grouping,
        sorts: Vec<Sort>,
        body: Body,
    },
    If(Query, Body),
    Choose(Vec<(Query, Body)>, Body),
    Variable(Variable),
    Message {
        content: Content,
        terminate: Option<Avt>,
    },
    Number(Box<Number>),
    AnalyzeString {
        select: Query,
        regex: Avt,
        flags: Option<Avt>,
        matching: Body,
        other: Body,
    },
    PerformSort {
        select: Query,
        sorts: Vec<Sort>,
    },
    /// Children in place, as `xsl:document` and `xsl:fallback` give them.
    Block(Body),
}

/// Prefixes in scope of an instruction that makes names at run time.
pub(super) type Scope = Arc<[(Arc<str>, Arc<str>)]>;

#[derive(Debug, Clone)]
pub(super) enum Mode {
    Default,
    Named(Expanded),
    Current,
}

#[derive(Debug)]
pub(super) struct Literal {
    pub(super) name: Name,
    pub(super) namespaces: Vec<(Arc<str>, Arc<str>)>,
    pub(super) attributes: Vec<(Name, Avt)>,
    pub(super) sets: Vec<Expanded>,
    pub(super) body: Body,
}

#[derive(Debug)]
pub(super) struct Sort {
    pub(super) select: Query,
    pub(super) order: Option<Avt>,
    pub(super) data_type: Option<Avt>,
    pub(super) case_order: Option<Avt>,
}

#[derive(Debug)]
pub(super) enum Grouping {
    By(Query),
    Adjacent(Query),
    StartingWith(Vec<Pattern>),
    EndingWith(Vec<Pattern>),
}

#[derive(Debug)]
pub(super) struct Number {
    pub(super) value: Option<Query>,
    pub(super) level: Level,
    pub(super) count: Vec<Pattern>,
    pub(super) from: Vec<Pattern>,
    pub(super) format: NumberFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Single,
    Multiple,
    Any,
}
