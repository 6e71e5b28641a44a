use super::*;
use roomcast::Key;

fn gather(log: &TurnLog, spans: Spans) -> Vec<u8> {
    log.pieces(spans).flat_map(|piece| piece.as_slice().to_vec()).collect()
}

fn frames(log: &TurnLog, spans: Spans) -> Vec<(Vec<u8>, Class)> {
    log.frames(spans).map(|(frame, note)| (frame.as_slice().to_vec(), note.class)).collect()
}

#[test]
fn neighbours_merge_and_others_chain() {
    let (mut log, mut a, mut b) = (TurnLog::default(), Spans::EMPTY, Spans::EMPTY);
    let (one, two, three) = (
        log.append(Audience::Many, b"one", Note::message(Class::Reliable)),
        log.append(Audience::Many, b"two", Note::message(Class::Reliable)),
        log.append(Audience::Many, b"three", Note::message(Class::Reliable)),
    );
    assert!(log.give(&mut a, one), "its first");
    assert!(!log.give(&mut a, two));
    assert_eq!(log.contiguous(&a), Some(&b"onetwo"[..]));
    log.give(&mut b, one);
    log.give(&mut b, three);
    assert_eq!(log.contiguous(&b), None);
    assert_eq!(gather(&log, b), b"onethree");
    let four = log.append(Audience::Many, b"four", Note::message(Class::Reliable));
    log.give(&mut b, four);
    assert_eq!((gather(&log, b), log.links.len()), (b"onethreefour".to_vec(), 1));
}

#[test]
fn frames_keep_their_ends_and_classes_inside_merged_spans() {
    let (mut log, mut spans) = (TurnLog::default(), Spans::EMPTY);
    let latest = Class::Latest(Key::from(7));
    let expected = [("a", Class::Reliable), ("bb", Class::Volatile), ("ccc", latest), ("d", Class::Reliable)];
    for (bytes, class) in expected {
        let span = log.append(Audience::Many, bytes.as_bytes(), Note::message(class));
        log.give(&mut spans, span);
    }
    let expected: Vec<_> = expected.iter().map(|(bytes, class)| (bytes.as_bytes().to_vec(), *class)).collect();
    assert_eq!(frames(&log, spans), expected);
    let mut tail = Spans::EMPTY;
    log.give(&mut tail, Span { start: 1, end: 6 });
    assert_eq!(frames(&log, tail), expected[1..3]);
}

#[test]
fn large_frames_are_shared_and_merge_too() {
    let (mut log, mut spans) = (TurnLog::default(), Spans::EMPTY);
    let large = vec![7; SHARED_BYTES];
    let small = log.append(Audience::Many, b"small", Note::message(Class::Reliable));
    log.give(&mut spans, small);
    for class in [Class::Volatile, Class::Reliable] {
        let mut encoded = BytesMut::from(&large[..]);
        let span = log.append_encoded(Audience::Many, &mut encoded, Note::message(class));
        log.give(&mut spans, span);
    }
    assert_eq!((log.common.bytes.len(), log.links.len()), (5, 1));
    let got = frames(&log, spans);
    assert_eq!(
        got.iter().map(|(bytes, class)| (bytes.len(), *class)).collect::<Vec<_>>(),
        [(5, Class::Reliable), (SHARED_BYTES, Class::Volatile), (SHARED_BYTES, Class::Reliable)]
    );
    assert_eq!(gather(&log, spans).len(), 5 + 2 * SHARED_BYTES);
}

#[test]
fn an_empty_frame_is_nothing() {
    let (mut log, mut spans) = (TurnLog::default(), Spans::EMPTY);
    let nothing = log.append(Audience::Many, b"", Note::message(Class::Volatile));
    assert!(!log.give(&mut spans, nothing));
    assert!(spans.is_empty() && log.is_empty());
}

#[test]
fn full_by_bytes_and_by_shared_frames() {
    let mut log = TurnLog::default();
    while !log.is_full() {
        log.append(Audience::Many, &[0; 64], Note::message(Class::Reliable));
    }
    assert_eq!(log.bytes(), BYTES_MAX);
    log.clear();
    for _ in 0..BYTES_MAX / SHARED_BYTES {
        assert!(!log.is_full());
        log.append_shared(Bytes::from_static(b"x"), Note::message(Class::Reliable));
    }
    assert!(log.is_full());
}

#[test]
fn what_is_for_one_does_not_keep_others_from_merging() {
    let (mut log, mut all, mut asker) = (TurnLog::default(), Spans::EMPTY, Spans::EMPTY);
    for n in 0..3_u8 {
        let message = log.append(Audience::Many, &[b'm', n], Note::message(Class::Reliable));
        let answer = log.append(Audience::One, &[b'a', n], Note::message(Class::Volatile));
        log.give(&mut all, message);
        log.give(&mut asker, message);
        log.give(&mut asker, answer);
    }
    assert_eq!(log.contiguous(&all), Some(&b"m\0m\x01m\x02"[..]));
    assert_eq!(gather(&log, asker), b"m\0a\0m\x01a\x01m\x02a\x02");
    let expected = [(b"m\x01".to_vec(), Class::Reliable), (b"a\x01".to_vec(), Class::Volatile)];
    assert_eq!(frames(&log, asker)[2..4], expected);
    log.clear();
    assert!(log.is_empty());
}

#[test]
fn messages_are_counted_and_a_protocols_own_words_are_not() {
    let (mut log, mut spans) = (TurnLog::default(), Spans::EMPTY);
    let large = [0; SHARED_BYTES];
    let frames: [(Audience, &[u8], Note); 6] = [
        (Audience::Many, b"01", Note::message(Class::Reliable)),
        (Audience::One, b"23", Note::OWN),
        (Audience::One, b"45", Note::message(Class::Reliable)),
        (Audience::Many, b"67", Note::OWN),
        (Audience::Many, &large, Note::OWN),
        (Audience::Many, &large, Note { class: Class::Reliable, messages: 3 }),
    ];
    for (audience, frame, note) in frames {
        let span = log.append(audience, frame, note);
        log.give(&mut spans, span);
    }
    let left = |sent| log.messages(spans, sent);
    assert_eq!([0, 1, 2, 5, 6, 8 + 2 * SHARED_BYTES - 1, 8 + 2 * SHARED_BYTES].map(left), [5, 5, 4, 4, 3, 3, 0]);
    assert_eq!(log.messages(Spans::EMPTY, 0), 0);
}
