//! What is behind an error: its sources, one after the other.

use std::error::Error;
use std::fmt;

/// How many are followed: a chain may be made as it is asked for.
const FOLLOWED: usize = 32;

/// The sources of an error whose own text has been shown, without those that it says itself.
pub(super) fn of<'a>(
    error: &'a (dyn Error + 'static),
    shown: &str,
) -> impl Iterator<Item = String> + use<'a> {
    let mut shown = String::from(shown);
    let next = |error: &&'a (dyn Error + 'static)| (*error).source();
    let sources = std::iter::successors(error.source(), next);
    sources.take(FOLLOWED).map(ToString::to_string).filter(move |text| {
        let is_new = !shown.contains(text.as_str());
        if is_new {
            shown.clone_from(text);
        }
        is_new
    })
}

/// Shows what is behind an error, after its text.
pub(crate) struct Because<'a>(pub(crate) Option<&'a (dyn Error + 'static)>);

impl fmt::Display for Because<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(error) = self.0 else { return Ok(()) };
        of(error, &error.to_string()).try_for_each(|source| write!(f, ", because: {source}"))
    }
}
