use super::*;
use artifacts::xml::parse;

const SOURCE: &str = "<order id='A1'><line n='1'><sku>X1</sku><qty>2</qty></line><line n='2'><sku>Y2</sku><qty>10</qty></line>\
    <note>one <b>two</b> three</note></order>";

fn sheet(version: &str, body: &str) -> String {
    format!(
        "<xsl:stylesheet version='{version}' xmlns:xsl='{XSL}' xmlns:x='urn:x' exclude-result-prefixes='x'>{body}</xsl:stylesheet>"
    )
}

fn compile(text: &str) -> Result<Stylesheet, Vec<XsltError>> {
    Stylesheet::compile(&parse(text).unwrap(), &|_| None)
}

fn run_on(source: &str, version: &str, body: &str) -> Result<String, XsltError> {
    let sheet = compile(&sheet(version, body)).unwrap();
    sheet.transform(&parse(source).unwrap(), &[]).map(|out| out.text())
}

fn run(body: &str) -> String {
    run_on(SOURCE, "1.0", body).unwrap()
}

/// The content of a template for `/`.
fn main(body: &str) -> String {
    run(&format!("<xsl:template match='/'>{body}</xsl:template>"))
}

fn main2(body: &str) -> String {
    run_on(SOURCE, "2.0", &format!("<xsl:template match='/'>{body}</xsl:template>")).unwrap()
}

fn problems(body: &str) -> Vec<XsltError> {
    compile(&sheet("1.0", body)).unwrap_err()
}

const IDENTITY: &str = "<xsl:template match='@*|node()'><xsl:copy><xsl:apply-templates select='@*|node()'/></xsl:copy></xsl:template>";

#[test]
fn identity_gives_the_same() {
    for source in [
        "<a b=\"1\"><c /><!--x--><?p d?>t</a>",
        "<p:a xmlns:p=\"urn:p\" xmlns:q=\"urn:q\" q:b=\"1\"><c xmlns=\"urn:d\"><e xmlns=\"\" /></c></p:a>",
    ] {
        assert_eq!(run_on(source, "1.0", IDENTITY).unwrap(), source);
    }
}

#[test]
fn rules_by_priority_and_order() {
    let body = "<xsl:template match='*'>*<xsl:apply-templates/></xsl:template>\
        <xsl:template match='line'>L</xsl:template><xsl:template match='line[2]'>2</xsl:template>\
        <xsl:template match='note/b'>B</xsl:template><xsl:template match='b'>b</xsl:template>\
        <xsl:template match='text()'/>";
    assert_eq!(run(body), "*L2*B");
    let later = "<xsl:template match='b'>1</xsl:template><xsl:template match='b'>2</xsl:template>\
        <xsl:template match='sku' priority='1'>p</xsl:template><xsl:template match='line/sku'>q</xsl:template>\
        <xsl:template match='text()|qty'/>";
    assert_eq!(run(later), "pp2");
}

#[test]
fn built_in_rules_copy_text() {
    assert_eq!(run(""), "X12Y210one two three");
    assert_eq!(
        run("<xsl:template match='line'><xsl:apply-templates select='@n'/>;</xsl:template>"),
        "1;2;one two three"
    );
}

#[test]
fn patterns() {
    for (pattern, hits) in [
        ("line", 2),
        ("order/line", 2),
        ("order//sku", 2),
        ("/order", 1),
        ("//sku", 2),
        ("*", 9),
        ("@n", 2),
        ("line/@*", 2),
        ("line[last()]", 1),
        ("line[position()=1]/sku", 1),
        ("line[qty>5]", 1),
        ("//line[1]", 1),
        ("node()", 16),
        ("text()", 7),
        ("sku|qty", 4),
        ("key('k','Y2')", 1),
        ("nope/sku", 0),
        ("/sku", 0),
    ] {
        let body = format!(
            "<xsl:key name='k' match='sku' use='.'/>\
             <xsl:template match='/' priority='9'><xsl:for-each select='//node()|//@*'><xsl:apply-templates select='.' mode='m'/></xsl:for-each></xsl:template>\
             <xsl:template match='@*|node()' mode='m' priority='-5'/><xsl:template match=\"{pattern}\" mode='m' priority='1'>x</xsl:template>"
        );
        assert_eq!(run(&body).len(), hits, "{pattern}");
    }
}

#[test]
fn values_and_choices() {
    assert_eq!(main("<xsl:value-of select='//sku'/>"), "X1");
    assert_eq!(main("<xsl:value-of select='count(//line) + 1'/>"), "3");
    assert_eq!(main("<a v='{//sku}-{{x}}-{1+1}'/>"), "<a v=\"X1-{x}-2\" />");
    assert_eq!(main("<xsl:if test='//qty > 5'>big</xsl:if><xsl:if test='//none'>no</xsl:if>"), "big");
    let choose = "<xsl:for-each select='//line'><xsl:choose><xsl:when test='qty=2'>two</xsl:when><xsl:when test='qty'>any</xsl:when>\
        <xsl:otherwise>none</xsl:otherwise></xsl:choose>;</xsl:for-each>";
    assert_eq!(main(choose), "two;any;");
    assert_eq!(
        main(
            "<xsl:for-each select='//line'><xsl:value-of select='position()'/>/<xsl:value-of select='last()'/> </xsl:for-each>"
        ),
        "1/22/2"
    );
    assert_eq!(main("<xsl:text> </xsl:text><a> <xsl:text>x </xsl:text> </a>"), " <a>x </a>");
}

#[test]
fn variables_and_parameters() {
    assert_eq!(main("<xsl:variable name='v' select='//sku'/><xsl:value-of select='count($v)'/>"), "2");
    assert_eq!(
        main(
            "<xsl:variable name='v'><i>1</i><i>2</i></xsl:variable><xsl:value-of select='$v'/>|<xsl:copy-of select='$v'/>"
        ),
        "12|<i>1</i><i>2</i>"
    );
    assert_eq!(
        main("<xsl:variable name='v'><i>1</i><i>2</i></xsl:variable><xsl:value-of select='count($v/i)'/>"),
        "2"
    );
    let call = "<xsl:template match='/'><xsl:call-template name='t'><xsl:with-param name='a' select='//sku'/></xsl:call-template></xsl:template>\
        <xsl:template name='t'><xsl:param name='a'/><xsl:param name='b' select=\"'dflt'\"/><xsl:value-of select='$a'/><xsl:value-of select='$b'/></xsl:template>";
    assert_eq!(run(call), "X1dflt");
    let inner = "<xsl:for-each select='//line'><xsl:variable name='p' select='position()'/><xsl:value-of select='$p'/></xsl:for-each>";
    assert_eq!(main(inner), "12");
    let global = "<xsl:variable name='a' select='$b + 1'/><xsl:variable name='b' select='count(//line)'/><xsl:template match='/'><xsl:value-of select='$a'/></xsl:template>";
    assert_eq!(run(global), "3");
    let endless = "<xsl:variable name='a' select='$a'/><xsl:template match='/'><xsl:value-of select='$a'/></xsl:template>";
    assert!(run_on(SOURCE, "1.0", endless).unwrap_err().message.contains("needs itself"));
    assert!(
        run_on(SOURCE, "1.0", "<xsl:template match='/'><xsl:value-of select='$zz'/></xsl:template>").is_err()
    );
}

#[test]
fn parameters_from_outside() {
    let text = sheet(
        "1.0",
        "<xsl:param name='a'/><xsl:param name='d' select=\"'dflt'\"/><xsl:template match='/'><o a='{$a}' d='{$d}'/></xsl:template>",
    );
    let given = [
        Parameter { name: "a".into(), value: "lit".into() },
        Parameter { name: "zz".into(), value: "x".into() },
    ];
    let out = compile(&text).unwrap().transform(&parse(SOURCE).unwrap(), &given).unwrap();
    assert_eq!(out.text(), "<o a=\"lit\" d=\"dflt\" />");
}

#[test]
fn making_nodes() {
    assert_eq!(
        main(
            "<xsl:element name='{//sku}'><xsl:attribute name='a'>v<xsl:value-of select='1'/></xsl:attribute>t</xsl:element>"
        ),
        "<X1 a=\"v1\">t</X1>"
    );
    assert_eq!(
        main(
            "<xsl:element name='p:a' namespace='urn:p'><xsl:attribute name='q:b' namespace='urn:q'>1</xsl:attribute></xsl:element>"
        ),
        "<p:a xmlns:p=\"urn:p\" xmlns:q=\"urn:q\" q:b=\"1\" />"
    );
    assert_eq!(
        main(
            "<a><xsl:comment>c--d</xsl:comment><xsl:processing-instruction name='t'>d</xsl:processing-instruction></a>"
        ),
        "<a><!--c- -d--><?t d?></a>"
    );
    assert_eq!(
        main("<a><xsl:copy-of select='//line[1]/@n'/><xsl:copy-of select='//sku'/></a>"),
        "<a n=\"1\"><sku>X1</sku><sku>Y2</sku></a>"
    );
    assert_eq!(main("<a x='1'>t<xsl:attribute name='late'>1</xsl:attribute></a>"), "<a x=\"1\">t</a>");
    let sets = "<xsl:attribute-set name='s' use-attribute-sets='t'><xsl:attribute name='a'>1</xsl:attribute></xsl:attribute-set>\
        <xsl:attribute-set name='t'><xsl:attribute name='b'>2</xsl:attribute></xsl:attribute-set>\
        <xsl:template match='/'><r xsl:use-attribute-sets='s' c='3'/></xsl:template>";
    assert_eq!(run(sets), "<r b=\"2\" a=\"1\" c=\"3\" />");
    assert!(
        run_on(SOURCE, "1.0", "<xsl:template match='/'><xsl:element name='a b'/></xsl:template>").is_err()
    );
}

#[test]
fn namespaces_of_the_result() {
    let text = format!(
        "<xsl:stylesheet version='1.0' xmlns:xsl='{XSL}' xmlns:q='urn:p' xmlns:o='urn:o' exclude-result-prefixes='q'>\
         <xsl:template match='/'><o:out><o:v><xsl:value-of select='q:r/q:i'/></o:v><xsl:copy-of select='q:r/q:i'/></o:out></xsl:template></xsl:stylesheet>"
    );
    let out = compile(&text)
        .unwrap()
        .transform(&parse("<p:r xmlns:p='urn:p'><p:i>1</p:i></p:r>").unwrap(), &[])
        .unwrap();
    assert_eq!(out.text(), "<o:out xmlns:o=\"urn:o\"><o:v>1</o:v><p:i xmlns:p=\"urn:p\">1</p:i></o:out>");
    let text = format!(
        "<xsl:stylesheet version='1.0' xmlns:xsl='{XSL}' xmlns='urn:d'><xsl:template match='/'><o><xsl:copy-of select='r/i'/></o></xsl:template></xsl:stylesheet>"
    );
    let out = compile(&text).unwrap().transform(&parse("<r><i/></r>").unwrap(), &[]).unwrap();
    assert_eq!(out.text(), "<o xmlns=\"urn:d\"><i xmlns=\"\" /></o>");
    let alias = format!(
        "<xsl:stylesheet version='1.0' xmlns:xsl='{XSL}' xmlns:y='urn:alias'><xsl:namespace-alias stylesheet-prefix='y' result-prefix='xsl'/>\
         <xsl:template match='/'><y:template match='x'/></xsl:template></xsl:stylesheet>"
    );
    let out = compile(&alias).unwrap().transform(&parse("<r/>").unwrap(), &[]).unwrap();
    assert_eq!(out.text(), format!("<xsl:template xmlns:xsl=\"{XSL}\" match=\"x\" />"));
}

#[test]
fn sorting() {
    let source = "<r><i>10</i><i>9</i><i>b</i><i>B</i><i>a</i></r>";
    let sorted = |sort: &str| {
        run_on(source, "1.0", &format!("<xsl:template match='/'><xsl:for-each select='//i'>{sort}<xsl:value-of select='.'/>,</xsl:for-each></xsl:template>")).unwrap()
    };
    assert_eq!(sorted("<xsl:sort/>"), "10,9,a,b,B,");
    assert_eq!(sorted("<xsl:sort order='descending'/>"), "B,b,a,9,10,");
    assert_eq!(sorted("<xsl:sort data-type='number'/>"), "b,B,a,9,10,");
    assert_eq!(
        sorted(
            "<xsl:sort select='string-length(.)' data-type='number' order='descending'/><xsl:sort case-order='upper-first'/>"
        ),
        "10,9,a,B,b,"
    );
    let apply = "<xsl:template match='/'><xsl:apply-templates select='//line'><xsl:sort select='qty' data-type='number' order='descending'/></xsl:apply-templates></xsl:template>\
        <xsl:template match='line'><xsl:value-of select='position()'/><xsl:value-of select='sku'/></xsl:template>";
    assert_eq!(run(apply), "1Y22X1");
}

#[test]
fn keys_numbers_and_formats() {
    let key = "<xsl:key name='k' match='line' use='sku'/><xsl:template match='/'><xsl:value-of select=\"key('k','Y2')/qty\"/>/<xsl:value-of select=\"count(key('k', //sku))\"/></xsl:template>";
    assert_eq!(run(key), "10/2");
    assert_eq!(
        main(
            "<xsl:for-each select='//sku'><xsl:number count='line' format='1. '/><xsl:value-of select='.'/>;</xsl:for-each>"
        ),
        "1. X1;2. Y2;"
    );
    assert_eq!(
        main(
            "<xsl:for-each select='//sku'><xsl:number level='multiple' count='order|line' format='1.a'/>;</xsl:for-each>"
        ),
        "1.a;1.b;"
    );
    assert_eq!(
        main("<xsl:for-each select='//sku|//b'><xsl:number level='any' count='sku|b'/></xsl:for-each>"),
        "123"
    );
    assert_eq!(
        main(
            "<xsl:number value='1234567' grouping-separator=',' grouping-size='3'/> <xsl:number value='4' format='I'/>"
        ),
        "1,234,567IV"
    );
    assert_eq!(main("<xsl:value-of select=\"format-number(1234.5, '#,##0.00')\"/>"), "1,234.50");
    let euro = "<xsl:decimal-format name='e' decimal-separator=',' grouping-separator='.'/><xsl:template match='/'><xsl:value-of select=\"format-number(1234.5, '#.##0,00', 'e')\"/></xsl:template>";
    assert_eq!(run(euro), "1.234,50");
    assert_eq!(main("<xsl:value-of select='generate-id(//sku) = generate-id(//line/sku[1])'/>"), "true");
    assert_eq!(
        main(
            "<xsl:for-each select='//line'><xsl:value-of select='count(//line[sku = current()/sku])'/></xsl:for-each>"
        ),
        "11"
    );
    assert_eq!(main("<xsl:value-of select=\"count(document('')//*)\"/>"), "3");
    assert_eq!(main("<xsl:value-of select='name(//sku)'/>"), "sku");
}

#[test]
fn modes_and_imports() {
    let modes = "<xsl:template match='/'><xsl:apply-templates select='//sku'/><xsl:apply-templates select='//sku' mode='m'/></xsl:template>\
        <xsl:template match='sku'>a</xsl:template><xsl:template match='sku' mode='m'>b</xsl:template>";
    assert_eq!(run(modes), "aabb");
    let base = sheet(
        "1.0",
        "<xsl:variable name='v' select=\"'base'\"/><xsl:template match='sku'>base</xsl:template><xsl:template match='qty'>q</xsl:template>",
    );
    let text = sheet(
        "1.0",
        "<xsl:import href='base'/><xsl:variable name='v' select=\"'top'\"/><xsl:template match='/'><xsl:value-of select='$v'/><xsl:apply-templates select='//line[1]/*'/></xsl:template>\
        <xsl:template match='sku'>(<xsl:apply-imports/>)</xsl:template>",
    );
    let load = |href: &str| (href == "base").then(|| parse(&base).unwrap());
    let sheet = Stylesheet::compile(&parse(&text).unwrap(), &load).unwrap();
    assert_eq!(sheet.transform(&parse(SOURCE).unwrap(), &[]).unwrap().text(), "top(base)q");
    let missing = Stylesheet::compile(&parse(&text).unwrap(), &|_| None).unwrap_err();
    assert!(missing[0].message.contains("'base'"));
    let endless = Stylesheet::compile(&parse(&text).unwrap(), &|_| Some(parse(&text).unwrap())).unwrap_err();
    assert!(endless[0].message.contains("modules"));
}

#[test]
fn white_space_of_the_source() {
    let source = "<r> <a> </a> <b> </b></r>";
    assert_eq!(run_on(source, "1.0", IDENTITY).unwrap(), source);
    let body = format!("<xsl:strip-space elements='*'/><xsl:preserve-space elements='b'/>{IDENTITY}");
    assert_eq!(run_on(source, "1.0", &body).unwrap(), "<r><a /><b> </b></r>");
}

#[test]
fn output_kinds() {
    let text =
        sheet("1.0", "<xsl:output method='text'/><xsl:template match='/'>a&lt;<b>c</b></xsl:template>");
    let out = compile(&text).unwrap().transform(&parse(SOURCE).unwrap(), &[]).unwrap();
    assert!(matches!(out, Output::Text(ref text) if text == "a<c"));
    let raw = "<r><xsl:value-of select=\"'&lt;i>1&lt;/i>'\" disable-output-escaping='yes'/></r>";
    assert_eq!(main(raw), "<r><i>1</i></r>");
    let literal = format!("<out xsl:version='1.0' xmlns:xsl='{XSL}'><xsl:value-of select='//sku'/></out>");
    assert_eq!(
        compile(&literal).unwrap().transform(&parse(SOURCE).unwrap(), &[]).unwrap().text(),
        "<out>X1</out>"
    );
}

#[test]
fn messages_may_stop() {
    assert_eq!(main("<xsl:message>hello</xsl:message>x"), "x");
    let stop = "<xsl:template match='/'><xsl:message terminate='yes'>no <xsl:value-of select='//sku'/></xsl:message></xsl:template>";
    assert!(run_on(SOURCE, "1.0", stop).unwrap_err().message.contains("no X1"));
}

#[test]
fn recursion_goes_deep_but_not_for_ever() {
    let count = |to: u32| {
        let body = format!(
            "<xsl:template match='/'><xsl:call-template name='c'><xsl:with-param name='n' select='{to}'/></xsl:call-template></xsl:template>\
             <xsl:template name='c'><xsl:param name='n'/><xsl:choose><xsl:when test='$n = 0'>done</xsl:when><xsl:otherwise>\
             <xsl:call-template name='c'><xsl:with-param name='n' select='$n - 1'/></xsl:call-template></xsl:otherwise></xsl:choose></xsl:template>"
        );
        run_on("<a/>", "1.0", &body)
    };
    assert_eq!(count(4_000).unwrap(), "done");
    assert!(count(1_000_000).unwrap_err().message.contains("deeper"));
}

#[test]
fn problems_have_places() {
    let found = problems(
        "<xsl:template match='['/><xsl:template match='a'><xsl:value-of/><xsl:frob/><xsl:if test='1 +'/></xsl:template><xsl:nope/>",
    );
    let messages: Vec<&str> = found.iter().map(|p| p.message.as_str()).collect();
    assert_eq!(found.len(), 5, "{messages:?}");
    assert!(
        messages[0].starts_with("in 'match'")
            && messages[1].contains("'select'")
            && messages[2].contains("xsl:frob")
    );
    assert!(found.windows(2).all(|pair| pair[0].offset < pair[1].offset));
    let text = sheet("1.0", "<xsl:template match='a['/>");
    let offset = compile(&text).unwrap_err()[0].offset as usize;
    assert_eq!(&text[offset - 2..offset], "a[");
    assert_eq!(compile("<a/>").unwrap_err().len(), 1);
    assert!(compile(&sheet("3.0", "<xsl:template match='/'><xsl:iterate select='x'><xsl:fallback>f</xsl:fallback></xsl:iterate></xsl:template>")).is_ok());
    assert!(
        compile(&sheet(
            "2.0",
            "<xsl:template match='/'><xsl:value-of select='for $i in 1 to 3 return $i'/></xsl:template>"
        ))
        .is_err()
    );
}

#[test]
fn faults_have_places() {
    let text =
        sheet("1.0", "<xsl:template match='/'><a><xsl:value-of select='nofunc()'/></a></xsl:template>");
    let problem = compile(&text).unwrap().transform(&parse("<r/>").unwrap(), &[]).unwrap_err();
    assert!(problem.message.contains("nofunc"));
    assert!(text[problem.offset as usize..].starts_with("<xsl:value-of"));
}

#[test]
fn version_two() {
    assert_eq!(main2("<xsl:value-of select='//sku'/>"), "X1 Y2");
    assert_eq!(main2("<xsl:value-of select='//sku' separator=', '/>"), "X1, Y2");
    assert_eq!(main2("<a b='{//sku}'/>"), "<a b=\"X1 Y2\" />");
    assert_eq!(main2("<xsl:value-of select=\"string-join(//sku, '-')\"/>"), "X1-Y2");
    assert_eq!(main2("<xsl:value-of select=\"replace('a-b-c', '-', '+')\"/>"), "a+b+c");
    assert_eq!(
        main2(
            "<xsl:for-each select=\"tokenize('a,b,c', ',')\"><i><xsl:value-of select='.'/></i></xsl:for-each>"
        ),
        "<i>a</i><i>b</i><i>c</i>"
    );
    assert_eq!(
        main2("<xsl:if test=\"matches('abc', 'b')\">m</xsl:if><xsl:value-of select=\"upper-case('x')\"/>"),
        "mX"
    );
    assert_eq!(
        main2(
            "<xsl:value-of select='max(//qty)'/>/<xsl:value-of select='avg(//qty)'/>/<xsl:value-of select='exists(//none)'/>"
        ),
        "10/6/false"
    );
    let groups = "<xsl:for-each-group select='//line' group-by='string-length(qty)'><xsl:sort select='current-grouping-key()' order='descending'/>\
        <g k='{current-grouping-key()}'><xsl:value-of select='count(current-group())'/></g></xsl:for-each-group>";
    assert_eq!(main2(groups), "<g k=\"2\">1</g><g k=\"1\">1</g>");
    let function = "<xsl:function name='x:twice'><xsl:param name='n'/><xsl:sequence select='$n * 2'/></xsl:function>\
        <xsl:template match='/'><xsl:value-of select='x:twice(x:twice(3)) + 1'/></xsl:template>";
    assert_eq!(run_on(SOURCE, "2.0", function).unwrap(), "13");
    let analyze = "<xsl:analyze-string select=\"'a1b22'\" regex='[0-9]+'><xsl:matching-substring>[<xsl:value-of select='regex-group(0)'/>]</xsl:matching-substring>\
        <xsl:non-matching-substring><xsl:value-of select='.'/></xsl:non-matching-substring></xsl:analyze-string>";
    assert_eq!(main2(analyze), "a[1]b[22]");
    let next = "<xsl:template match='sku'>s</xsl:template><xsl:template match='line/sku'>(<xsl:next-match/>)</xsl:template><xsl:template match='text()|qty'/>";
    assert_eq!(run_on(SOURCE, "2.0", next).unwrap(), "(s)(s)");
    let tunnel = "<xsl:template match='/'><xsl:apply-templates select='//line[1]'><xsl:with-param name='t' select='7' tunnel='yes'/></xsl:apply-templates></xsl:template>\
        <xsl:template match='sku'><xsl:param name='t' tunnel='yes'/><xsl:value-of select='$t'/></xsl:template><xsl:template match='text()'/>";
    assert_eq!(run_on(SOURCE, "2.0", tunnel).unwrap(), "7");
}
