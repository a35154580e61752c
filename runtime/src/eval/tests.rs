//! Expressions through the facade.

use super::*;
use crate::program::{Program, Resource};
use crate::services::Services;
use bytes::Bytes;

const SHOP: &str = r#"{"shop":{"n":7,"dec":2.50,"tags":["a","b"],"list":[3,1],"o":{"members":[1],"x":2},
  "null":null,"s":"\"q\"","flag":"TRUE"}}"#;

struct World {
    message: Message,
    cx: Context,
}

fn world(content_type: &str, body: &str) -> World {
    let mut message = Message::new();
    message.rest = true;
    message.axis2.set("ContentType", content_type);
    let content = crate::message::builders::build(&Bytes::from(body.to_owned()), Some(content_type)).unwrap();
    message.payload = Payload::Built(content);
    message.properties.set("p", "two words");
    message.properties.set("one", "1");
    message.properties.set("key", "n");
    message.properties.set("i", Value::Integer(5));
    message.properties.set("f", Value::Float(5.0));
    message.properties.set("json", "{\"a\":[1,2.50]}");
    message.axis2_client.set("client", "c");
    message.headers.set("X-Num", "007");
    message.variables.set("i", Value::Integer(7));
    message.variables.set("quoted", "\"abc\"");
    let document = Arc::new(artifacts::xml::parse("<p><q r='1'>one</q><q>two</q></p>").unwrap());
    let root = document.root_element().unwrap();
    message.variables.set("x", Value::Xml(artifacts::xml::XmlElement::new(document, root)));
    message.addressing.to = Some("/a?q=a+b%26".into());
    let mut program = Program::default();
    program.local_entries.insert("entry".into(), Resource::Text("local".into()));
    World { message, cx: Context::new(Arc::new(program), Arc::new(Services::default())) }
}

fn json() -> World {
    world("application/json", SHOP)
}

fn xml() -> World {
    world("application/xml", "<a><b id='1'>one</b><b>two</b><e/></a>")
}

impl World {
    fn text(&self, expression: &str) -> Result<Option<String>, String> {
        let expr = Expr::compile(expression, &[], Dialects::Any)?;
        expr.text(&self.message, &self.cx).map_err(|fault| fault.message)
    }

    #[track_caller]
    fn gives(&self, expression: &str, text: &str) {
        assert_eq!(self.text(expression), Ok(Some(text.to_owned())), "{expression}");
    }

    #[track_caller]
    fn faults(&self, expression: &str) {
        assert!(self.text(expression).is_err(), "{expression}");
    }
}

#[test]
fn dialects_are_told_apart() {
    let dialect = |text: &str| Expr::compile(text, &[], Dialects::Any).map(|expr| expr.dialect());
    assert_eq!(dialect("json-eval($.a)"), Ok(Dialect::JsonPath));
    assert_eq!(dialect("${vars.a}"), Ok(Dialect::Synapse));
    assert_eq!(dialect("$ctx:a"), Ok(Dialect::XPath));
    assert!(dialect(" ${vars.a}").is_err() && dialect("${vars.a").is_err());
    assert!(Expr::compile("${vars.a}", &[], Dialects::PathsOnly).is_err());
    assert!(Expr::compile("json-eval($.a)", &[], Dialects::XPathOnly).is_err());
    let error = Expr::compile("${payload.a ++}", &[], Dialects::Any).unwrap_err();
    assert_eq!(error, "expected a value, found '+' at character 12");
}

#[test]
fn variables_and_functions_of_xpath() {
    let world = xml();
    world.gives("$ctx:p", "two words");
    world.gives("get-property('p')", "two words");
    world.gives("get-property('entry')", "local");
    world.gives("get-property('transport', 'x-num')", "007");
    world.gives("$axis2:client", "c");
    world.gives("$url:Q", "a b&");
    world.gives("concat('f', $ctx:f)", "f5");
    world.gives("$ctx:f", "5.0");
    world.gives("$ctx:i + 1", "NaN");
    world.gives("$var:x//q[2]", "two");
    world.gives("get-property('MESSAGE_FORMAT')", "pox");
    world.gives("fn:concat('a', 'b')", "ab");
    assert_eq!(world.text("$ctx:entry"), Ok(None));
    world.faults("$nope");
    world.faults("$func:a");
    world.faults("//nope:a");
}

#[test]
fn strings_and_truth_of_nodes() {
    let world = xml();
    world.gives("//b[1]", "one");
    world.gives("//b", "<b id=\"1\">one</b><b>two</b>");
    world.gives("//e", "<e />");
    world.gives("count(//b)", "2.0");
    world.gives("//none", "");
    world.gives("local-name(/*)", "Header");
    let truth = |text: &str| {
        Expr::compile(text, &[], Dialects::Any).unwrap().is_true(&world.message, &world.cx).unwrap()
    };
    assert!(truth("'false'") && truth("//e") && !truth("//none") && !truth("$ctx:none"));
    assert!(!truth("${'yes'}") && truth("${\"TRUE\"}"));
}

#[test]
fn json_eval() {
    let world = json();
    world.gives("json-eval($)", SHOP);
    world.gives("json-eval($.shop.dec)", "2.5");
    world.gives("json-eval($.shop.o)", "[1]");
    world.gives("json-eval($.shop.null)", "null");
    world.gives("json-eval($.none)", "");
    world.gives("json-eval($.shop.{$ctx:key})", "7");
    world.faults("json-eval($.shop.{$ctx:none})");
    world.gives("json-eval($ctx:json.a[1])", "2.50");
    world.gives("json-eval($ctx:none.a)", "");
    world.faults("json-eval($ctx:p.a)");
    world.faults("json-eval($ctx:json.none)");
    xml().gives("json-eval($.a.b[1])", "two");
}

#[test]
fn synapse_expressions() {
    let world = json();
    world.gives("${payload.shop.n + 1}", "8");
    world.gives("${payload.shop.list[0] + 1}", "4.0");
    world.gives("${payload.shop.tags[vars.i - 6]}", "b");
    world.gives("${payload.shop.s}", "\"q\"");
    world.gives("${vars.quoted}", "abc");
    world.gives("${headers[\"X-Num\"]}", "7");
    world.gives("${payload.none}", "");
    world.gives("${exists(payload.none)}", "false");
    world.gives("${1 == 1 and true}", "");
    world.gives("${xpath('//shop/n')}", "7");
    world.faults("${payload.shop.tags[5/2]}");
    world.faults("${xpath('$ctx:none')}");
    world.faults("${charAt(\"a'b\", 1)}");
    let broken = world_of("{\"a\": 1, ");
    broken.faults("${payload.a}");
    broken.faults("//a");
    broken.gives("json-eval($.a)", "");
    broken.gives("$ctx:p", "two words");
}

fn world_of(text: &str) -> World {
    world("application/json", text)
}

#[test]
fn native_values() {
    let world = json();
    let value = |text: &str| {
        let expr = Expr::compile(text, &[], Dialects::Any).unwrap();
        (
            expr.value(&world.message, &world.cx).unwrap(),
            expr.variable_value(&world.message, &world.cx).unwrap(),
        )
    };
    assert!(matches!(value("${payload.shop.n}"), (Some(Value::Json(_)), Some(Value::Integer(7)))));
    assert!(matches!(value("${payload.shop.tags}").0, Some(Value::Json(json)) if json.is_container()));
    assert!(matches!(value("${payload.none}").0, Some(Value::String(text)) if text.is_empty()));
    assert!(matches!(value("${xpath('//tags')}").0, Some(Value::Nodes(items)) if items.len() == 2));
    assert!(value("//tags").0.is_none() && value("json-eval($.shop)").0.is_none());
    let sum = Expr::compile("1 + 1", &[], Dialects::Any).unwrap();
    assert!(matches!(sum.first(&world.message, &world.cx), Ok(Some(Value::Double(2.0)))));
}

#[test]
fn selections_can_be_changed_in_place() {
    let mut world = xml();
    let select = |world: &World, text: &str| {
        Expr::compile(text, &[], Dialects::Any).unwrap().select(&world.message, &world.cx).unwrap()
    };
    let Selection::Nodes(nodes) = select(&world, "//b | //b/@id") else { panic!() };
    assert!(nodes.iter().any(|n| matches!(n, Selected::OwnAttribute(_, name) if &*name.local == "id")));
    let Selection::Nodes(nodes) = select(&world, "//b[2]") else { panic!() };
    let Some(Selected::Own(node)) = nodes.first() else { panic!("{nodes:?}") };
    world.message.payload.envelope_mut().document_mut().set_text(*node, "changed");
    world.gives("//b[2]", "changed");

    let world = json();
    let Selection::Json(matches) = select(&world, "json-eval($.shop.tags)") else { panic!() };
    assert_eq!(matches.len(), 2);
    let root = json_root(&world.message).unwrap().unwrap();
    assert_eq!(at(&root, &matches[1].place), Some(&Json::string("b")));
}

#[test]
fn targets_of_paths() {
    let world = json();
    let target = |text: &str| {
        Expr::compile(text, &[], Dialects::Any).unwrap().target(&world.message, &world.cx).unwrap()
    };
    assert!(
        matches!(target("${payload.shop.tags}"), Some(Target::Payload(path)) if path.text() == "$.shop.tags")
    );
    assert!(matches!(target("${vars.a.b}"),
        Some(Target::Variable(name, Some(path))) if &*name == "a" && path.text() == "$.b"));
    assert!(matches!(target("${xpath('//q', 'x')}"),
        Some(Target::XPath(expr, Some(name))) if &*name == "x" && expr.source() == ".//q"));
    assert!(target("${1 + 1}").is_none() && target("$ctx:a").is_none());
}

#[test]
fn who_needs_the_body() {
    let reads = |text: &str| Expr::compile(text, &[], Dialects::Any).unwrap().reads_body();
    for text in ["${payload.a}", "${vars.a[?(@.b == $.c)]}", "//a", "json-eval($ctx:a.b)", "${xpath('//a')}"]
    {
        assert!(reads(text), "{text}");
    }
    for text in ["$body", "$ctx:a", "get-property('a')", "${vars[\"payload\"]}", "${xpath('/a', 'v')}", "1"] {
        assert!(!reads(text), "{text}");
    }
}

#[test]
fn inline_groups() {
    let world = json();
    let fill = |text: &str| fill_groups(text, true, &world.message, &world.cx).unwrap();
    assert_eq!(fill("{\"a\":{$ctx:p},\"b\":\"{$ctx:p}\"}"), "{\"a\":\"two words\",\"b\":\"\"two words\"\"}");
    assert_eq!(fill("{\"a\":\"{$ctx:p}\"}"), "{\"a\":\"two words\"}");
    assert_eq!(fill("{\"a\":{$ctx:one}}"), "{\"a\":1}");
    assert_eq!(fill("{\"a\":{json-eval($.none)}}"), "{\"a\":\"\"}");
    assert_eq!(fill("{\"a\":{json-eval($.shop.tags)}}"), "{\"a\":[\"a\",\"b\"]}");
    assert!(fill_groups("{//[}", true, &world.message, &world.cx).is_err());
}
