//! One client: its end of the stream, and what it must have got.

use std::collections::BTreeSet;

use roomcast_lane::ManualConnection;

use super::Scale;
use super::decode::Class;
use super::peer::{BYE, CODECS, CONTROL, HEAD, Peer, parse_head};
use super::pipe::Far;
use super::record::{Item, Kind, Record};

pub(super) struct Client {
    pub(super) peer: Peer,
    pub(super) end: End,
    pub(super) rooms: BTreeSet<u8>,
    /// When its end was asked for, in ms.
    pub(super) ended_at: Option<u64>,
    /// Volatile messages that were sent while it was stuck: still unseen by the lane, and surely left out.
    pub(super) too_late: Vec<u32>,
    left_out: BTreeSet<u32>,
    got: Vec<u8>,
}

/// The client's end of a stream.
pub(super) enum End {
    Pipe(Far),
    Plain { connection: ManualConnection, was_slow: bool, was_broken: bool },
}

/// What became of a client's messages.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) received: usize,
    pub(super) dropped: usize,
    pub(super) replaced: usize,
    /// Messages that it received and that may count as lost: those of the last piece that was being written.
    pub(super) uncertain: usize,
    /// The lane cut it off.
    pub(super) was_cut_off: bool,
    /// It did that, or the time for the farewell was over.
    pub(super) may_be_cut_off: bool,
    /// It did not get all that was asked for, for whatever reason.
    pub(super) was_cut: bool,
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    tag: u8,
    id: u32,
    filling: usize,
    /// Where it ends.
    end: usize,
}

impl Client {
    pub(super) fn new(peer: Peer, end: End) -> Self {
        let (too_late, left_out) = (Vec::new(), BTreeSet::new());
        Self { peer, end, rooms: BTreeSet::new(), ended_at: None, too_late, left_out, got: Vec::new() }
    }

    /// It is sent a message.
    pub(super) fn expect(&mut self, id: u32, filling: usize, class: Class, fails: bool) {
        self.peer.record().expect_message(id, filling, class, fails);
        if let End::Pipe(far) = &self.end
            && class == Class::Volatile
            && far.lock().is_stuck()
        {
            self.too_late.push(id);
        }
    }

    /// The lane did all that it had to do, and the stream was stuck as long as something is too late.
    pub(super) fn leave_out(&mut self) {
        self.left_out.extend(self.too_late.drain(..));
    }

    /// Reads what came; true if something did. A plain stream makes room by that.
    pub(super) fn read(&mut self) -> bool {
        let bytes = match &self.end {
            End::Pipe(far) => far.take(),
            End::Plain { connection, .. } => connection.receive(),
        };
        self.got.extend_from_slice(&bytes);
        !bytes.is_empty()
    }

    pub(super) fn send(&self, bytes: &[u8]) {
        match &self.end {
            End::Pipe(far) => far.change(|pipe| pipe.send(bytes)),
            End::Plain { connection, .. } => connection.send(bytes),
        }
    }

    /// Whether the lane has dropped the stream, or ended its side of it.
    pub(super) fn is_over(&self) -> bool {
        match &self.end {
            End::Pipe(far) => far.lock().was_dropped,
            End::Plain { connection, .. } => connection.is_ended(),
        }
    }

    /// Checks what it got. `may_have_timed_out`: the time for its farewell was over.
    pub(super) fn check(&self, scale: Scale, may_have_timed_out: bool) -> Tally {
        let record = self.peer.record();
        let (was_slow, ended_badly, was_reset) = match &self.end {
            End::Pipe(far) => {
                let pipe = far.lock();
                let ended_badly = pipe.was_dropped && !pipe.was_shut;
                (pipe.was_slow, ended_badly, ended_badly && !pipe.has_failed)
            }
            End::Plain { connection, was_slow, was_broken } => {
                let timed_out = connection.is_ended() && may_have_timed_out;
                let was_reset = connection.is_reset();
                (*was_slow, *was_broken || was_reset || timed_out, was_reset)
            }
        };
        let is_plain = matches!(self.end, End::Plain { .. });
        let was_cut_off = was_reset && (is_plain || !may_have_timed_out);
        let frames = self.frames(&record, ended_badly);
        let mut tally = Tally { was_cut: ended_badly, was_cut_off, may_be_cut_off: was_reset, ..Tally::default() };
        assert!(!was_reset || was_slow || record.was_held, "cut off though it took everything at once");
        let last_piece = self.got.len().saturating_sub(scale.shared);
        for frame in frames.iter().filter(|frame| CODECS.contains(&frame.tag)) {
            assert!(!self.left_out.contains(&frame.id), "volatile {} was kept for a stuck stream", frame.id);
            tally.received += 1;
            tally.uncertain += usize::from(ended_badly && frame.end > last_piece);
        }
        let control = frames.iter().filter(|frame| frame.tag == CONTROL).map(|frame| frame.id);
        check_control(&control.collect::<Vec<_>>(), &record.control, ended_badly || record.has_ended());
        check_order(&frames, &record.expected, was_slow, &mut tally);
        tally
    }

    /// The frames that it got whole. What follows them is the beginning of one that was asked for.
    fn frames(&self, record: &Record, was_cut: bool) -> Vec<Frame> {
        let (mut frames, mut at) = (Vec::new(), 0);
        while let Some((tag, id, filling)) = parse_head(&self.got[at..]) {
            let end = at + HEAD + filling;
            let filled = &self.got[at + HEAD..end.min(self.got.len())];
            assert!(filled.iter().all(|byte| *byte == id as u8), "frame {} {id} is not whole", tag as char);
            if end > self.got.len() {
                let asked = record.expected.iter().any(|item| (item.tag, item.id, item.filling) == (tag, id, filling));
                assert!(asked, "the beginning of a frame that nobody asked for: {} {id}", tag as char);
                break;
            }
            frames.push(Frame { tag, id, filling, end });
            at = end;
        }
        assert!(was_cut || at == self.got.len(), "{} bytes of a frame at the end", self.got.len() - at);
        frames
    }
}

/// Control frames keep their order; those that were still to be sent at the end may be missing.
fn check_control(got: &[u32], asked: &[u32], has_ended: bool) {
    assert!(asked.starts_with(got), "control frames {got:?} of {asked:?}");
    assert!(has_ended || got.len() == asked.len(), "control frames {got:?} of {asked:?}");
}

/// What it got is what was asked for, in order, but for what may be left out.
fn check_order(frames: &[Frame], expected: &[Item], was_slow: bool, tally: &mut Tally) {
    let mut next = 0;
    for frame in frames.iter().filter(|frame| frame.tag != CONTROL) {
        let found = expected[next..].iter().position(|item| (item.tag, item.id) == (frame.tag, frame.id));
        let Some(found) = found else {
            panic!("{} {} out of order, twice, or never asked for", frame.tag as char, frame.id);
        };
        (next..next + found).for_each(|at| check_left_out(expected, at, was_slow, tally));
        next += found + 1;
        assert_eq!(frame.filling, expected[next - 1].filling);
    }
    if !tally.was_cut {
        (next..expected.len()).for_each(|at| check_left_out(expected, at, was_slow, tally));
    }
    let bye = frames.iter().position(|frame| frame.tag == BYE);
    assert!(bye.is_none_or(|at| at + 1 == frames.len()), "something behind a good-bye");
}

fn check_left_out(expected: &[Item], at: usize, was_slow: bool, tally: &mut Tally) {
    let item = &expected[at];
    assert!(was_slow || item.was_held, "{item:?} is missing at a client that takes everything at once");
    match item.kind {
        Kind::Message(Class::Volatile) => tally.dropped += 1,
        Kind::Message(Class::Latest(_)) => {
            // Those that came later may be lost with the end of the connection.
            let newer = expected[at + 1..].iter().any(|later| later.kind == item.kind);
            assert!(newer, "{item:?} is missing, and it was the last of its key");
            tally.replaced += 1;
        }
        kind => panic!("{kind:?} {item:?} is missing"),
    }
}
