use super::*;

const MAX: usize = 1 << 20;

fn outbox() -> Outbox {
    Outbox::new(&Arc::default(), Instant::now())
}

fn push(outbox: &mut Outbox, frame: &str, class: Class) -> Pushed {
    outbox.push(Frame::Log(frame.as_bytes()), Note::message(class), MAX)
}

fn latest(key: u64) -> Class {
    Class::Latest(Key::from(key))
}

/// Writes all out, `step` bytes at a time.
fn write_out(outbox: &mut Outbox, step: usize) -> String {
    let mut all = Vec::new();
    while !outbox.is_empty() {
        let chunk = outbox.chunk();
        let count = chunk.len().min(step);
        assert!(count > 0, "something waits, so there is something to write");
        all.extend_from_slice(&chunk[..count]);
        outbox.advance(count, Instant::now());
    }
    String::from_utf8(all).unwrap()
}

#[test]
fn control_goes_in_behind_the_first_piece_once_that_is_begun() {
    for step in [1, 2, 100] {
        let mut outbox = outbox();
        outbox.push_rest(Frame::Log(b"xxfirst."), 1, 2);
        let large = Bytes::from(vec![b'L'; SHARED_BYTES]);
        assert_eq!(outbox.push(Frame::Shared(&large), Note::message(Class::Reliable), MAX), Pushed::Kept);
        push(&mut outbox, "second.", Class::Reliable);
        assert!(outbox.push_control(b"pong.", MAX));
        assert!(outbox.push_control(b"pong2.", MAX));
        let all = write_out(&mut outbox, step);
        assert!(all.starts_with("first.pong.pong2.LLLL") && all.ends_with("LLsecond."), "{}", &all[..40]);
    }
}

#[test]
fn control_goes_first_when_nothing_is_begun_and_is_never_split() {
    let mut outbox = outbox();
    push(&mut outbox, "data.", Class::Reliable);
    outbox.push_control(b"ping.", MAX);
    outbox.advance(2, Instant::now());
    outbox.push_control(b"more.", MAX);
    assert_eq!(write_out(&mut outbox, 1), "ng.more.data.");
}

#[test]
fn what_comes_after_a_control_frame_stays_behind_it() {
    let mut outbox = outbox();
    outbox.push_rest(Frame::Log(b"xfirst."), 1, 1);
    push(&mut outbox, "same piece.", Class::Reliable);
    outbox.push_control(b"pong.", MAX);
    push(&mut outbox, "bye.", Class::Reliable);
    assert_eq!(write_out(&mut outbox, 1), "first.same piece.pong.bye.");
}

#[test]
fn latest_replaces_what_waits_and_keeps_the_order_of_the_rest() {
    let mut outbox = outbox();
    push(&mut outbox, "a1.", latest(1));
    push(&mut outbox, "x.", Class::Reliable);
    push(&mut outbox, "b1.", latest(2));
    assert_eq!(push(&mut outbox, "a2.", latest(1)), Pushed::Replaced);
    assert_eq!(push(&mut outbox, "v.", Class::Volatile), Pushed::Dropped);
    push(&mut outbox, "y.", Class::Reliable);
    assert_eq!(push(&mut outbox, "a3.", latest(1)), Pushed::Replaced);
    assert_eq!(write_out(&mut outbox, 3), "x.b1.y.a3.");
}

#[test]
fn latest_does_not_replace_what_the_peer_has_a_part_of() {
    let mut outbox = outbox();
    push(&mut outbox, "a1.", latest(1));
    outbox.advance(1, Instant::now());
    assert_eq!(push(&mut outbox, "a2.", latest(1)), Pushed::Kept);
    assert_eq!(push(&mut outbox, "a3.", latest(1)), Pushed::Replaced);
    assert_eq!(write_out(&mut outbox, 1), "1.a3.");
}

#[test]
fn endless_replacing_takes_no_memory() {
    let mut outbox = outbox();
    push(&mut outbox, "first.", Class::Reliable);
    for round in 0..10_000 {
        push(&mut outbox, "a.", latest(1));
        push(&mut outbox, "b.", latest(2));
        assert!(outbox.pieces.len() <= 100, "{} pieces in round {round}", outbox.pieces.len());
    }
    assert_eq!(write_out(&mut outbox, 7), "first.a.b.");
}

#[test]
fn a_frame_may_exceed_the_limit_and_the_next_one_may_not() {
    let mut outbox = outbox();
    let large = Bytes::from(vec![0; 2_000]);
    assert_eq!(outbox.push(Frame::Shared(&large), Note::message(Class::Reliable), 1_000), Pushed::Kept);
    assert_eq!(outbox.push(Frame::Log(b"x"), Note::message(Class::Reliable), 1_000), Pushed::Full);
    assert_eq!(
        outbox.push(Frame::Log(b"x"), Note::message(Class::Volatile), 1_000),
        Pushed::Dropped,
        "no reason to cut it off"
    );
    assert!(!outbox.push_control(b"x", 1_000));
    outbox.advance(2_000, Instant::now());
    assert_eq!(outbox.push(Frame::Log(b"x"), Note::message(Class::Reliable), 1_000), Pushed::Kept);
}

#[test]
fn small_frames_share_pieces() {
    let mut outbox = outbox();
    let frames = SHARED_BYTES / 8;
    for _ in 0..frames {
        push(&mut outbox, "01234567", Class::Reliable);
    }
    assert_eq!((outbox.pieces.len(), outbox.bytes()), (1, SHARED_BYTES));
    push(&mut outbox, "01234567", Class::Reliable);
    assert_eq!(outbox.pieces.len(), 2);
}

#[test]
fn the_account_is_settled_whatever_happens() {
    let account = Arc::<Account>::default();
    let mut outbox = Outbox::new(&account, Instant::now());
    push(&mut outbox, &"x".repeat(500), Class::Reliable);
    push(&mut outbox, &"y".repeat(600), latest(1));
    assert_eq!(account.used(), 1_100 + 2 * PIECE_COST as u64);
    push(&mut outbox, "y", latest(1));
    assert_eq!(account.used(), 501 + 2 * PIECE_COST as u64);
    outbox.push_control(b"zzz", MAX);
    outbox.advance(2, Instant::now());
    drop(outbox);
    assert_eq!(account.used(), 0);
    let mut outbox = Outbox::new(&account, Instant::now());
    push(&mut outbox, "12345", Class::Reliable);
    push(&mut outbox, "678", latest(3));
    outbox.advance(2, Instant::now());
    let drained = outbox.drain();
    let notes = [Class::Reliable, latest(3)].map(Note::message);
    assert_eq!(drained, [(Bytes::from("345"), notes[0]), (Bytes::from("678"), notes[1])]);
    assert!(outbox.is_empty() && account.used() == 0);
}

#[test]
fn messages_are_counted_until_their_piece_is_written() {
    let mut outbox = outbox();
    outbox.push_rest(Frame::Log(b"xfirst."), 1, 1);
    push(&mut outbox, "second.", Class::Reliable);
    outbox.push(Frame::Log(b"own."), Note::OWN, MAX);
    outbox.push_control(b"pong.", MAX);
    push(&mut outbox, "a1.", latest(1));
    push(&mut outbox, "a2.", latest(1));
    assert_eq!(outbox.messages(), 3);
    outbox.advance("first.second.own".len(), Instant::now());
    assert_eq!(outbox.messages(), 3, "the first piece is not written to its end");
    outbox.advance(1, Instant::now());
    assert_eq!(outbox.messages(), 1);
    assert_eq!(write_out(&mut outbox, 2), "pong.a2.");
    assert_eq!(outbox.messages(), 0);
}
