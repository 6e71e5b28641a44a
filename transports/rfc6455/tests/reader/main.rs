//! The reader against tungstenite's, against itself under every way to cut its input, and on the seeds of the fuzzer.

mod compare;
mod cuts;
mod differential;
mod generate;
mod oracle;
mod outcome;
mod seeds;
mod session;
