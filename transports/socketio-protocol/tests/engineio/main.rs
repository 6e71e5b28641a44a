//! Engine.IO from outside: packets and payloads, sessions, the protocol's own parsers, the seeds of the fuzz targets.

mod payload;
mod session;
