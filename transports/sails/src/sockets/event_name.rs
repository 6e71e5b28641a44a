//! Which names an event may have.

use crate::error::Error;

/// The event of a broadcast that names none, as in Sails.
pub(crate) const DEFAULT: &str = "message";

/// Names that Socket.IO uses for events of its own: clients end the connection when such a packet comes.
const RESERVED: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

pub(crate) fn check(name: &str) -> Result<(), Error> {
    if name.is_empty() || RESERVED.contains(&name) { Err(Error::EventName(name.to_owned())) } else { Ok(()) }
}
