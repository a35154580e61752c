//! What the programs of this crate share: words and options, standard output, the exit code.

use std::io::Write;
use std::str::FromStr;

/// A command line, taken apart. Options may stand anywhere; the last one of a name counts.
#[derive(Debug, Default)]
pub struct CommandLine {
    /// The words that are no options, in order.
    pub words: Vec<String>,
    options: Vec<(String, String)>,
}

impl CommandLine {
    /// Takes arguments apart, the program's name not included. `flags` stand alone, `valued` options have
    /// their value behind `=` or as the next word. `Err` is a sentence for the user.
    pub fn read(
        mut arguments: impl Iterator<Item = String>,
        flags: &[&str],
        valued: &[&str],
    ) -> Result<CommandLine, String> {
        let mut line = CommandLine::default();
        while let Some(word) = arguments.next() {
            let (key, attached) = match word.split_once('=') {
                Some((k, v)) if k.starts_with("--") => (k.to_owned(), Some(v.to_owned())),
                _ => (word, None),
            };
            if flags.contains(&key.as_str()) {
                line.options.push((key, String::new()));
            } else if valued.contains(&key.as_str()) {
                let value = attached.or_else(|| arguments.next()).ok_or(format!("{key} needs a value"))?;
                line.options.push((key, value));
            } else if key.starts_with("--") {
                return Err(format!("unknown option {key}"));
            } else {
                line.words.push(key);
            }
        }
        Ok(line)
    }

    /// The value of an option.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.options.iter().rev().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    /// Whether a flag stands on the command line.
    pub fn has(&self, flag: &str) -> bool {
        self.get(flag).is_some()
    }

    /// The parts of a value that commas separate.
    pub fn list(&self, key: &str) -> Vec<String> {
        let parts = self.get(key).unwrap_or_default().split(',').map(str::trim);
        parts.filter(|p| !p.is_empty()).map(str::to_owned).collect()
    }

    /// A value that is a number.
    pub fn number<T: FromStr>(&self, key: &str) -> Result<Option<T>, String> {
        let number = |text: &str| text.parse().map_err(|_| format!("{key}: {text} is no number"));
        self.get(key).map(number).transpose()
    }
}

/// Runs a program and gives its exit code. `run` gets the arguments and a printer of lines; its error is
/// a sentence for the user, which is told with the help and ends in 2.
pub fn main(
    name: &str,
    help: &str,
    run: impl FnOnce(&mut dyn Iterator<Item = String>, &(dyn Fn(&str) + Sync)) -> Result<i32, String>,
) -> i32 {
    if std::env::args().any(|a| a == "--help" || a == "-h") {
        say(std::io::stdout(), help);
        return 0;
    }
    run(&mut std::env::args().skip(1), &|line: &str| say(std::io::stdout(), line)).unwrap_or_else(|why| {
        say(std::io::stderr(), &format!("{name}: {why}\n\n{help}"));
        2
    })
}

/// Whoever reads may have gone, as `head` does; the exit code still tells.
fn say(mut to: impl Write, line: &str) {
    let _gone = writeln!(to, "{line}");
}
