//! Random damage with a seed: the same seed gives the same damage, so a failure can be repeated.

/// A small generator (xorshift), good enough for choosing places.
#[derive(Debug)]
pub struct Dice(u64);

impl Dice {
    /// Any seed will do; 0 is replaced.
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).max(1))
    }

    /// A number below `n`; 0 when `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let n = u64::try_from(n).unwrap_or(u64::MAX).max(1);
        usize::try_from((self.0 >> 11) % n).unwrap_or_default()
    }

    /// One of a list.
    pub fn pick<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> Option<&'a T> {
        list.get(self.below(list.len())).copied()
    }
}

/// Pieces that hurt readers of XML, expressions and paths.
const SHARDS: [&str; 32] = [
    "<",
    ">",
    "</",
    "/>",
    "&",
    "&#0;",
    "&#x110000;",
    "&lol;",
    "<![CDATA[",
    "]]>",
    "<!--",
    "-->",
    "<?",
    "?>",
    "<!DOCTYPE a [<!ENTITY lol \"x\">]>",
    "\"",
    "'",
    "=",
    "${",
    "}",
    "${payload",
    "{",
    "[0",
    "xmlns=\"\"",
    "xmlns:p=\"\"",
    "p:",
    "\u{0}",
    "\u{feff}",
    "\u{10ffff}",
    "99999999999999999999",
    "-1",
    "*",
];

/// Damages a text in one to four places.
pub fn damage(text: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut out = text.to_vec();
    for _ in 0..=dice.below(4) {
        wound(&mut out, dice);
    }
    out
}

fn wound(out: &mut Vec<u8>, dice: &mut Dice) {
    let at = dice.below(out.len() + 1);
    let end = (at + 1 + dice.below(40)).min(out.len());
    match dice.below(10) {
        0 => out.truncate(at),
        1 => drop(out.drain(at..end.max(at))),
        2 => {
            let copy = out.get(at..end).unwrap_or_default().to_vec();
            out.splice(at..at, copy);
        }
        3 => {
            if let Some(byte) = out.get_mut(at) {
                *byte ^= 1 << dice.below(8);
            }
        }
        4 => swap_words(out, dice),
        5 => empty_value(out, at),
        6 => {
            let deep = "<log>".repeat(1 + dice.below(20_000));
            out.splice(at..at, deep.into_bytes());
        }
        _ => {
            let shard = dice.pick(&SHARDS).unwrap_or_default().as_bytes();
            out.splice(at..at, shard.iter().copied());
        }
    }
}

/// Exchanges two words: an element takes another's name, an attribute another's value.
fn swap_words(out: &mut Vec<u8>, dice: &mut Dice) {
    let text = String::from_utf8_lossy(out).into_owned();
    let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).filter(|w| w.len() > 2).collect();
    if let (Some(a), Some(b)) = (dice.pick(&words), dice.pick(&words)) {
        *out = text.replacen(a, b, 1 + dice.below(3)).into_bytes();
    }
}

/// Empties the next attribute value.
fn empty_value(out: &mut Vec<u8>, from: usize) {
    let quote = |from: usize, out: &[u8]| out.iter().skip(from).position(|b| *b == b'"').map(|i| i + from);
    if let Some(start) = quote(from, out)
        && let Some(end) = quote(start + 1, out)
    {
        out.drain(start + 1..end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_damage() {
        let text = b"<api name=\"a\" context=\"/a\"><resource methods=\"GET\"/></api>";
        let once = damage(text, &mut Dice::new(7));
        assert_eq!(once, damage(text, &mut Dice::new(7)));
        let different = (0..50).filter(|s| damage(text, &mut Dice::new(*s)) != text).count();
        assert!(different > 45, "{different}");
    }

    #[test]
    fn nothing_is_too_short_to_damage() {
        for seed in 0..200 {
            damage(b"", &mut Dice::new(seed));
            damage(b"<", &mut Dice::new(seed));
        }
    }
}
