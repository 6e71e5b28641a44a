//! The bytes of a turn, each message once.
//!
//! # Problem
//! A broadcast to a thousand connections must not cost a thousand copies, allocations or reference counts.
//!
//! # Protocol
//! All output of a turn is appended to one buffer, the log; a recipient gets the place of what it shall get, a [`Span`].
//! Spans that touch merge, so a member of one busy room holds one span however many messages came:
//!
//! ```text
//!   log     | hi | lo | to B | hi | ...
//!   A        [       )        [  )          first span and a chain in the arena
//!   B        [             )                merged: one write straight from the log
//! ```
//!
//! Each append is one *frame*, and every span begins and ends at frames. Where frames end, and what is unusual about them (a
//! [`Note`]), is kept once for each frame, not for each member: it matters only when a stream refuses bytes or ends.
//! Output for one connection alone, as answers, is kept in a second buffer of the same kind, so that it does not stand between
//! messages whose spans would merge; places there are numbered from [`SINGLE`] on. What is large is kept as shared bytes,
//! numbered from [`SHARED`] on.

use bytes::{Bytes, BytesMut};
use roomcast::Class;

use crate::SMALL;

/// From this size on a frame is shared instead of copied.
pub(crate) const SHARED_BYTES: usize = if SMALL { 256 } else { 16 * 1024 };
/// At this size the log takes nothing more before it is flushed.
pub(crate) const BYTES_MAX: usize = if SMALL { 2 * 1024 } else { 256 * 1024 };
/// The same for links of chains: connections in many rooms each can need more of these than bytes.
const LINKS_MAX: usize = if SMALL { 64 } else { 512 * 1024 };
/// The first place in the buffer for single connections. Those in the other one stay far below.
const SINGLE: u32 = 1 << 30;
/// The first number of a shared frame.
const SHARED: u32 = 1 << 31;
const NONE: u32 = u32::MAX;

/// A part of the log, or some shared frames: from `start` to before `end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

/// What a connection shall be written: its first span, and the chain of the others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spans {
    first: Span,
    head: u32,
    tail: u32,
}

impl Spans {
    pub(crate) const EMPTY: Self = Self { first: Span { start: 0, end: 0 }, head: NONE, tail: NONE };

    pub(crate) fn is_empty(&self) -> bool {
        self.first.start == self.first.end
    }
}

#[derive(Debug)]
struct Link {
    span: Span,
    next: u32,
}

/// A frame, or what is left of it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Frame<'a> {
    /// In the log: to be copied.
    Log(&'a [u8]),
    /// Shared: to be kept.
    Shared(&'a Bytes),
}

impl Frame<'_> {
    pub(crate) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Log(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }
}

/// What a frame is to a reader that does not take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) class: Class,
    /// Messages in it: one; or none, if it is a protocol's own; or several, if an outbox had put them together.
    pub(crate) messages: u32,
}

impl Note {
    /// A protocol's own output: answers, first and last words.
    pub(crate) const OWN: Self = Self { class: Class::Reliable, messages: 0 };

    pub(crate) const fn message(class: Class) -> Self {
        Self { class, messages: 1 }
    }
}

/// The log of a turn, with the chains of all connections.
#[derive(Debug)]
pub(crate) struct TurnLog {
    common: Buffer,
    single: Buffer,
    shared: Vec<(Bytes, Note)>,
    links: Vec<Link>,
}

/// Frames, one behind the other.
#[derive(Debug)]
struct Buffer {
    bytes: Vec<u8>,
    /// Where each frame ends.
    ends: Vec<u32>,
    usual: Note,
    /// Frames whose note is another, by where they start.
    special: Vec<(u32, Note)>,
}

impl Default for TurnLog {
    fn default() -> Self {
        let (common, single) = (Buffer::new(Note::message(Class::Reliable)), Buffer::new(Note::OWN));
        Self { common, single, shared: Vec::new(), links: Vec::new() }
    }
}

/// For whom a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    Many,
    One,
}

impl TurnLog {
    /// Appends a frame.
    pub(crate) fn append(&mut self, audience: Audience, frame: &[u8], note: Note) -> Span {
        if frame.len() >= SHARED_BYTES {
            return self.append_shared(Bytes::copy_from_slice(frame), note);
        }
        let (buffer, base) = match audience {
            Audience::Many => (&mut self.common, 0),
            Audience::One => (&mut self.single, SINGLE),
        };
        let Span { start, end } = buffer.append(frame, note);
        Span { start: base + start, end: base + end }
    }

    /// Appends a frame that came out of a codec; what is large stays in the allocation that `frame` had.
    pub(crate) fn append_encoded(&mut self, audience: Audience, frame: &mut BytesMut, note: Note) -> Span {
        if frame.len() >= SHARED_BYTES {
            return self.append_shared(frame.split().freeze(), note);
        }
        self.append(audience, frame, note)
    }

    /// Appends a frame by reference.
    pub(crate) fn append_shared(&mut self, frame: Bytes, note: Note) -> Span {
        let start = SHARED + self.shared.len() as u32;
        self.shared.push((frame, note));
        Span { start, end: start + 1 }
    }

    /// Gives a connection a span; true if it had none.
    pub(crate) fn give(&mut self, spans: &mut Spans, span: Span) -> bool {
        if span.start == span.end {
            return false;
        }
        if spans.is_empty() {
            spans.first = span;
            return true;
        }
        let last = match self.links.get_mut(spans.tail as usize) {
            Some(link) => &mut link.span,
            None => &mut spans.first,
        };
        if last.end == span.start {
            last.end = span.end;
            return false;
        }
        let at = self.links.len() as u32;
        match self.links.get_mut(spans.tail as usize) {
            Some(link) => link.next = at,
            None => spans.head = at,
        }
        spans.tail = at;
        self.links.push(Link { span, next: NONE });
        false
    }

    /// The bytes of the spans if they are one piece of a buffer: what can be written without a copy.
    pub(crate) fn contiguous(&self, spans: &Spans) -> Option<&[u8]> {
        (spans.head == NONE && spans.first.start < SHARED).then(|| self.slice(spans.first))
    }

    /// All spans in order, as pieces: parts of a buffer, and shared frames one by one.
    pub(crate) fn pieces(&self, spans: Spans) -> impl Iterator<Item = Frame<'_>> {
        self.spans(spans).flat_map(|span| {
            let copied = (span.start < SHARED).then(|| Frame::Log(self.slice(span)));
            copied.into_iter().chain(self.shared(span).iter().map(|(bytes, _)| Frame::Shared(bytes)))
        })
    }

    /// All frames of the spans in order, each with its note.
    pub(crate) fn frames(&self, spans: Spans) -> impl Iterator<Item = (Frame<'_>, Note)> {
        self.spans(spans).flat_map(|span| {
            let copied = (span.start < SHARED).then(|| self.buffer(span)).into_iter();
            let copied = copied.flat_map(|(buffer, span)| buffer.frames(span));
            copied.chain(self.shared(span).iter().map(|(bytes, note)| (Frame::Shared(bytes), *note)))
        })
    }

    /// Messages of the spans that are not within their first `sent` bytes.
    pub(crate) fn messages(&self, spans: Spans, sent: usize) -> usize {
        let ends = self.frames(spans).scan(0, |end, (frame, note)| {
            *end += frame.as_slice().len();
            Some((*end, note.messages as usize))
        });
        ends.filter(|(end, _)| *end > sent).map(|(_, messages)| messages).sum()
    }

    fn spans(&self, spans: Spans) -> impl Iterator<Item = Span> {
        let mut at = spans.head;
        let rest = std::iter::from_fn(move || {
            let link = self.links.get(at as usize)?;
            at = link.next;
            Some(link.span)
        });
        std::iter::once(spans.first).filter(|span| span.start != span.end).chain(rest)
    }

    /// The buffer in which a span that is not shared lies, and its place there.
    fn buffer(&self, span: Span) -> (&Buffer, Span) {
        match span.start.checked_sub(SINGLE) {
            Some(start) => (&self.single, Span { start, end: span.end - SINGLE }),
            None => (&self.common, span),
        }
    }

    fn slice(&self, span: Span) -> &[u8] {
        let (buffer, span) = self.buffer(span);
        buffer.slice(span)
    }

    /// The frames of a span that is shared, none of others.
    fn shared(&self, span: Span) -> &[(Bytes, Note)] {
        match span.start.checked_sub(SHARED) {
            Some(start) => &self.shared[start as usize..(span.end - SHARED) as usize],
            None => &[],
        }
    }

    /// Whether it takes nothing more before it is flushed and cleared.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes() >= BYTES_MAX || self.links.len() >= LINKS_MAX
    }

    /// Bytes of frames, a shared one counted as the least that it can have.
    pub(crate) fn bytes(&self) -> usize {
        self.common.bytes.len() + self.single.bytes.len() + self.shared.len() * SHARED_BYTES
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes() == 0
    }

    /// Forgets all, when no connection holds a span any more, and gives back what an unusual turn took.
    pub(crate) fn clear(&mut self) {
        self.common.clear();
        self.single.clear();
        reset(&mut self.shared, 64);
        reset(&mut self.links, 64 * 1024);
    }
}

impl Buffer {
    fn new(usual: Note) -> Self {
        Self { bytes: Vec::new(), ends: Vec::new(), usual, special: Vec::new() }
    }

    fn append(&mut self, frame: &[u8], note: Note) -> Span {
        let start = self.bytes.len() as u32;
        self.bytes.extend_from_slice(frame);
        let end = self.bytes.len() as u32;
        if end > start {
            self.ends.push(end);
            if note != self.usual {
                self.special.push((start, note));
            }
        }
        Span { start, end }
    }

    fn frames(&self, span: Span) -> impl Iterator<Item = (Frame<'_>, Note)> {
        let from = self.ends.partition_point(|end| *end <= span.start);
        let mut start = span.start;
        self.ends[from..].iter().take_while(move |end| **end <= span.end).map(move |&end| {
            let frame = Span { start, end };
            start = end;
            (Frame::Log(self.slice(frame)), self.note_at(frame.start))
        })
    }

    fn note_at(&self, start: u32) -> Note {
        match self.special.binary_search_by_key(&start, |(at, _)| *at) {
            Ok(found) => self.special[found].1,
            Err(_) => self.usual,
        }
    }

    fn slice(&self, span: Span) -> &[u8] {
        &self.bytes[span.start as usize..span.end as usize]
    }

    fn clear(&mut self) {
        reset(&mut self.bytes, BYTES_MAX + SHARED_BYTES);
        reset(&mut self.ends, 8 * 1024);
        reset(&mut self.special, 1024);
    }
}

fn reset<T>(list: &mut Vec<T>, keep: usize) {
    list.clear();
    if list.capacity() > keep {
        list.shrink_to(keep);
    }
}

#[cfg(test)]
mod tests;
