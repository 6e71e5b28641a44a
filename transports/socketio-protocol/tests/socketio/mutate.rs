//! Packets as programs do not send them.

use proptest::prelude::*;

use crate::generate::Message;

/// What is put into texts: pieces of the grammar, whole and broken.
const PIECES: [&str; 36] = [
    "0",
    "1",
    "5",
    "10",
    "11",
    "-",
    "1-",
    "2-",
    ",",
    "/",
    "/a,",
    "?t=1",
    "[",
    "]",
    "{",
    "}",
    "[]",
    "{}",
    "\"",
    "\\",
    ":",
    " ",
    "\n",
    ".",
    "e1",
    "null",
    "true",
    "\"connect\"",
    "\"disconnecting\",",
    "[1],",
    "{\"_placeholder\":true,\"num\":0}",
    "{\"num\":1,\"_placeholder\":true},",
    "\"_placeholder\":true,",
    "\"num\":0,",
    "\u{e4}",
    "18446744073709551616",
];

/// What is done to a packet's messages. Places are shares of the length, so that they fit any text.
#[derive(Clone, Debug)]
pub(crate) enum Mutation {
    Insert(prop::sample::Index, &'static str),
    Remove(prop::sample::Index, usize),
    Replace(prop::sample::Index, &'static str),
    Byte(prop::sample::Index, u8),
    DropMessage(prop::sample::Index),
    AddMessage(prop::sample::Index, Message),
}

pub(crate) fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let piece = || prop::sample::select(PIECES.to_vec());
    let added = prop_oneof![Just(Message::Binary(vec![1])), Just(Message::Text("2[\"a\"]".into()))];
    let one = prop_oneof![
        6 => (any::<prop::sample::Index>(), piece()).prop_map(|(at, piece)| Mutation::Insert(at, piece)),
        4 => (any::<prop::sample::Index>(), 1_usize..4).prop_map(|(at, len)| Mutation::Remove(at, len)),
        4 => (any::<prop::sample::Index>(), piece()).prop_map(|(at, piece)| Mutation::Replace(at, piece)),
        2 => (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(at, byte)| Mutation::Byte(at, byte)),
        1 => any::<prop::sample::Index>().prop_map(Mutation::DropMessage),
        1 => (any::<prop::sample::Index>(), added).prop_map(|(at, message)| Mutation::AddMessage(at, message)),
    ];
    proptest::collection::vec(one, 1..4)
}

/// The messages after all of it. Near the front of a text more happens than behind.
pub(crate) fn mutate(mut messages: Vec<Message>, mutations: &[Mutation]) -> Vec<Message> {
    for mutation in mutations {
        match mutation {
            Mutation::DropMessage(at) if !messages.is_empty() => drop(messages.remove(at.index(messages.len()))),
            Mutation::AddMessage(at, message) => messages.insert(at.index(messages.len() + 1), message.clone()),
            _ => match messages.first_mut() {
                Some(Message::Text(text)) => *text = mutate_text(text, mutation),
                Some(Message::Binary(bytes)) => mutate_bytes(bytes, mutation),
                None => {}
            },
        }
    }
    messages
}

fn mutate_text(text: &str, mutation: &Mutation) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    let chars_len = chars.len();
    match mutation {
        Mutation::Insert(at, piece) => splice(&mut chars, near_front(at, chars_len), 0, piece.chars()),
        Mutation::Remove(at, len) => splice(&mut chars, near_front(at, chars_len), *len, []),
        Mutation::Replace(at, piece) => splice(&mut chars, near_front(at, chars_len), 1, piece.chars()),
        Mutation::Byte(at, byte) => splice(&mut chars, near_front(at, chars_len), 1, [char::from(byte % 128)]),
        Mutation::DropMessage(_) | Mutation::AddMessage(..) => {}
    }
    chars.into_iter().collect()
}

fn mutate_bytes(bytes: &mut Vec<u8>, mutation: &Mutation) {
    let places = bytes.len() + 1;
    match mutation {
        Mutation::Insert(at, piece) => splice(bytes, at.index(places), 0, piece.bytes()),
        Mutation::Remove(at, len) => splice(bytes, at.index(places), *len, []),
        Mutation::Replace(at, piece) => splice(bytes, at.index(places), 1, piece.bytes()),
        Mutation::Byte(at, byte) => splice(bytes, at.index(places), 1, [*byte]),
        Mutation::DropMessage(_) | Mutation::AddMessage(..) => {}
    }
}

/// Every second place is one of the first twelve: there is most of the grammar.
fn near_front(at: &prop::sample::Index, len: usize) -> usize {
    let place = at.index(2 * len + 2);
    if place.is_multiple_of(2) { place / 2 } else { (place / 2) % (len + 1).min(12) }
}

fn splice<T>(all: &mut Vec<T>, start: usize, removed: usize, added: impl IntoIterator<Item = T>) {
    let end = (start + removed).min(all.len());
    all.splice(start..end, added);
}
