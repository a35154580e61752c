use super::super::parts::testing::verdicts;

#[test]
fn grammar() {
    verdicts(
        &[
            "<switch source='//a'/>",
            "<switch source='//a'><case regex=''><log/></case><default/><default><log/></default><bogus/></switch>",
        ],
        &[
            "<switch><case regex='a'/></switch>",
            "<switch source='//a'><case/></switch>",
            "<switch source='//a'><case regex='(a'/></switch>",
            "<switch source='//a'><case regex='a'><bogus/></case></switch>",
            "<switch source='//a'><default><x xmlns='urn:o'/></default></switch>",
            "<in><bogus/></in>",
            "<out><bogus/></out>",
        ],
    );
}
