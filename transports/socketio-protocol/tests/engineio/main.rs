//! Engine.IO from outside: packets and payloads, sessions, the protocol's own parsers, the seeds of the fuzz targets.

mod differential;
mod node;
mod payload;
mod seeds;
mod session;
