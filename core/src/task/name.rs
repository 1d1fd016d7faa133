//! A name in 24 bytes: static, inline, or on the heap.

use std::borrow::Borrow;
use std::fmt::{self, Write};
use std::hash::{Hash, Hasher};

const INLINE: usize = 22;

/// Name of a task or component.
///
/// A `&'static str` and a text of up to 22 bytes need no allocation, nor does `format_args!` of
/// such a length: `cx.task(format_args!("client-{id}"))`.
#[derive(Clone)]
pub struct Name(Repr);

#[derive(Clone)]
enum Repr {
    Inline(u8, [u8; INLINE]),
    Static(&'static str),
    Heap(Box<str>),
}

impl Name {
    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            // Always whole characters: only `push_str` writes here.
            Repr::Inline(len, bytes) => {
                std::str::from_utf8(&bytes[..usize::from(*len)]).unwrap_or_default()
            }
            Repr::Static(text) => text,
            Repr::Heap(text) => text,
        }
    }

    /// The same without a look at what the bytes mean.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline(len, bytes) => &bytes[..usize::from(*len)],
            Repr::Static(text) => text.as_bytes(),
            Repr::Heap(text) => text.as_bytes(),
        }
    }

    pub(crate) fn is_on_the_heap(&self) -> bool {
        matches!(self.0, Repr::Heap(_))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.as_bytes().is_empty()
    }
}

impl From<&'static str> for Name {
    fn from(text: &'static str) -> Self {
        Self(Repr::Static(text))
    }
}

impl From<String> for Name {
    fn from(text: String) -> Self {
        if text.len() > INLINE {
            return Self(Repr::Heap(text.into_boxed_str()));
        }
        let mut bytes = [0; INLINE];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Self(Repr::Inline(text.len() as u8, bytes))
    }
}

impl From<fmt::Arguments<'_>> for Name {
    fn from(arguments: fmt::Arguments<'_>) -> Self {
        if let Some(text) = arguments.as_str() {
            return Self::from(text);
        }
        let mut buffer = Buffer { len: 0, bytes: [0; INLINE], spilled: None };
        // A `Display` that fails has written what it could: that is the name then.
        let _ = buffer.write_fmt(arguments);
        match buffer.spilled {
            Some(text) => Self(Repr::Heap(text.into_boxed_str())),
            None => Self(Repr::Inline(buffer.len as u8, buffer.bytes)),
        }
    }
}

/// Formats into the inline bytes, and moves to the heap when they do not suffice.
struct Buffer {
    len: usize,
    bytes: [u8; INLINE],
    spilled: Option<String>,
}

impl Write for Buffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if let Some(spilled) = &mut self.spilled {
            spilled.push_str(text);
            return Ok(());
        }
        let end = self.len + text.len();
        if end <= INLINE {
            self.bytes[self.len..end].copy_from_slice(text.as_bytes());
            self.len = end;
            return Ok(());
        }
        let mut spilled = String::with_capacity(end);
        spilled.push_str(std::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default());
        spilled.push_str(text);
        self.spilled = Some(spilled);
        Ok(())
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state); // as `str`, for `Borrow`
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Name {}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn every_length_and_source_reads_back() {
        for len in 0..60 {
            let text = "ä".repeat(len / 2) + if len % 2 == 1 { "x" } else { "" };
            assert_eq!(Name::from(text.clone()).as_str(), text);
            assert_eq!(Name::from(format_args!("{text}")).as_str(), text);
            let half = text.chars().take(len / 4).collect::<String>();
            assert_eq!(Name::from(format_args!("{half}{text}")).as_str(), half + &text);
        }
        assert_eq!(Name::from("static").as_str(), "static");
    }

    #[test]
    fn equal_texts_are_equal_names() {
        let hash = |name: &Name| {
            let mut state = std::hash::DefaultHasher::new();
            name.hash(&mut state);
            state.finish()
        };
        let (a, b) = (Name::from("ticker"), Name::from(String::from("ticker")));
        assert_eq!(a, b);
        assert_eq!(hash(&a), hash(&b));
    }

    #[test]
    fn a_name_is_three_words() {
        assert_eq!(size_of::<Name>(), 24);
    }
}
