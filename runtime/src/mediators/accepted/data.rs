//! dblookup, dbreport, dataServiceCall, transaction.

use super::child;
use crate::compile::Compiler;
use crate::eval::Dialects;
use artifacts::diagnostics::Code;
use artifacts::xml::ElementRef;

const JDBC_TYPES: [&str; 16] = [
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

pub(super) fn database(element: ElementRef<'_>, compiler: &mut Compiler) {
    pool(element, compiler);
    element.children_named("statement").for_each(|statement| check_statement(statement, compiler));
}

fn pool(element: ElementRef<'_>, compiler: &mut Compiler) {
    let pool = element.child("connection").and_then(|connection| connection.child("pool"));
    match pool {
        Some(pool) if pool.child("dsName").is_some() => {
            if pool.child("icClass").is_some() {
                ["url", "user", "password"].into_iter().for_each(|name| _ = child(pool, name, compiler));
            }
        }
        Some(pool) if pool.child("driver").is_some() => {
            ["url", "user", "password"].into_iter().for_each(|name| _ = child(pool, name, compiler));
        }
        _ => {
            let message = format!("<{}> needs <connection><pool> with <dsName> or <driver>", element.local());
            compiler.error(Code::MISSING_CHILD, element.place(), message);
        }
    }
}

fn check_statement(statement: ElementRef<'_>, compiler: &mut Compiler) {
    child(statement, "sql", compiler);
    for parameter in statement.children_named("parameter") {
        if parameter.attr("expression").is_none() && parameter.attr("value").is_none() {
            continue;
        }
        compiler.expression(parameter, "expression", Dialects::PathsOnly);
        compiler.required(parameter, "type");
        compiler.word(parameter, "type", &JDBC_TYPES);
    }
    for result in statement.children_named("result") {
        compiler.required(result, "name");
        compiler.required(result, "column");
    }
}

pub(super) fn transaction(element: ElementRef<'_>, compiler: &mut Compiler) {
    compiler.required(element, "action");
}

pub(super) fn data_service_call(element: ElementRef<'_>, compiler: &mut Compiler) {
    compiler.required(element, "serviceName");
    let operations = element.child("operations");
    let inline = element
        .child("source")
        .and_then(|source| source.attr("type"))
        .is_some_and(|kind| kind.eq_ignore_ascii_case("inline"));
    match (inline, operations) {
        (true, None) => _ = child(element, "operations", compiler),
        (true, Some(operations)) => {
            compiler.required(operations, "type");
            check_operations(operations, compiler);
        }
        (false, Some(operations)) => {
            let message = "<operations> needs a <source> of type 'inline'";
            compiler.error(Code::CONFLICT, operations.place(), message);
        }
        (false, None) => {}
    }
    target(element, compiler);
}

fn check_operations(operations: ElementRef<'_>, compiler: &mut Compiler) {
    for operation in operations.children() {
        match operation.local() {
            "operation" => {
                for param in operation.children().filter(|c| c.local() == "param" && c.ns().is_empty()) {
                    compiler.expression(param, "expression", Dialects::PathsOnly);
                }
            }
            "operations" => check_operations(operation, compiler),
            other => {
                let message = format!("<operations> holds <operation>, found <{other}>");
                compiler.error(Code::UNKNOWN_ELEMENT, operation.place(), message);
            }
        }
    }
}

fn target(element: ElementRef<'_>, compiler: &mut Compiler) {
    let Some(target) = element.child("target").filter(|t| t.attr("type") == Some("property")) else { return };
    if compiler.required(target, "name") == Some("") {
        compiler.error(Code::MISSING_ATTRIBUTE, target.place_of("name"), "'name' of <target> is empty");
    }
}
