//! Whole-system tests of roomcast.
