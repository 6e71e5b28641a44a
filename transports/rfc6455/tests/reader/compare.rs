//! One stream, all that must hold for it. Shared with the fuzz target `websocket_frames`.

use crate::{
    oracle,
    outcome::End,
    session::{self, Manner},
};
use roomcast_rfc6455::Limits;

/// Panics unless all holds for an input of the fuzzer: a byte that chooses limits, one that chooses cuts, the stream.
pub(crate) fn check_input(input: &[u8]) {
    let [choice, seed, stream @ ..] = input else { return };
    let limits = Limits {
        message_bytes_max: [16, 125, 1_000, 70_000][usize::from(choice & 3)],
        fragments_max: 1 + u32::from(choice >> 2),
    };
    agrees_with_tungstenite(stream, limits.message_bytes_max);
    agrees_with_itself(stream, &limits, &places(*seed, stream.len()));
}

/// At most 7 places below `len`, by Knuth's multiplicative hash of the seed; every place for 255.
fn places(seed: u8, len: usize) -> Vec<usize> {
    if seed == 255 || len == 0 {
        return (0..len).collect();
    }
    let hash = |i: u32| (u32::from(seed) * 8 + i).wrapping_mul(2_654_435_761) >> 8;
    (0..u32::from(seed % 8)).map(|i| hash(i) as usize % len).collect()
}

/// Same messages, same verdict.
///
/// Two differences are allowed: where a frame both breaks the protocol and is too large, tungstenite sees its size first
/// and says 1009, ours says 1002, for which the RFC has no order; and tungstenite refuses the close code 1014, which was
/// registered after the RFC. tungstenite cannot count fragments.
pub(crate) fn agrees_with_tungstenite(stream: &[u8], message_bytes_max: usize) {
    let limits = Limits { message_bytes_max, fragments_max: u32::MAX };
    let ours = session::run(stream, &limits, &[], Manner::Patient);
    let mut theirs = oracle::run(stream, message_bytes_max, 0);
    if theirs.end == End::Open && ours.end != End::Open {
        theirs = oracle::run(stream, message_bytes_max, 14 + message_bytes_max.max(125));
    }
    assert_eq!(ours.events, theirs.events, "{stream:02x?}");
    let both_apply = ours.end == End::Closed(Some(1002)) && theirs.end == End::Closed(Some(1009));
    let is_1014 = ours.end == End::Closed(Some(1014)) && theirs.end == End::Closed(Some(1002));
    assert!(
        ours.end == theirs.end || both_apply || is_1014,
        "ours {:?}, theirs {:?}: {stream:02x?}",
        ours.end,
        theirs.end
    );
}

/// Same outcome whether the bytes come at once or in pieces, to a lane of whatever manner.
pub(crate) fn agrees_with_itself(stream: &[u8], limits: &Limits, cuts: &[usize]) {
    let whole = session::run(stream, limits, &[], Manner::Patient);
    for manner in [Manner::Patient, Manner::Eager, Manner::Stopping] {
        let cut = session::run(stream, limits, cuts, manner);
        assert_eq!(cut, whole, "{manner:?}, cut at {cuts:?}: {stream:02x?}");
    }
}
