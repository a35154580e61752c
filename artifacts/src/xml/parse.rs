//! Bytes to tree: quick-xml's events, plus the well-formedness rules it leaves to its caller.

use super::{Attribute, Document, ElementData, Name, NodeId, NodeKind, XML_NS};
use crate::source::{SourceRef, Span};
use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};
use std::collections::HashMap;
use std::sync::Arc;

/// Deepest nesting accepted. Real messages stay below a hundred; the limit bounds what a hostile one costs.
const MAX_DEPTH: usize = 4_096;

/// Why a text is not well-formed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    /// What was expected and what was found.
    pub message: String,
    /// Byte offset of the place.
    pub offset: u32,
}

/// Parses a message or fragment with exactly one root element.
pub fn parse(text: &str) -> Result<Document, ParseError> {
    let mut document = Document::new();
    parse_fragment_into(&mut document, Document::ROOT, text)?;
    Ok(document)
}

/// Parses an artifact; spans of the tree point into `source`.
pub fn parse_source(source: &SourceRef) -> Result<Document, ParseError> {
    let mut document = parse(&source.text)?;
    document.source = Some(source.clone());
    Ok(document)
}

/// Parses a text with one root element and appends that element below `parent`, so that a payload
/// lands inside its envelope without a copy. Comments and instructions around the root are kept only
/// for whole documents.
fn parse_fragment_into(document: &mut Document, parent: NodeId, text: &str) -> Result<(), ParseError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut parser = Parser::new(document, parent, text);
    parser.run()
}

/// As `parse_fragment_into` for a message: reading stops at the end of the root element, and what follows
/// it, well-formed or not, is never looked at.
pub fn parse_root_into(document: &mut Document, parent: NodeId, text: &str) -> Result<(), ParseError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut parser = Parser::new(document, parent, text);
    parser.root_only = true;
    parser.run()
}

/// A qualified name that was read before: text, prefix, local part.
type Recent<'t> = (&'t str, Arc<str>, Arc<str>);

/// Places for recent names. Documents repeat few names, so most are found without hashing.
const RECENT: usize = 64;

struct Parser<'d, 't> {
    document: &'d mut Document,
    top: NodeId,
    parent: NodeId,
    text: &'t str,
    reader: Reader<&'t [u8]>,
    scope: Vec<(Arc<str>, Arc<str>)>,
    scope_marks: Vec<usize>,
    names: HashMap<&'t str, Arc<str>>,
    recent: Vec<Option<Recent<'t>>>,
    empty: Arc<str>,
    pending: String,
    pending_from: usize,
    seen_root: bool,
    /// Stop at the end of the root element.
    root_only: bool,
}

impl<'d, 't> Parser<'d, 't> {
    fn new(document: &'d mut Document, parent: NodeId, text: &'t str) -> Self {
        let mut reader = Reader::from_str(text);
        reader.config_mut().check_comments = true;
        reader.config_mut().allow_unmatched_ends = false;
        let empty: Arc<str> = "".into();
        Self {
            document,
            top: parent,
            parent,
            text,
            reader,
            scope: Vec::new(),
            scope_marks: Vec::new(),
            names: HashMap::new(),
            recent: vec![None; RECENT],
            empty,
            pending: String::new(),
            pending_from: 0,
            seen_root: false,
            root_only: false,
        }
    }

    fn run(&mut self) -> Result<(), ParseError> {
        loop {
            let from = self.reader.buffer_position() as usize;
            let event = self.reader.read_event().map_err(|error| self.read_error(&error))?;
            match event {
                Event::Start(start) => self.start(&start, from, false)?,
                Event::Empty(start) => self.start(&start, from, true)?,
                Event::End(_) => self.end()?,
                Event::Text(text) => {
                    let text = text.xml10_content();
                    if text.as_bytes().contains(&b']') && text.contains("]]>") {
                        return Err(error(
                            from,
                            "the characters ']]>' may not stand in text; write ']]&gt;'",
                        ));
                    }
                    self.text(&text, from)?;
                }
                Event::GeneralRef(reference) => {
                    let mut buffer = [0; 4];
                    let text = resolve(&reference, from, &mut buffer)?;
                    self.text(text, from)?;
                }
                Event::CData(data) => self.cdata(&data.xml10_content(), from)?,
                Event::Comment(comment) => {
                    let text: Arc<str> = comment.xml10_content().as_ref().into();
                    self.other(NodeKind::Comment(text), from)?;
                }
                Event::PI(pi) => {
                    if pi.target().eq_ignore_ascii_case("xml") {
                        return Err(error(from, "an XML declaration may stand only at the very beginning"));
                    }
                    let kind = NodeKind::Instruction(pi.target().into(), pi.content().trim_start().into());
                    self.other(kind, from)?;
                }
                Event::Decl(_) if from == 0 => {}
                Event::Decl(_) => {
                    return Err(error(from, "an XML declaration may stand only at the very beginning"));
                }
                Event::DocType(_) if !self.seen_root => {}
                Event::DocType(_) => {
                    return Err(error(from, "a DOCTYPE may stand only before the root element"));
                }
                Event::Eof => return self.finish(from),
            }
            if self.root_only && self.seen_root && self.parent == self.top {
                return Ok(());
            }
        }
    }

    fn read_error(&self, cause: &quick_xml::Error) -> ParseError {
        error(self.reader.error_position() as usize, &cause.to_string())
    }

    fn finish(&mut self, at: usize) -> Result<(), ParseError> {
        if self.parent != self.top {
            let name = self.document.name(self.parent).map(Name::qualified).unwrap_or_default();
            let from = self.document.span(self.parent).start as usize;
            return Err(error(from, &format!("the element <{name}> is never closed")));
        }
        if !self.seen_root {
            return Err(error(at, "expected a root element, found the end of the text"));
        }
        Ok(())
    }

    fn start(&mut self, start: &BytesStart<'t>, from: usize, empty: bool) -> Result<(), ParseError> {
        self.flush();
        if self.parent == self.top {
            if self.seen_root {
                return Err(error(from, "a document has one root element, found a second one"));
            }
            self.seen_root = true;
        }
        if self.scope_marks.len() >= MAX_DEPTH {
            return Err(error(from, &format!("elements are nested deeper than {MAX_DEPTH} levels")));
        }
        self.scope_marks.push(self.scope.len());
        let (declarations, raw) = self.attributes(start, from)?;
        self.scope.extend(declarations.iter().cloned());
        let qname = slice_of(self.text, start.name().0);
        let name = self.resolve_name(qname, true, from)?;
        let mut attributes = Vec::with_capacity(raw.len());
        for (qname, value, span) in raw {
            let name = self.resolve_name(qname, false, span.start as usize)?;
            attributes.push(Attribute { name, value, span });
        }
        check_expanded_duplicates(&attributes)?;
        let end = self.reader.buffer_position() as usize;
        let data = ElementData { name, attributes, declarations };
        let id = self.document.push(NodeKind::Element(Box::new(data)), Span::new(from, end));
        self.document.append(self.parent, id);
        self.parent = id;
        if empty { self.end() } else { Ok(()) }
    }

    #[allow(clippy::type_complexity)] // One caller; a name for the pair would not say more.
    fn attributes(
        &mut self,
        start: &BytesStart<'t>,
        from: usize,
    ) -> Result<(Vec<(Arc<str>, Arc<str>)>, Vec<(&'t str, Arc<str>, Span)>), ParseError> {
        let mut declarations = Vec::new();
        let mut attributes = Vec::new();
        for attribute in start.attributes() {
            let attribute =
                attribute.map_err(|cause| error(from, &format!("malformed attribute: {cause}")))?;
            let key = slice_of(self.text, attribute.key.0);
            let at = offset_of(self.text, attribute.value.as_ref()).unwrap_or(from);
            let span = Span::new(at, at + attribute.value.len());
            if attribute.value.contains('<') {
                return Err(error(at, &format!("the value of '{key}' contains '<'; write '&lt;'")));
            }
            let value = attribute
                .normalized_value(quick_xml::XmlVersion::Explicit1_0)
                .map_err(|cause| error(at, &format!("the value of '{key}' is malformed: {cause}")))?;
            check_characters(&value, at)?;
            if key == "xmlns" {
                declarations.push((self.empty.clone(), Arc::from(&*value)));
            } else if let Some(prefix) = key.strip_prefix("xmlns:") {
                if value.is_empty() {
                    return Err(error(at, &format!("the prefix '{prefix}' is bound to an empty namespace")));
                }
                declarations.push((self.intern(prefix), Arc::from(&*value)));
            } else {
                attributes.push((key, Arc::from(&*value), span));
            }
        }
        Ok((declarations, attributes))
    }

    fn intern(&mut self, text: &'t str) -> Arc<str> {
        self.names.entry(text).or_insert_with(|| text.into()).clone()
    }

    fn resolve_name(&mut self, qname: &'t str, element: bool, at: usize) -> Result<Name, ParseError> {
        let (prefix, local) = self.split_name(qname, at)?;
        let ns = if prefix.is_empty() && !element { Some(self.empty.clone()) } else { self.lookup(&prefix) };
        let ns = match ns {
            Some(uri) => uri,
            None if prefix.is_empty() => self.empty.clone(),
            None => return Err(error(at, &format!("the prefix '{prefix}' of '{qname}' is not declared"))),
        };
        Ok(Name { ns, prefix, local })
    }

    /// Prefix and local part, checked and shared with earlier uses of the name.
    fn split_name(&mut self, qname: &'t str, at: usize) -> Result<(Arc<str>, Arc<str>), ParseError> {
        let bytes = qname.as_bytes();
        let byte = |at: usize| usize::from(bytes.get(at).copied().unwrap_or(0));
        let last = bytes.len().saturating_sub(1);
        let place = (bytes.len() + byte(0) * 5 + byte(last) * 3 + byte(last / 2) * 7) % RECENT;
        if let Some(Some((known, prefix, local))) = self.recent.get(place)
            && same(known, qname)
        {
            return Ok((prefix.clone(), local.clone()));
        }
        let (prefix, local) = qname.split_once(':').unwrap_or(("", qname));
        if !is_ncname(local) || (qname.contains(':') && !is_ncname(prefix)) {
            return Err(error(at, &format!("'{qname}' is not a valid XML name")));
        }
        let found = (self.intern(prefix), self.intern(local));
        if let Some(slot) = self.recent.get_mut(place) {
            *slot = Some((qname, found.0.clone(), found.1.clone()));
        }
        Ok(found)
    }

    fn lookup(&self, prefix: &str) -> Option<Arc<str>> {
        if prefix == "xml" {
            return Some(XML_NS.into());
        }
        if let Some((_, uri)) = self.scope.iter().rev().find(|(p, _)| &**p == prefix) {
            return Some(uri.clone());
        }
        self.document.lookup_prefix(self.top, prefix)
    }

    fn end(&mut self) -> Result<(), ParseError> {
        self.flush();
        if let Some(mark) = self.scope_marks.pop() {
            self.scope.truncate(mark);
        }
        match self.document.parent(self.parent) {
            Some(parent) if self.parent != self.top => self.parent = parent,
            _ => return Err(error(self.reader.buffer_position() as usize, "an end tag without a start tag")),
        }
        Ok(())
    }

    fn text(&mut self, text: &str, from: usize) -> Result<(), ParseError> {
        check_characters(text, from)?;
        if self.parent == self.top {
            if text.trim_matches([' ', '\t', '\r', '\n']).is_empty() {
                return Ok(());
            }
            return Err(error(from, "text may not stand outside the root element"));
        }
        if self.pending.is_empty() {
            self.pending_from = from;
        }
        self.pending.push_str(text);
        Ok(())
    }

    fn cdata(&mut self, text: &str, from: usize) -> Result<(), ParseError> {
        check_characters(text, from)?;
        self.flush();
        if self.parent == self.top {
            return Err(error(from, "a CDATA section may not stand outside the root element"));
        }
        let end = self.reader.buffer_position() as usize;
        let id = self.document.push(NodeKind::Text(text.into(), true), Span::new(from, end));
        self.document.append(self.parent, id);
        Ok(())
    }

    fn other(&mut self, kind: NodeKind, from: usize) -> Result<(), ParseError> {
        self.flush();
        if self.parent == self.top && self.top != Document::ROOT {
            return Ok(());
        }
        let end = self.reader.buffer_position() as usize;
        let id = self.document.push(kind, Span::new(from, end));
        self.document.append(self.parent, id);
        Ok(())
    }

    fn flush(&mut self) {
        if !self.pending.is_empty() {
            let end = self.reader.buffer_position() as usize;
            let kind = NodeKind::Text(self.pending.as_str().into(), false);
            let id = self.document.push(kind, Span::new(self.pending_from, end));
            self.document.append(self.parent, id);
            self.pending.clear();
        }
    }
}

fn error(offset: usize, message: &str) -> ParseError {
    ParseError { message: message.to_owned(), offset: offset as u32 }
}

fn resolve<'b>(reference: &BytesRef<'_>, at: usize, buffer: &'b mut [u8; 4]) -> Result<&'b str, ParseError> {
    if reference.is_char_ref() {
        return match reference.resolve_char_ref() {
            Ok(Some(c)) if is_xml_char(c) => Ok(c.encode_utf8(buffer)),
            _ => Err(error(at, "the character reference names no XML character")),
        };
    }
    let name = reference.xml10_content();
    match &*name {
        "lt" => Ok("<"),
        "gt" => Ok(">"),
        "amp" => Ok("&"),
        "quot" => Ok("\""),
        "apos" => Ok("'"),
        other => Err(error(at, &format!("the entity '&{other};' is not defined"))),
    }
}

fn check_expanded_duplicates(attributes: &[Attribute]) -> Result<(), ParseError> {
    for (index, attribute) in attributes.iter().enumerate() {
        let same = |a: &Attribute| a.name.local == attribute.name.local && a.name.ns == attribute.name.ns;
        if attributes[..index].iter().any(same) {
            let name = attribute.name.qualified();
            return Err(error(
                attribute.span.start as usize,
                &format!("the attribute '{name}' stands twice"),
            ));
        }
    }
    Ok(())
}

fn check_characters(text: &str, at: usize) -> Result<(), ParseError> {
    // Only control characters and two that begin with this byte are forbidden.
    let suspect = |b: u8| b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r') || b == 0xef;
    if !text.bytes().any(suspect) {
        return Ok(());
    }
    match text.char_indices().find(|(_, c)| !is_xml_char(*c)) {
        Some((i, c)) => {
            Err(error(at + i, &format!("the character U+{:04X} is not allowed in XML", c as u32)))
        }
        None => Ok(()),
    }
}

/// Equality of short texts without a call.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).all(|(x, y)| x == y)
}

fn is_xml_char(c: char) -> bool {
    !matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

/// Is it a name without a colon?
pub(crate) fn is_ncname(text: &str) -> bool {
    let mut chars = text.chars();
    let start = |c: char| {
        c == '_' || c.is_alphabetic() || matches!(c, '\u{200c}'..='\u{200d}' | '\u{2070}'..='\u{218f}')
    };
    let part = |c: char| {
        c.is_alphanumeric()
            || matches!(c, '_' | '-' | '.' | '\u{b7}' | '\u{200c}'..='\u{200d}' | '\u{203f}'..='\u{2040}' | '\u{300}'..='\u{36f}')
    };
    chars.next().is_some_and(start) && chars.all(part)
}

/// The part of `text` that `part` points into. Events borrow from the input, so this only
/// lengthens the lifetime; a part from elsewhere (never seen) gives an empty string.
fn slice_of<'t>(text: &'t str, part: &str) -> &'t str {
    offset_of(text, part).and_then(|at| text.get(at..at + part.len())).unwrap_or("")
}

fn offset_of(text: &str, part: &str) -> Option<usize> {
    let at = (part.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    (at + part.len() <= text.len()).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        match parse(text) {
            Ok(_) => panic!("accepted: {text}"),
            Err(error) => error.message,
        }
    }

    #[test]
    fn round_trip() {
        for text in [
            "<a />",
            "<a b=\"1\"><c />x<!--y--><?pi data?></a>",
            "<p:a xmlns:p=\"urn:p\" p:b=\"&lt;&quot;\">&amp;&lt;></p:a>",
        ] {
            assert_eq!(parse(text).unwrap().to_xml(), text);
        }
    }

    #[test]
    fn refuses_what_is_not_well_formed() {
        for text in [
            "",
            " ",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a",
            "<a b></a>",
            "<a b=c/>",
            "<a b='1' b='2'/>",
            "<p:a/>",
            "<a>&nope;</a>",
            "x<a/>",
            "<a/>x",
            "<a b='<'/>",
            "<a>]]></a>",
            "</a>",
            "<a><!-- -- --></a>",
            "<a>\u{1}</a>",
            "<a>&#0;</a>",
            "<1a/>",
            "<a xmlns:p='u' xmlns:q='u' p:x='1' q:x='2'/>",
            " <?xml version='1.0'?><a/>",
            "<a><![CDATA[x</a>",
            "<a>&amp</a>",
        ] {
            assert!(parse(text).is_err(), "accepted: {text}");
        }
    }

    #[test]
    fn says_where() {
        assert_eq!(parse("<a>\n<b>").unwrap_err().offset, 4);
        assert!(refused("<a><p:b/></a>").contains("'p'"));
    }

    #[test]
    fn deep_nesting_is_an_error() {
        let text = "<a>".repeat(10_000);
        assert!(refused(&text).contains("nested"));
    }

    #[test]
    fn what_follows_the_root_of_a_message_is_not_read() {
        for text in ["<a/><b/>", "<!--c--><a>1</a> junk <", "<a/>", "<a><b/></a></c>"] {
            let mut document = Document::new();
            parse_root_into(&mut document, Document::ROOT, text).unwrap();
            assert_eq!(document.local_name(document.root_element().unwrap()), "a");
        }
        assert!(parse_root_into(&mut Document::new(), Document::ROOT, "<a><b></a>").is_err());
    }

    #[test]
    fn fragments_see_outer_prefixes() {
        let mut document = parse("<e xmlns:p='urn:p'><b/></e>").unwrap();
        let body = document.first_element(document.root_element().unwrap()).unwrap();
        parse_fragment_into(&mut document, body, "<?xml version='1.0'?><x>1</x>").unwrap();
        assert_eq!(document.to_xml(), "<e xmlns:p=\"urn:p\"><b><x>1</x></b></e>");
    }
}
