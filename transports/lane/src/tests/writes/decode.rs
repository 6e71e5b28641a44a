//! Steps from bytes. Any bytes are some steps.

use super::Scale;

pub(super) const ROOMS: u8 = 3;

/// What is fixed for a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Config {
    pub(super) scale: Scale,
    pub(super) outbox_bytes_max: usize,
    pub(super) inbox_bytes_max: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Connect(Connect),
    Join {
        who: u8,
        room: u8,
    },
    Leave {
        who: u8,
        room: u8,
    },
    Broadcast {
        room: u8,
        message: Message,
    },
    Emit {
        who: u8,
        message: Message,
    },
    /// The client sends a command.
    Command {
        who: u8,
        verb: u8,
        frame: usize,
    },
    /// The application answers an event that it kept.
    Answer {
        who: u8,
    },
    Turn,
    /// Turns until nothing is left to do.
    Run,
    /// The stream takes so many bytes more.
    Grant {
        who: u8,
        bytes: usize,
    },
    /// The stream takes at most so many bytes a write.
    Bite {
        who: u8,
        bytes: usize,
    },
    /// The stream refuses so many writes, though it has room.
    Balk {
        who: u8,
        writes: u8,
        interrupted: bool,
    },
    /// The stream fails once it took so many bytes more.
    Break {
        who: u8,
        after: usize,
    },
    /// The client's side of the stream ends.
    End {
        who: u8,
    },
    SwitchCodec {
        who: u8,
    },
    /// The application decides on a connect.
    Decide {
        who: u8,
        refuse: bool,
    },
    /// The program disconnects a socket, or closes its connection.
    Close {
        who: u8,
        by_port: bool,
    },
    Advance {
        ms: u64,
    },
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Connect {
    /// A plain stream in memory instead of one that can be made to fail.
    pub(super) plain: bool,
    /// The application lets it wait.
    pub(super) waits: bool,
    pub(super) codec: u8,
    pub(super) room: usize,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Message {
    pub(super) class: Class,
    /// Bytes of its frame.
    pub(super) frame: usize,
    /// No codec can write it.
    pub(super) fails: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Reliable,
    Volatile,
    Latest(u8),
}

pub(super) struct Decoder<'a> {
    bytes: &'a [u8],
    scale: Scale,
}

impl<'a> Decoder<'a> {
    pub(super) fn new(bytes: &'a [u8], scale: Scale) -> Self {
        Self { bytes, scale }
    }

    pub(super) fn config(&mut self) -> Config {
        let byte = self.byte();
        Config {
            scale: self.scale,
            outbox_bytes_max: self.scale.outbox[usize::from(byte % 4)],
            inbox_bytes_max: if byte & 4 == 0 { 64 << 20 } else { 8 * 1024 },
        }
    }

    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.bytes.split_first() else { return 0 };
        self.bytes = rest;
        *first
    }

    /// Small mostly; else on one side or the other of a limit.
    fn size(&mut self) -> usize {
        let Scale { shared, log, outbox, .. } = self.scale;
        let byte = usize::from(self.byte());
        let limits = [1, shared / 2, shared, 2 * shared, log / 2, log, outbox[0], outbox[1], outbox[2]];
        match byte.checked_sub(180) {
            None => byte / 4,
            Some(at) => limits[at / 3 % limits.len()] + at % 3 - 1,
        }
    }

    fn message(&mut self) -> Message {
        let byte = self.byte();
        let class = match byte % 6 {
            0 => Class::Volatile,
            1 => Class::Latest(1),
            2 => Class::Latest(2),
            _ => Class::Reliable,
        };
        Message { class, frame: self.size(), fails: byte >= 250 }
    }

    fn connect(&mut self) -> Connect {
        let (flags, room) = (self.byte(), self.byte());
        let rooms = [usize::MAX, 0, 1, 5, 9, 40, self.scale.shared, 4 * self.scale.shared];
        Connect {
            plain: flags & 3 == 0,
            waits: flags & 12 == 12,
            codec: flags >> 4 & 1,
            room: rooms[usize::from(room) % rooms.len()],
        }
    }
}

impl Iterator for Decoder<'_> {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        if self.bytes.is_empty() {
            return None;
        }
        let op = self.byte() % 40;
        Some(match op {
            0..=2 => Step::Connect(self.connect()),
            3 | 4 => Step::Join { who: self.byte(), room: self.byte() % ROOMS },
            5 => Step::Leave { who: self.byte(), room: self.byte() % ROOMS },
            6..=13 => Step::Broadcast { room: self.byte() % ROOMS, message: self.message() },
            14..=16 => Step::Emit { who: self.byte(), message: self.message() },
            17..=19 => Step::Command { who: self.byte(), verb: self.byte(), frame: self.size() },
            20 => Step::Answer { who: self.byte() },
            21..=25 => Step::Turn,
            26 => Step::Run,
            27..=29 => Step::Grant { who: self.byte(), bytes: self.size() },
            30 => Step::Bite { who: self.byte(), bytes: self.size().max(1) },
            31 => Step::Balk { who: self.byte(), writes: self.byte() % 4, interrupted: self.byte().is_multiple_of(2) },
            32 => Step::Break { who: self.byte(), after: self.size() },
            33 => Step::End { who: self.byte() },
            34 | 35 => Step::SwitchCodec { who: self.byte() },
            36 => Step::Decide { who: self.byte(), refuse: self.byte().is_multiple_of(4) },
            37 | 38 => Step::Close { who: self.byte(), by_port: op == 38 },
            _ => Step::Advance { ms: [1, 100, 900, 2_100, 4_000, 10_500][usize::from(self.byte()) % 6] },
        })
    }
}
