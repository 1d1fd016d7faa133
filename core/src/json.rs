//! JSON text, written by hand: objects of texts, numbers and lists, escaped; nothing is read.

use std::fmt::{Display, Write};
use std::time::Duration;

/// Writes one object as a text of its own.
pub(crate) fn object(fill: impl FnOnce(&mut Object<'_>)) -> String {
    let mut out = String::new();
    Object::write(&mut out, fill);
    out
}

/// An object that is being written.
pub(crate) struct Object<'a> {
    out: &'a mut String,
    is_empty: bool,
}

impl Object<'_> {
    fn write(out: &mut String, fill: impl FnOnce(&mut Object<'_>)) {
        out.push('{');
        fill(&mut Object { out, is_empty: true });
        out.push('}');
    }

    pub(crate) fn text(&mut self, key: &str, text: impl Display) {
        self.key(key);
        string(self.out, text);
    }

    /// A text, or `null`.
    pub(crate) fn text_or_null(&mut self, key: &str, text: Option<impl Display>) {
        match text {
            Some(text) => self.text(key, text),
            None => self.null(key),
        }
    }

    pub(crate) fn null(&mut self, key: &str) {
        self.raw(key, "null");
    }

    pub(crate) fn flag(&mut self, key: &str, flag: bool) {
        self.raw(key, flag);
    }

    pub(crate) fn number(&mut self, key: &str, number: u64) {
        self.raw(key, number);
    }

    /// A number of seconds, with as many digits as it takes.
    pub(crate) fn seconds(&mut self, key: &str, duration: Duration) {
        self.raw(key, duration.as_secs_f64());
    }

    pub(crate) fn seconds_or_null(&mut self, key: &str, duration: Option<Duration>) {
        match duration {
            Some(duration) => self.seconds(key, duration),
            None => self.null(key),
        }
    }

    /// A list of objects.
    pub(crate) fn list<T>(
        &mut self,
        key: &str,
        items: impl IntoIterator<Item = T>,
        mut fill: impl FnMut(&mut Object<'_>, T),
    ) {
        self.key(key);
        self.out.push('[');
        for (number, item) in items.into_iter().enumerate() {
            if number > 0 {
                self.out.push(',');
            }
            Object::write(self.out, |object| fill(object, item));
        }
        self.out.push(']');
    }

    #[cfg(feature = "json")]
    pub(crate) fn object(&mut self, key: &str, fill: impl FnOnce(&mut Object<'_>)) {
        self.key(key);
        Object::write(self.out, fill);
    }

    /// A list of texts.
    #[cfg(feature = "json")]
    pub(crate) fn texts(&mut self, key: &str, texts: impl IntoIterator<Item = impl Display>) {
        self.key(key);
        self.out.push('[');
        for (number, text) in texts.into_iter().enumerate() {
            if number > 0 {
                self.out.push(',');
            }
            string(self.out, text);
        }
        self.out.push(']');
    }

    fn raw(&mut self, key: &str, value: impl Display) {
        self.key(key);
        // Writing to a `String` never fails.
        let _ = write!(self.out, "{value}");
    }

    fn key(&mut self, key: &str) {
        if !self.is_empty {
            self.out.push(',');
        }
        self.is_empty = false;
        string(self.out, key);
        self.out.push(':');
    }
}

fn string(out: &mut String, text: impl Display) {
    out.push('"');
    let _ = write!(Escaped(out), "{text}");
    out.push('"');
}

/// Escapes what passes through.
struct Escaped<'a>(&'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for letter in text.chars() {
            match letter {
                '"' | '\\' => self.0.extend(['\\', letter]),
                '\n' => self.0.push_str("\\n"),
                letter if letter < ' ' => write!(self.0, "\\u{:04x}", u32::from(letter))?,
                letter => self.0.push(letter),
            }
        }
        Ok(())
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_and_parts_separated() {
        let text = object(|object| {
            object.text("a\"b", "c\\d\ne\u{1}é");
            object.flag("flag", true);
            object.seconds("half", Duration::from_millis(500));
            object.text_or_null("none", None::<&str>);
            object.list("list", [1, 2], |object, number| object.number("n", number));
        });
        assert_eq!(
            text,
            r#"{"a\"b":"c\\d\ne\u0001é","flag":true,"half":0.5,"none":null,"list":[{"n":1},{"n":2}]}"#
        );
    }

    #[test]
    fn the_longest_duration_is_a_number() {
        let text = object(|object| object.seconds("max", Duration::MAX));
        assert_eq!(text, r#"{"max":18446744073709552000}"#);
    }
}
