use super::*;
use crate::message::Json;
use artifacts::xml::parse;
use std::sync::Arc;

fn model(name: &str) -> Value {
    let json = r#"{"s":"Hello w","n":1234567,"d":8.950,"i":12,"exp":1.5E3,"t":true,"z":null,"tags":["b","a","c"],"none":[],"o":{"k":"v","x-y":1},
        "books":[{"title":"One","price":8.95,"id":2},{"title":"Two","price":12,"id":1}]}"#;
    let root = Value::from(&Json::parse(json).unwrap());
    match (name, &root) {
        ("p", _) => root,
        ("x", _) => {
            let xml = "<order id='7'><item q='1'>a</item><item q='2'>b</item><one><y>1</y></one><p:n xmlns:p='urn:p'>ns</p:n></order>";
            let document = Arc::new(parse(xml).unwrap());
            let top = document.root_element().unwrap();
            Value::Nodes(Nodes::document(document, top))
        }
        _ => Value::Null,
    }
}

fn run(text: &str) -> Result<String, TemplateError> {
    Template::parse(text)?.render(&model)
}

fn check(cases: &[(&str, &str)]) {
    for (template, expected) in cases {
        assert_eq!(run(template).as_deref(), Ok(*expected), "{template}");
    }
}

#[test]
fn values_print_as_in_java() {
    check(&[
        ("a${p.s}b", "aHello wb"),
        ("${p.n} ${p.n?c} ${p.d} ${p.i} ${p.exp} ${1/3}", "1,234,567 1234567 8.95 12 1,500 0.333"),
        ("${p.t?c} ${p.t?string('y','n')} ${p.t?then(1,2)}", "true y 1"),
    ]);
    assert_eq!(run("${\"a\\n\\\"${p.i}\"}").as_deref(), Ok("a\n\"12"));
    for template in
        ["${p.t}", "${p.tags}", "${p.o}", "${p.z}", "${p.nope}", "${p.nope.x}", "${nope}", "${p.s.x}"]
    {
        assert!(run(template).is_err(), "{template}");
    }
}

#[test]
fn operators() {
    check(&[
        ("${p.i + 1} ${p.i - 1 * 2} ${7 / 2} ${7 % 4} ${-p.i}", "13 10 3.5 3 -12"),
        ("${'a' + 1} ${p.tags[0] + p.tags[2]}", "a1 bc"),
        (
            "${(p.i > 3)?c} ${(p.i lt 3)?c} ${(p.i == 12 && p.t)?c} ${(!p.t || p.s != 'x')?c}",
            "true false true true",
        ),
        ("<#if p.i gt 3>y</#if><#if p.i gte 12 && (p.i > 3)>z</#if>", "yz"),
        (
            "${([1,2] + [3])?join('-')} ${(1..3)?join(',')} ${p.s[0..1]} ${p.s[6..]} ${p.tags[1..]?join(',')}",
            "1-2-3 1,2,3 He w a,c",
        ),
        ("${{'a': 1, 'b': 2}.b} ${p['s']} ${p.o['x-y']} ${p.o.x\\-y}", "2 Hello w 1 1"),
    ]);
    assert!(run("${1 / 0}").is_err() && run("${p.s == 1}").is_err() && run("${p.s * 2}").is_err());
}

#[test]
fn defaults() {
    check(&[
        ("${p.nope!'d'} ${p.nope!} ${(p.nope.x)!'e'} ${p.s!'f'} ${p.z!1}", "d  e Hello w 1"),
        (
            "${(p.nope??)?c} ${(p.s??)?c} ${((p.a.b)??)?c} ${p.s?has_content?c} ${p.none?has_content?c}",
            "false true false true false",
        ),
        ("${p.nope?default('q')}${x.order.nope!'none'}", "qnone"),
    ]);
    assert!(run("${p.nope.x!'d'}").is_err());
}

#[test]
fn lists() {
    check(&[
        ("<#list p.books as b>${b.title}:${b.price}<#sep>, </#list>", "One:8.95, Two:12"),
        (
            "<#list p.tags as t>${t?index}${t}${t_has_next?c}${t?is_last?c} </#list>",
            "0btruefalse 1atruefalse 2cfalsetrue ",
        ),
        ("<#list p.none as t>x<#else>empty</#list>", "empty"),
        ("<#list p.o as k, v>${k}=${v};</#list><#list p.o?keys as k>${k},</#list>", "k=v;x-y=1;k,x-y,"),
        ("<#list p.tags><b><#items as t>${t}<#sep>-</#sep></#items></b></#list>", "<b>b-a-c</b>"),
        ("<#list 1..5 as i><#if i == 2><#continue></#if><#if i == 4><#break></#if>${i}</#list>", "13"),
        ("<#list p.tags as t><#if t == 'b'>!<#elseif t == 'a'>?<#else>.</#if></#list>", "!?."),
        (
            "${p.tags?size} ${p.tags?first}${p.tags?last} ${p.tags?sort?join('')} ${p.tags?reverse?join('')}",
            "3 bc abc cab",
        ),
        (
            "${p.books?map(b -> b.title)?join('/')} ${p.books?filter(b -> b.price > 10)?size} ${p.books?sort_by('id')[0].title}",
            "One/Two 1 Two",
        ),
        (
            "${p.tags?seq_contains('a')?c} ${p.tags?seq_index_of('c')} ${p.tags?join(', ', 'none', '.')}",
            "true 2 b, a, c.",
        ),
    ]);
}

#[test]
fn built_ins_of_strings() {
    check(&[
        (
            "${p.s?upper_case} ${p.s?length} ${'ab cd'?capitalize} ${'ab'?cap_first} ${' x '?trim}",
            "HELLO W 7 Ab Cd Ab x",
        ),
        (
            "${p.s?replace('l', 'L')} ${'a1b2'?replace('[0-9]', '', 'r')} ${'a,b'?split(',')[1]}",
            "HeLLo w ab b",
        ),
        (
            "${'<a&\"'?html} ${'a\"b'?json_string} ${'a b/c'?url} ${'<'?xml}",
            "&lt;a&amp;&quot; a\\\"b a%20b%2Fc &lt;",
        ),
        (
            "${'5'?number + 1} ${'abc'?contains('b')?c} ${'abc'?index_of('c')} ${'abcd'?substring(1, 3)}",
            "6 true 2 bc",
        ),
        (
            "${'7'?left_pad(3, '0')} ${'a-b-c'?keep_after_last('-')} ${'true'?boolean?c} ${'ab'?matches('a.')?c}",
            "007 c true true",
        ),
        (
            "${1234.5?string('0.00')} ${0.5?string('0%')} ${2.5?round} ${(-2.5)?abs} ${2.7?int}",
            "1234.50 50% 3 2.5 2",
        ),
    ]);
    assert!(
        run("${'x'?number}").is_err() && run("${'abc'?substring(5)}").is_err() && run("${'x'?nope}").is_err()
    );
    assert_eq!(run("${.now?string('yyyy')}").unwrap().len(), 4);
}

#[test]
fn variables_and_macros() {
    check(&[
        ("<#assign a = 1, b = a + 1>${b}<#assign a++>${a}<#assign a += 5>${a}", "227"),
        ("<#assign t>x${p.i}</#assign>${t}", "x12"),
        ("<#macro m a b='d'>[${a}${b}<#nested>]</#macro><@m a=1/><@m 2 3>in${p.i}</@m>", "[1d][23in12]"),
        ("<#function f x><#return x * 2></#function>${f(f(3))}", "12"),
        ("<#switch p.i><#case 1>one<#break><#case 12>twelve<#break><#default>other</#switch>", "twelve"),
        ("<#switch 9><#case 1>one<#break><#default>other</#switch>", "other"),
        ("<#attempt>a${p.nope}<#recover>oops</#attempt>", "oops"),
        ("<#compress> a  b\n\n c </#compress><#noparse>${x}<#if></#noparse>", "a b c${x}<#if>"),
    ]);
    assert!(run("<#macro m><@m/></#macro><@m/>").unwrap_err().message.contains("deeper"));
}

#[test]
fn xml_nodes() {
    check(&[
        ("${x.order.@id} ${x.order.item[1]} ${x.order.item?size} ${x.order.item[0].@q}", "7 b 2 1"),
        ("<#list x.order.item as i>${i}<#sep>,</#list>", "a,b"),
        ("${x.order.one.y} ${x.order.item[0].@q?number + 1} ${(x.order.item[0] == 'a')?c}", "1 2 true"),
        ("<#ftl ns_prefixes={'n': 'urn:p'}>${x['order']['n:n']}", "ns"),
        (
            "${x.order.one.@@markup} ${x.order?children?size} ${x.order.one?node_name}",
            "<one><y>1</y></one> 4 one",
        ),
    ]);
    for template in ["${x.order.item}", "${x.order.nope}", "${x.order.one}", "${x}"] {
        assert!(run(template).is_err(), "{template}");
    }
}

#[test]
fn lines_of_tags_vanish() {
    check(&[
        ("<#list p.tags as t>${t}\n</#list>", "b\na\nc\n"),
        ("a\n<#if true>\n  b\n</#if>\nc\n", "a\n  b\nc\n"),
        ("  <#-- note -->\nx <#if true>y</#if> z", "x y z"),
        ("[\n<#list p.tags as t>\n  ${t}<#sep>,\n</#list>\n\n]", "[\n  b,\n  a,\n  c\n]"),
    ]);
}

#[test]
fn refuses_what_is_no_template() {
    for (template, message) in [
        ("{\"n\":\"<#if>\"}", "expected an expression"),
        ("<#if true>x", "never closed"),
        ("x</#if>", "without its beginning"),
        ("${a", "expected '}'"),
        ("${a b}", "expected '}'"),
        ("${}", "expected an expression"),
        ("<#list a>x", "never closed"),
        ("<#frob>", "not supported"),
        ("<#include 'x'>", "not supported"),
        ("${'abc}", "never closed"),
        ("<#if true>x</#list>", "another tag"),
    ] {
        let error = Template::parse(template).expect_err(template);
        assert!(error.message.contains(message), "{template}: {error}");
    }
    assert!(Template::parse(&"<#if true>".repeat(100_000)).is_err());
    assert!(Template::parse(&format!("${{{}", "(".repeat(100_000))).is_err());
    assert!(Template::parse(&format!("${{{}a}}", "-".repeat(100_000))).is_err());
}

#[test]
fn no_text_makes_it_panic() {
    const PIECES: [&str; 28] = [
        "${", "}", "<#if ", ">", "</#if>", "<#list ", " as ", "a", "p", ".", "[", "]", "(", ")", "'", "\"",
        "!", "?", "??", "é", "1", "<#else>", "<#--", "-->", "\n", "<@", "/>", "..",
    ];
    let mut seed = 11u32;
    let mut next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 16) as usize
    };
    let mut accepted = 0;
    for _ in 0..20_000 {
        let text: String = (0..next() % 9).map(|_| PIECES[next() % PIECES.len()]).collect();
        if let Ok(template) = Template::parse(&text) {
            accepted += usize::from(template.render(&model).is_ok());
        }
    }
    assert!(accepted > 500);
}
