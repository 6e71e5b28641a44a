//! Benches of roomcast.
