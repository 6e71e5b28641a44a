//! Streams: conversations of mostly valid frames, and what becomes of them by mutation.

use proptest::{collection::vec, prelude::*, sample::Index};

/// One frame as it may be sent, valid or not.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    /// FIN, RSV1 to RSV3, opcode.
    pub(crate) first: u8,
    pub(crate) payload: Vec<u8>,
    pub(crate) mask: Option<[u8; 4]>,
    pub(crate) form: Form,
}

/// How the length is written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form {
    Shortest,
    /// 16 bits, or 64 if that is not enough.
    Two,
    Eight,
    /// 64 bits with the value given, whatever the payload.
    Claim(u64),
}

impl Frame {
    pub(crate) fn new(first: u8, payload: impl Into<Vec<u8>>) -> Self {
        Self { first, payload: payload.into(), mask: Some([0x37, 0xfa, 0x21, 0x3d]), form: Form::Shortest }
    }

    pub(crate) fn write(&self, to: &mut Vec<u8>) {
        let masked = if self.mask.is_some() { 0x80 } else { 0 };
        let len = self.payload.len();
        to.push(self.first);
        match self.form {
            Form::Shortest if len < 126 => to.push(masked | len as u8),
            Form::Shortest | Form::Two if len <= 0xffff => {
                to.push(masked | 126);
                to.extend((len as u16).to_be_bytes());
            }
            Form::Claim(claim) => {
                to.push(masked | 127);
                to.extend(claim.to_be_bytes());
            }
            Form::Shortest | Form::Two | Form::Eight => {
                to.push(masked | 127);
                to.extend((len as u64).to_be_bytes());
            }
        }
        let key = self.mask.unwrap_or_default();
        to.extend(self.mask.iter().flatten());
        to.extend(self.payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    }
}

pub(crate) fn stream_of<'a>(frames: impl IntoIterator<Item = &'a Frame>) -> Vec<u8> {
    let mut stream = Vec::new();
    frames.into_iter().for_each(|frame| frame.write(&mut stream));
    stream
}

/// A valid message in one or more frames with control frames between them; at most `bytes_max` bytes.
fn message(bytes_max: usize) -> impl Strategy<Value = Vec<Frame>> {
    let kind = prop_oneof![
        vec(any::<char>(), 0..bytes_max / 4).prop_map(|text| (1, text.into_iter().collect::<String>().into_bytes())),
        vec(any::<u8>(), 0..bytes_max).prop_map(|bytes| (2, bytes)),
    ];
    (kind, vec(any::<Index>(), 0..6), vec(proptest::option::of(control()), 6)).prop_map(
        |((opcode, data), cuts, between)| {
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(data.len() + 1)).collect();
            cuts.extend([0, data.len()]);
            cuts.sort_unstable();
            let pieces = cuts.windows(2).map(|pair| data[pair[0]..pair[1]].to_vec());
            let last = cuts.len() - 2;
            let mut frames = Vec::new();
            for (i, piece) in pieces.enumerate() {
                let fin = if i == last { 0x80 } else { 0 };
                frames.push(Frame::new(fin | if i == 0 { opcode } else { 0 }, piece));
                frames.extend(between.get(i).cloned().flatten().filter(|_| i != last));
            }
            frames
        },
    )
}

fn control() -> impl Strategy<Value = Frame> {
    (prop_oneof![Just(0x89), Just(0x8a)], vec(any::<u8>(), 0..=125)).prop_map(|(first, data)| Frame::new(first, data))
}

fn mask() -> impl Strategy<Value = [u8; 4]> {
    prop_oneof![Just([0; 4]), any::<[u8; 4]>()]
}

fn form() -> impl Strategy<Value = Form> {
    prop_oneof![18 => Just(Form::Shortest), 1 => Just(Form::Two), 1 => Just(Form::Eight)]
}

/// A stream without a mistake: messages with control frames between and within, other masks; the messages have at most
/// `bytes_max` bytes each.
pub(crate) fn conversation(bytes_max: usize) -> impl Strategy<Value = Vec<Frame>> {
    let item = prop_oneof![3 => message(bytes_max).boxed(), 1 => control().prop_map(|frame| vec![frame]).boxed()];
    (vec(item, 0..6), vec(mask(), 1..8)).prop_map(|(items, masks)| {
        let mut frames = items.concat();
        for (frame, mask) in frames.iter_mut().zip(masks.into_iter().cycle()) {
            frame.mask = Some(mask);
        }
        frames
    })
}

/// Anything that has the form of a frame.
fn any_frame() -> impl Strategy<Value = Frame> {
    let first = prop_oneof![
        6 => proptest::sample::select(&[0x01, 0x02, 0x00, 0x80, 0x81, 0x82, 0x88, 0x89, 0x8a][..]),
        1 => any::<u8>(),
    ];
    let payload = prop_oneof![
        3 => vec(any::<u8>(), 0..8),
        1 => vec(any::<u8>(), 0..200),
        2 => "\\PC{0,12}".prop_map(String::into_bytes),
    ];
    let mask = prop_oneof![9 => any::<[u8; 4]>().prop_map(Some), 1 => Just(None)];
    let form =
        prop_oneof![20 => form(), 1 => prop_oneof![0..300u64, 1u64 << 16..1 << 32, any::<u64>()].prop_map(Form::Claim)];
    (first, payload, mask, form).prop_map(|(first, payload, mask, form)| Frame { first, payload, mask, form })
}

/// A change to the bytes of a stream.
#[derive(Debug, Clone)]
enum Mutation {
    Flip(Index, u8),
    Set(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Truncate(Index),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        4 => (any::<Index>(), 0..8u8).prop_map(|(at, bit)| Mutation::Flip(at, bit)),
        2 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Mutation::Set(at, byte)),
        1 => (any::<Index>(), vec(any::<u8>(), 1..5)).prop_map(|(at, bytes)| Mutation::Insert(at, bytes)),
        1 => (any::<Index>(), 1..5usize).prop_map(|(at, count)| Mutation::Remove(at, count)),
        1 => any::<Index>().prop_map(Mutation::Truncate),
    ]
}

impl Mutation {
    fn apply(&self, stream: &mut Vec<u8>) {
        if stream.is_empty() {
            return;
        }
        let at = |index: &Index| index.index(stream.len());
        match self {
            Self::Flip(index, bit) => {
                let at = at(index);
                stream[at] ^= 1 << bit;
            }
            Self::Set(index, byte) => {
                let at = at(index);
                stream[at] = *byte;
            }
            Self::Insert(index, bytes) => {
                let at = at(index);
                stream.splice(at..at, bytes.iter().copied());
            }
            Self::Remove(index, count) => {
                let at = at(index);
                let end = stream.len().min(at + count);
                stream.drain(at..end);
            }
            Self::Truncate(index) => {
                let at = at(index);
                stream.truncate(at);
            }
        }
    }
}

/// The end of a conversation: mostly with a code that may be sent.
fn close() -> impl Strategy<Value = Frame> {
    let code = prop_oneof![4 => proptest::sample::select(&[1000, 1001, 1011, 1014, 3000, 4999][..]), 1 => any::<u16>()];
    let payload = prop_oneof![
        1 => Just(Vec::new()),
        4 => (code, "\\PC{0,12}").prop_map(|(code, why)| [&code.to_be_bytes(), why.as_bytes()].concat()),
    ];
    payload.prop_map(|payload| Frame::new(0x88, payload))
}

/// Bytes a client might send, right, nearly right or wrong.
pub(crate) fn stream(bytes_max: usize) -> impl Strategy<Value = Vec<u8>> {
    let frames = prop_oneof![conversation(bytes_max).boxed(), vec(any_frame(), 0..10).boxed()];
    (frames, proptest::option::of(close()), vec(mutation(), 0..4)).prop_map(|(frames, close, mutations)| {
        let mut stream = stream_of(frames.iter().chain(&close));
        mutations.iter().for_each(|mutation| mutation.apply(&mut stream));
        stream
    })
}
