//! The grammar that `dblookup` and `dbreport` share.

use crate::compile::Compiler;
use crate::eval::Dialects;
use artifacts::diagnostics::Code;
use artifacts::xml::ElementRef;

const TYPES: &[&str] = &[
    "CHAR",
    "VARCHAR",
    "LONGVARCHAR",
    "NUMERIC",
    "DECIMAL",
    "BIT",
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "REAL",
    "FLOAT",
    "DOUBLE",
    "DATE",
    "TIME",
    "TIMESTAMP",
];

/// Reports what MI would refuse: a missing pool or part of it, a statement without SQL, a parameter of
/// unknown type, a result without name or column.
pub(crate) fn check(element: ElementRef<'_>, compiler: &mut Compiler) {
    pool(element, compiler);
    for statement in element.children_named("statement") {
        child(statement, "sql", compiler);
        for parameter in statement.children_named("parameter") {
            parameter_type(parameter, compiler);
        }
        for result in statement.children_named("result") {
            compiler.required(result, "name");
            compiler.required(result, "column");
        }
    }
}

fn pool(element: ElementRef<'_>, compiler: &mut Compiler) {
    let mut pools = element.children_named("connection").flat_map(|c| c.children_named("pool"));
    let Some(pool) = pools.next() else {
        let message = format!("<{}> needs <connection><pool>", element.local());
        compiler.error(Code::MISSING_CHILD, element.place(), message);
        return;
    };
    let needed: &[&str] = if pool.child("dsName").is_some() {
        if pool.child("icClass").is_some() { &["url", "user", "password"] } else { &[] }
    } else {
        &["driver", "url", "user", "password"]
    };
    for name in needed {
        child(pool, name, compiler);
    }
    if pool.child("dsName").is_none() {
        for property in pool.children_named("property") {
            compiler.required(property, "name");
            compiler.required(property, "value");
        }
    }
}

fn child(element: ElementRef<'_>, name: &str, compiler: &mut Compiler) {
    if element.child(name).is_none() {
        let message = format!("<{}> needs <{name}>", element.local());
        compiler.error(Code::MISSING_CHILD, element.place(), message);
    }
}

/// A parameter without value and expression is ignored.
fn parameter_type(element: ElementRef<'_>, compiler: &mut Compiler) {
    let has_expression = element.attr("expression").is_some();
    if has_expression {
        compiler.expression(element, "expression", Dialects::Any);
    }
    if has_expression || element.attr("value").is_some() {
        compiler.required(element, "type");
        compiler.word(element, "type", TYPES);
    }
}
