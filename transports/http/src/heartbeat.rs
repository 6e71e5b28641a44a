//! What the heartbeats of all transports have in common.

/// A client that sends so many bytes in one silence may have its pong stuck behind them, which it sent before the ping came.
pub const BUSY_BYTES: usize = 16 << 10;
