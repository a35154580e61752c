//! Syntax tree to program: resolves names and recognises the shapes that have a short cut.

use super::later::{self, Later};
use super::program::{Predicate, Program, Start, Step, Test};
use super::{Binding, FunctionName, functions::Function};
use artifacts::expr::xpath::{
    Axis, BinaryOp, Expr, NodeTest, Path, QName, Start as PathStart, Step as PathStep,
};
use std::sync::Arc;

/// What names mean in an expression.
#[derive(Debug, Clone)]
pub struct Names {
    /// Namespaces by prefix.
    pub prefixes: Arc<[Binding]>,
    /// Jaxen over Axiom: `name()` of a prefixed node is `prefix:namespace`.
    pub jaxen: bool,
    /// Namespace of element names without prefix (`xpath-default-namespace` of XSLT 2.0), empty for none.
    pub default_element: Arc<str>,
    /// The functions of XPath 2.0 are known, too.
    pub later: bool,
}

/// Namespaces under which the core functions may be called with a declared prefix.
const FUNCTIONS: [&str; 2] =
    ["http://www.w3.org/2005/xpath-functions", "http://www.w3.org/2006/xpath-functions"];

impl Names {
    /// As MI's XPath: no default namespace, Jaxen's peculiarities.
    pub fn jaxen(prefixes: &[Binding]) -> Self {
        Self { prefixes: prefixes.into(), jaxen: true, default_element: "".into(), later: false }
    }

    /// As XSLT.
    pub fn standard(prefixes: &[Binding]) -> Self {
        Self { prefixes: prefixes.into(), jaxen: false, default_element: "".into(), later: false }
    }

    /// With the functions of XPath 2.0.
    pub fn later(prefixes: &[Binding]) -> Self {
        Self { later: true, ..Self::standard(prefixes) }
    }

    /// Namespace of a prefix.
    pub fn namespace(&self, prefix: &str) -> Option<Arc<str>> {
        if prefix == "xml" {
            return Some(artifacts::xml::XML_NS.into());
        }
        self.prefixes.iter().find(|(p, _)| &**p == prefix).map(|(_, uri)| uri.clone())
    }
}

pub(super) fn program(expr: &Expr, names: &Names) -> Program {
    match expr {
        Expr::Number(number) => Program::Number(*number),
        Expr::Literal(text) => Program::Text(text.clone()),
        Expr::Variable(name) => Program::Variable { prefix: name.prefix.clone(), local: name.local.clone() },
        Expr::Call(name, arguments) => call(name, arguments, names),
        Expr::Negate(operand) => Program::Negate(Box::new(program(operand, names))),
        Expr::Chain(first, rest) => {
            let rest = rest.iter().map(|(op, operand)| (*op, program(operand, names))).collect();
            Program::Chain(Box::new(program(first, names)), rest)
        }
        Expr::Union(parts) => Program::Union(parts.iter().map(|part| program(part, names)).collect()),
        Expr::Filter(inner, predicates) => {
            Program::Filter(Box::new(program(inner, names)), all_predicates(predicates, names))
        }
        Expr::Path(path) => location(path, names),
    }
}

fn call(name: &QName, arguments: &[Expr], names: &Names) -> Program {
    let arguments: Vec<Program> = arguments.iter().map(|a| program(a, names)).collect();
    let namespace = if name.prefix.is_empty() { None } else { names.namespace(&name.prefix) };
    let core = namespace.as_deref().is_none_or(|uri| FUNCTIONS.contains(&uri));
    if let Some(function) = Function::from_name(&name.local).filter(|_| core) {
        return Program::Core(function, arguments);
    }
    let schema = namespace.as_deref() == Some(later::SCHEMA);
    match Later::from_name(&name.local, schema).filter(|_| names.later && (core || schema)) {
        Some(function) => Program::Later(function, arguments),
        None => {
            let name = FunctionName { prefix: name.prefix.clone(), namespace, local: name.local.clone() };
            Program::Extension(name, arguments)
        }
    }
}

fn location(path: &Path, names: &Names) -> Program {
    let start = match &path.start {
        PathStart::Context => Start::Context,
        PathStart::Root => Start::Root,
        PathStart::Expr(inner) => Start::Value(Box::new(program(inner, names))),
    };
    let mut steps: Vec<Step> = Vec::with_capacity(path.steps.len());
    for step in &path.steps {
        let step = compiled_step(step, names);
        if steps.last().is_some_and(|before| is_any_below(before) && fuses(&step)) {
            let per_parent = matches!(step.predicates.first(), Some(Predicate::Position(_)));
            steps.pop();
            steps.push(Step { axis: Axis::Descendant, per_parent, ..step });
        } else {
            steps.push(step);
        }
    }
    Program::Path(start, steps)
}

fn compiled_step(step: &PathStep, names: &Names) -> Step {
    let test = test(&step.test, step.axis, names);
    let predicates = all_predicates(&step.predicates, names);
    Step { axis: step.axis, test, predicates, per_parent: false }
}

fn is_any_below(step: &Step) -> bool {
    step.axis == Axis::DescendantOrSelf && step.test == Test::Any && step.predicates.is_empty()
}

/// `//x[...]` may walk all descendants at once when no predicate counts, or only the first one does.
fn fuses(step: &Step) -> bool {
    let plain = |p: &Predicate| matches!(p, Predicate::Plain(_));
    let after_position = match step.predicates.split_first() {
        Some((Predicate::Position(_), rest)) => rest.iter().all(plain),
        _ => step.predicates.iter().all(plain),
    };
    step.axis == Axis::Child && after_position
}

fn test(test: &NodeTest, axis: Axis, names: &Names) -> Test {
    let element = axis != Axis::Attribute && axis != Axis::Namespace;
    match test {
        NodeTest::Any => Test::Any,
        NodeTest::Text => Test::Text,
        NodeTest::Comment => Test::Comment,
        NodeTest::Instruction(target) => Test::Instruction(target.clone()),
        NodeTest::AnyName => Test::AnyName,
        NodeTest::AnyNameIn(prefix) => match names.namespace(prefix) {
            Some(ns) => Test::AnyNameIn(ns),
            None => Test::Unbound(prefix.clone()),
        },
        NodeTest::Name(name) if name.prefix.is_empty() => {
            let ns = if element { names.default_element.clone() } else { "".into() };
            Test::Name { ns, local: name.local.clone() }
        }
        NodeTest::Name(name) => match names.namespace(&name.prefix) {
            Some(ns) => Test::Name { ns, local: name.local.clone() },
            None => Test::Unbound(name.prefix.clone()),
        },
    }
}

fn all_predicates(predicates: &[Expr], names: &Names) -> Vec<Predicate> {
    predicates.iter().map(|p| predicate(p, names)).collect()
}

fn predicate(expr: &Expr, names: &Names) -> Predicate {
    match program(expr, names) {
        // A fraction is cut off, as Jaxen does.
        Program::Number(number) if number >= 1.0 => Predicate::Position(number as usize),
        Program::Number(_) => Predicate::Position(0),
        Program::Core(Function::Last, arguments) if arguments.is_empty() => Predicate::Last,
        program if may_be_number(&program) || counts(&program) => Predicate::General(program),
        program => Predicate::Plain(program),
    }
}

fn may_be_number(program: &Program) -> bool {
    match program {
        Program::Text(_) | Program::Union(_) => false,
        Program::Path(Start::Value(inner), steps) => steps.is_empty() && may_be_number(inner),
        Program::Path(..) => false,
        Program::Filter(inner, _) => may_be_number(inner),
        Program::Chain(_, rest) => rest.first().is_some_and(|(op, _)| is_arithmetic(*op)),
        Program::Core(function, _) => function.may_be_number(),
        Program::Number(_) | Program::Variable { .. } | Program::Negate(_) => true,
        Program::Extension(..) | Program::Later(..) => true,
    }
}

fn is_arithmetic(op: BinaryOp) -> bool {
    use BinaryOp::{Add, Divide, Modulo, Multiply, Subtract};
    matches!(op, Add | Subtract | Multiply | Divide | Modulo)
}

/// Does it ask for position or size of its own focus? Predicates inside have a focus of their own.
fn counts(program: &Program) -> bool {
    match program {
        Program::Core(Function::Position | Function::Last | Function::Evaluate, _) => true,
        // An extension may look at the focus it is given.
        Program::Extension(..) => true,
        Program::Core(_, arguments) | Program::Later(_, arguments) => arguments.iter().any(counts),
        Program::Negate(inner) | Program::Filter(inner, _) => counts(inner),
        Program::Chain(first, rest) => counts(first) || rest.iter().any(|(_, operand)| counts(operand)),
        Program::Union(parts) => parts.iter().any(counts),
        Program::Path(Start::Value(inner), _) => counts(inner),
        Program::Path(..) | Program::Number(_) | Program::Text(_) | Program::Variable { .. } => false,
    }
}
