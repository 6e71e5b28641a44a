//! Engine.IO from outside: sessions against a model.

mod session;
