//! `<dbreport>`: runs SQL statements that change data.

use super::parts::database;
use super::parts::unsupported;
use crate::compile::Compiler;
use crate::flow::Step;
use artifacts::xml::ElementRef;

/// A connection pool and statements, as `<dblookup>`; any value of `useTransaction`.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    database::check(element, compiler);
    unsupported::step(element, "database connections of mediators are not available", compiler)
}

#[cfg(test)]
mod tests {
    use crate::mediators::parts::testing::verdicts;

    #[test]
    fn grammar() {
        verdicts(
            &[
                "<dbreport useTransaction='x'><connection><pool><dsName>d</dsName></pool></connection></dbreport>",
            ],
            &["<dbreport/>"],
        );
    }
}
