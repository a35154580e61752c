//! XPath 1.0 as Jaxen reads it: lexer, parser and syntax tree.
