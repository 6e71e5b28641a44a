//! Which names an event may have.

use roomcast::is_reserved_event;

use crate::error::Error;

/// The event of a broadcast that names none, as in Sails.
pub(crate) const DEFAULT: &str = "message";

pub(crate) fn check(name: &str) -> Result<(), Error> {
    if name.is_empty() || is_reserved_event(name) { Err(Error::EventName(name.to_owned())) } else { Ok(()) }
}
