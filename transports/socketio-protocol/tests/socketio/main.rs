//! Socket.IO packets against themselves and against the parsers of the field, and the fuzz seeds.

mod check;
mod generate;
mod model;
mod msgpack;
mod mutate;
mod namespaces;
mod node;
mod round_trip;
mod seeds;
mod text;
