use super::*;
use crate::message::Json;
use artifacts::java_regex::JavaRegex;
use artifacts::xml::{Document, parse};

fn to_xml_with(text: &str, settings: &ConversionSettings) -> Result<String, ConversionError> {
    let mut document = Document::new();
    let json = Json::parse(text).map_err(|e| ConversionError(e.to_string()))?;
    append_json(&mut document, Document::ROOT, text, &json, settings)?;
    Ok(document.to_xml())
}

fn to_xml(text: &str) -> String {
    to_xml_with(text, &ConversionSettings::default()).unwrap()
}

fn to_json_with(xml: &str, settings: &ConversionSettings) -> Result<String, ConversionError> {
    let document = parse(xml).unwrap();
    xml_to_json_text(&document, document.root_element().unwrap(), settings)
}

fn to_json(xml: &str) -> String {
    to_json_with(xml, &ConversionSettings::default()).unwrap()
}

fn with(change: impl FnOnce(&mut ConversionSettings)) -> ConversionSettings {
    let mut settings = ConversionSettings::default();
    change(&mut settings);
    settings
}

#[test]
fn objects_and_arrays() {
    for (json, xml) in [
        ("{}", "<jsonObject />"),
        ("[]", "<jsonArray />"),
        (r#"{"a":{"b":"t"},"c":true}"#, "<jsonObject><a><b>t</b></a><c>true</c></jsonObject>"),
        (r#"{"l":[1,2.50],"none":[],"x":9}"#, "<jsonObject><l>1</l><l>2.50</l><x>9</x></jsonObject>"),
        (
            r#"[1,{"a":2},[3]]"#,
            "<jsonArray><jsonElement>1</jsonElement><jsonElement><a>2</a></jsonElement>\
             <jsonElement><jsonArray><jsonElement>3</jsonElement></jsonArray></jsonElement></jsonArray>",
        ),
        (
            r#"{"m":[[1],[]]}"#,
            "<jsonObject><m><jsonArray><jsonElement>1</jsonElement></jsonArray></m><m><jsonArray /></m></jsonObject>",
        ),
        (r#"{"z":1,"a":2,"z":3}"#, "<jsonObject><z>1</z><a>2</a><z>3</z></jsonObject>"),
    ] {
        assert_eq!(to_xml(json), xml);
    }
}

#[test]
fn null_and_empty() {
    assert_eq!(to_xml(r#"{"n":null,"e":"","o":{}}"#), "<jsonObject><n /><e></e><o /></jsonObject>");
    let nil = with(|s| s.xml_nil = true);
    let xml = to_xml_with(r#"{"n":null,"l":[null,1]}"#, &nil).unwrap();
    assert_eq!(xml, r#"<jsonObject><n nil="true" /><l nil="true" /><l>1</l></jsonObject>"#);
}

#[test]
fn single_values() {
    for (json, xml) in [("\"abc\"", "\"abc\""), (" -1.50 ", "-1.50"), ("true", "true"), ("null", "null")] {
        assert_eq!(to_xml(json), format!("<jsonValue>{xml}</jsonValue>"));
    }
    for text in ["1e5", "abc", "12abc", "'x'", "-", "1."] {
        assert!(to_xml_with(text, &ConversionSettings::default()).is_err(), "{text}");
    }
    assert_eq!(to_json("<jsonValue>\"a b\"</jsonValue>"), "\"a b\"");
}

#[test]
fn keys_that_are_no_names() {
    assert_eq!(
        to_xml(r#"{"1a":1,"$x":2,"a.b":3,"_c":4}"#),
        "<jsonObject><_JsonReader_PD_1a>1</_JsonReader_PD_1a><_JsonReader_PS_x>2</_JsonReader_PS_x><a.b>3</a.b><_c>4</_c></jsonObject>"
    );
    let valid = with(|s| s.valid_names = true);
    assert_eq!(
        to_xml_with(r#"{"a b":1,"c:d":2}"#, &valid).unwrap(),
        "<jsonObject><a_JsonReader_32_b>1</a_JsonReader_32_b><c_JsonReader_58_d>2</c_JsonReader_58_d></jsonObject>"
    );
    assert_eq!(to_json_with("<a_JsonReader_32_b>1</a_JsonReader_32_b>", &valid).unwrap(), r#"{"a b":1}"#);
    assert_eq!(to_json("<a_JsonReader_32_b>1</a_JsonReader_32_b>"), r#"{"a_JsonReader_32_b":1}"#);
    assert_eq!(
        to_json("<a><_JsonReader_PD_1b>x</_JsonReader_PD_1b><_JsonReader_PS_>y</_JsonReader_PS_></a>"),
        r#"{"a":{"1b":"x","$":"y"}}"#
    );
    assert!(to_xml(r#"{"a b":1}"#).contains("<a b>"));
}

#[test]
fn attributes_and_text() {
    for (json, xml) in [
        (r#"{"p":{"@id":"7","@n":5,"@b":true,"$":"t"}}"#, r#"<p id="7" n="5" b="true">t</p>"#),
        (r#"{"p":{"@id":"7","c":"d"}}"#, r#"<p id="7"><c>d</c></p>"#),
        // Late ones count as long as nothing has ended.
        (r#"{"p":{"c":1,"@late":"x"}}"#, r#"<p late="x"><c>1</c></p>"#),
        (r#"{"p":{"c":{},"@late":"x"}}"#, "<p><c /></p>"),
        // Null hides the ones behind it.
        (r#"{"p":{"@s":"x","@a":null,"@t":"y"}}"#, r#"<p s="x" />"#),
    ] {
        assert_eq!(to_xml(json), format!("<jsonObject>{xml}</jsonObject>"));
    }
    assert!(to_xml_with(r#"{"p":{"@a":{}}}"#, &ConversionSettings::default()).is_err());
    assert_eq!(to_xml(r#"{"@xmlns":"urn:x","a":1}"#), r#"<jsonObject xmlns="urn:x"><a>1</a></jsonObject>"#);
}

#[test]
fn array_instructions() {
    let on = with(|s| s.array_instructions = true);
    let xml = to_xml_with(r#"{"l":["x"],"none":[],"1":[2]}"#, &on).unwrap();
    assert_eq!(
        xml,
        "<jsonObject><?xml-multiple l?><l>x</l><?xml-multiple none?><?xml-multiple 1?><_JsonReader_PD_1>2</_JsonReader_PD_1></jsonObject>"
    );
    assert_eq!(to_json(&xml), r#"{"l":["x"],"none":[],"1":[2]}"#);
    for json in [
        "[[],[[[],[]],[]]]",
        "[1]",
        r#"[{"a":[{"b":[1]}]}]"#,
        r#"{"a":[[1,2],[3]]}"#,
        r#"{"$s":"x","1":2.0}"#,
    ] {
        assert_eq!(to_json(&to_xml_with(json, &on).unwrap()), json);
    }
}

#[test]
fn elements_to_members() {
    for (xml, json) in [
        ("<a><b>1</b></a>", r#"{"a":{"b":1}}"#),
        ("<a>x</a>", r#"{"a":"x"}"#),
        ("<a/>", r#"{"a":null}"#),
        (
            "<a id='1'><b n='2'>t</b><c n='3'>4</c><d n='x'/></a>",
            r#"{"a":{"@id":"1","b":{"@n":"2","$":"t"},"c":{"@n":"3","$":4},"d":{"@n":"x"}}}"#,
        ),
        ("<a>\n <b> 8 </b>\n <e> </e></a>", r#"{"a":{"b":" 8 ","e":null}}"#),
        ("<a>one<!-- c -->two<![CDATA[<]]></a>", r#"{"a":"onetwo<"}"#),
        ("<p:a xmlns:p='urn:p' p:x='1'><p:b>2</p:b></p:a>", r#"{"a":{"@x":"1","b":2}}"#),
        ("<jsonObject><a>1</a></jsonObject>", r#"{"a":1}"#),
        ("<jsonObject/>", "{}"),
        (
            "<jsonArray><jsonElement>1</jsonElement><jsonElement><a/></jsonElement></jsonArray>",
            r#"[1,{"a":null}]"#,
        ),
        ("<jsonArray><jsonElement><a>1</a></jsonElement></jsonArray>", r#"{"a":1}"#),
        (
            "<m><jsonArray><jsonElement>1</jsonElement><jsonElement>2</jsonElement></jsonArray></m>",
            r#"{"m":[1,2]}"#,
        ),
    ] {
        assert_eq!(to_json(xml), json, "{xml}");
    }
}

#[test]
fn neighbours_become_arrays() {
    for (xml, json) in [
        ("<a><b>1</b><b>2</b><c>3</c></a>", r#"{"a":{"b":[1,2],"c":3}}"#),
        ("<a><b>1</b><c>3</c><b>2</b></a>", r#"{"a":{"b":1,"c":3,"b":2}}"#),
        ("<a><b/><b/></a>", r#"{"a":{"b":[null,null]}}"#),
        ("<a><?xml-multiple b?><b>1</b></a>", r#"{"a":{"b":[1]}}"#),
        ("<a><?xml-multiple?><b>1</b><c/></a>", r#"{"a":{"b":[1],"c":null}}"#),
        ("<a><?xml-multiple b?></a>", r#"{"a":{"b":[]}}"#),
        ("<a><?xml-multiple b?><b>1</b><b>2</b></a>", r#"{"a":{"b":[1,2]}}"#),
        ("<a><?xml-multiple b?><c>1</c></a>", r#"{"a":{"b":[],"c":1}}"#),
    ] {
        assert_eq!(to_json(xml), json, "{xml}");
    }
    let off = with(|s| s.auto_array = false);
    assert_eq!(to_json_with("<a><b>1</b><b>2</b></a>", &off).unwrap(), r#"{"a":{"b":1,"b":2}}"#);
    assert_eq!(
        to_json_with("<a><?xml-multiple b?><b>1</b><b>2</b></a>", &off).unwrap(),
        r#"{"a":{"b":[1,2]}}"#
    );
    let ignored = with(|s| s.multiple_instruction = false);
    assert_eq!(to_json_with("<a><?xml-multiple b?><b>1</b></a>", &ignored).unwrap(), r#"{"a":{"b":1}}"#);
}

#[test]
fn texts_that_read_as_something_else() {
    for (text, json) in [
        ("7", "7"),
        ("007", "\"007\""),
        ("+5", "\"+5\""),
        ("1.10", "1.10"),
        ("1E5", "1E+5"),
        (".5", "\".5\""),
        ("5.", "\"5.\""),
        ("-0", "0"),
        ("0.0", "0.0"),
        ("1e-3", "0.001"),
        ("1e400", "1E+400"),
        ("2.5E-3", "0.0025"),
        ("1e-10", "1E-10"),
        ("12.5e3", "1.25E+4"),
        ("0.00", "0.00"),
        ("-0.5", "-0.5"),
        ("12345678901234567890123", "12345678901234567890123"),
        ("0.0000001", "1E-7"),
        ("true", "true"),
        ("TRUE", "\"TRUE\""),
        ("null", "null"),
        ("NaN", "\"NaN\""),
        ("say \"hi\"/", "\"say \\\"hi\\\"/\""),
    ] {
        assert_eq!(to_json(&format!("<a>{text}</a>")), format!("{{\"a\":{json}}}"));
    }
    let off = with(|s| s.auto_primitive = false);
    assert_eq!(to_json_with("<a><b>7</b><c>true</c></a>", &off).unwrap(), r#"{"a":{"b":"7","c":"true"}}"#);
}

#[test]
fn settings_of_the_way_to_json() {
    let keep = with(|s| s.keep_strings = Some(JavaRegex::compile("^(1|tr).*").unwrap()));
    assert_eq!(
        to_json_with("<a><i>12</i><j>21</j><t>true</t></a>", &keep).unwrap(),
        r#"{"a":{"i":"12","j":21,"t":"true"}}"#
    );
    let replace = with(|s| {
        s.replace = Some(JavaRegex::compile("@@").unwrap());
        s.replacement = "#".to_owned();
    });
    assert_eq!(
        to_json_with("<a><i>@@12</i><j>1@@</j><k>3</k></a>", &replace).unwrap(),
        r##"{"a":{"i":"#12","j":"1@@","k":3}}"##
    );
    let empty = with(|s| s.null_for_empty = false);
    assert_eq!(
        to_json_with("<a><b/><d x='1'/><e> </e></a>", &empty).unwrap(),
        r#"{"a":{"b":"","d":{"@x":"1"},"e":""}}"#
    );
    let spaces = with(|s| s.preserve_spaces = true);
    assert_eq!(to_json_with("<a><b> </b>  <d/></a>", &spaces).unwrap(), r#"{"a":{"b":" ","d":null}}"#);
    let names = with(|s| s.preserve_namespace = true);
    let xml = "<p:a xmlns:p='urn:p' xmlns='urn:d' p:x='1' y='2'><b>1</b><p:b>2</p:b></p:a>";
    assert_eq!(to_json_with(xml, &names).unwrap(), r#"{"p_a":{"@p_x":"1","@y":"2","b":1,"p_b":2}}"#);
    let declared = with(|s| {
        s.preserve_namespace = true;
        s.namespace_declarations = true;
    });
    assert_eq!(
        to_json_with(xml, &declared).unwrap(),
        r#"{"p_a":{"@xmlns_p":"urn:p","@xmlns":"urn:d","@p_x":"1","@y":"2","b":1,"p_b":2}}"#
    );
    let nil = with(|s| s.xml_nil = true);
    let xml = "<a xmlns:i='http://www.w3.org/2001/XMLSchema-instance'><b i:nil='true'/><c/><d nil='true'/><e i:nil='false'>x</e></a>";
    assert_eq!(
        to_json_with(xml, &nil).unwrap(),
        r#"{"a":{"b":null,"c":null,"d":null,"e":{"@nil":"false","$":"x"}}}"#
    );
}

#[test]
fn mixed_content_is_an_error() {
    for xml in ["<a>text<b>1</b></a>", "<a><b>1</b>tail</a>"] {
        assert!(
            to_json_with(xml, &ConversionSettings::default())
                .unwrap_err()
                .0
                .contains("both text and elements")
        );
    }
}

#[test]
fn property_names_set_what_they_say() {
    let mut settings = ConversionSettings::default();
    assert_eq!(settings.set("synapse.commons.json.output.autoPrimitive", "false"), Ok(true));
    assert_eq!(settings.set("synapse.commons.json.output.namespaceSepChar", ":"), Ok(true));
    assert_eq!(settings.set("synapse.commons.json.output.disableAutoPrimitive.regex", "^7.*"), Ok(true));
    assert!(!settings.auto_primitive && settings.separator == ':' && settings.keep_strings.is_some());
    assert_eq!(settings.set("synapse.other", "x"), Ok(false));
    assert!(settings.set("synapse.commons.json.output.disableAutoPrimitive.regex", "(").is_err());
}

#[test]
fn numbers_may_be_long() {
    let number = format!("0.{}1", "0".repeat(70_000));
    assert!(to_json(&format!("<a>{number}</a>")).starts_with("{\"a\":1E-70001"));
    let number = format!("1.{}1", "0".repeat(70_000));
    assert_eq!(to_json(&format!("<a>{number}</a>")), format!("{{\"a\":{number}}}"));
}

#[test]
fn depth_is_limited() {
    let deep = format!("{}1{}", "[".repeat(990), "]".repeat(990));
    assert!(to_xml(&deep).len() > 1000);
    let deep = format!("{}{}", "<a>".repeat(3000), "</a>".repeat(3000));
    assert!(to_json_with(&deep, &ConversionSettings::default()).unwrap_err().0.contains("nested"));
}
