//! `<dblookup>`: reads the first row of SQL queries into properties.

use super::parts::database;
use super::parts::unsupported;
use crate::compile::Compiler;
use crate::flow::Step;
use artifacts::xml::ElementRef;

/// A connection pool and statements with results.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    database::check(element, compiler);
    unsupported::step(element, "database connections of mediators are not available", compiler)
}

#[cfg(test)]
mod tests {
    use crate::mediators::parts::testing::verdicts;

    #[test]
    fn grammar() {
        let pool = "<connection><pool><driver>d</driver><url>u</url><user/><password/></pool></connection>";
        let with = |rest: &str| format!("<dblookup>{pool}{rest}</dblookup>");
        let good = with(
            "<statement><sql>s</sql><parameter value='1' type='INTEGER'/><result name='a' column='1'/></statement>",
        );
        verdicts(
            &[&good, "<dblookup><connection><pool><dsName>d</dsName></pool></connection></dblookup>"],
            &[
                "<dblookup/>",
                "<dblookup><connection><pool/></connection></dblookup>",
                "<dblookup><connection><pool><driver>d</driver></pool></connection></dblookup>",
                &with("<statement/>"),
                &with("<statement><sql>s</sql><result name='a'/></statement>"),
                &with("<statement><sql>s</sql><parameter expression='//[' type='INTEGER'/></statement>"),
                &with("<statement><sql>s</sql><parameter value='1'/></statement>"),
                &with("<statement><sql>s</sql><parameter value='1' type='integer'/></statement>"),
            ],
        );
    }
}
