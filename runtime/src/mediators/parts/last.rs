//! What was made of a text, kept until another text comes.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// The last text and what was compiled from it. Entries seldom change, and compiling one for every
/// message would cost more than the rest of its mediator.
pub(crate) struct Last<T>(Mutex<Option<(Arc<str>, Arc<T>)>>);

impl<T> Default for Last<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T> fmt::Debug for Last<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Last")
    }
}

impl<T> Last<T> {
    /// What `make` gives for the text; it is asked only when the text is not the last one. A failure is
    /// not kept.
    pub(crate) fn get<E>(&self, text: &str, make: impl FnOnce(&str) -> Result<T, E>) -> Result<Arc<T>, E> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, made)) = &*last
            && **known == *text
        {
            return Ok(made.clone());
        }
        let made = Arc::new(make(text)?);
        *last = Some((text.into(), made.clone()));
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_text_is_compiled_again() {
        let last = Last::default();
        let length = |text: &str| if text.is_empty() { Err("empty") } else { Ok(text.len()) };
        let first = last.get("one", length).unwrap();
        assert!(Arc::ptr_eq(&first, &last.get("one", |_| Err("asked again")).unwrap()));
        assert_eq!(last.get("", length), Err("empty"));
        assert_eq!(last.get("three", length).as_deref(), Ok(&5));
    }
}
