use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use super::testing::{TlsFar, VERSIONS, connected};
use super::*;
use crate::link::MemoryLink;

/// The header of a record, its padding, and what authenticates it; at most.
const RECORD_COST: usize = 5 + 256;

fn noop() -> &'static Waker {
    Waker::noop()
}

/// Bytes that differ from their neighbours.
fn pattern(count: usize) -> Vec<u8> {
    (0..count).map(|n| (n % 251) as u8).collect()
}

/// Reads what is there, `space` bytes at a time.
fn read_all(link: &mut TlsLink<MemoryLink>, space: usize) -> io::Result<Vec<u8>> {
    let (mut all, mut into) = (Vec::new(), vec![0; space]);
    loop {
        match link.read(noop(), &mut into) {
            Ok(0) => return Ok(all),
            Ok(count) => all.extend_from_slice(&into[..count]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(all),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Writes all, and reads at the other side whenever nothing more is taken.
fn write_all(link: &mut TlsLink<MemoryLink>, far: &mut TlsFar, bytes: &[u8]) -> Vec<u8> {
    let (mut taken, mut got) = (0, Vec::new());
    while taken < bytes.len() || link.held() > 0 {
        match link.write(noop(), &bytes[taken..]) {
            Ok(count) => taken += count,
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
        }
        assert!(link.held() <= HELD_BYTES_MAX + 5 * RECORD_COST, "{} bytes held", link.held());
        got.extend(far.receive().unwrap());
    }
    got.extend(far.receive().unwrap());
    got
}

#[test]
fn messages_go_both_ways_and_leave_no_memory_behind() {
    for version in VERSIONS {
        let (mut link, mut far) = connected(version, usize::MAX);
        for size in [1, 100, 16_384, 16_385, 100_000] {
            let bytes = pattern(size);
            assert_eq!(write_all(&mut link, &mut far, &bytes), bytes, "{size} bytes out");
            far.send(&bytes);
            assert_eq!(read_all(&mut link, 1 << 16).unwrap(), bytes, "{size} bytes in");
        }
        assert_eq!((link.held(), link.unsent.capacity()), (0, 0));
    }
}

#[test]
fn a_stream_that_takes_little_gets_all_in_order() {
    let bytes = pattern(150_000);
    for version in VERSIONS {
        for room in [1, 5, 6, 1_000, 16_384 + 22, 70_000] {
            let (mut link, mut far) = connected(version, room);
            // One byte of room is made at a time, so not all of it.
            let bytes = if room < 100 { &bytes[..2_000] } else { &bytes };
            assert_eq!(write_all(&mut link, &mut far, bytes), bytes, "room for {room}");
        }
    }
}

#[test]
fn while_ciphertext_waits_nothing_more_is_encrypted() {
    for version in VERSIONS {
        let (mut link, mut far) = connected(version, 100);
        let taken = link.write(noop(), &pattern(1 << 20)).unwrap();
        assert_eq!(taken, HELD_BYTES_MAX);
        let held = link.held();
        assert!((HELD_BYTES_MAX - 100..HELD_BYTES_MAX + 5 * RECORD_COST).contains(&held), "{held}");
        for _ in 0..3 {
            assert_eq!(link.write(noop(), b"more").unwrap_err().kind(), io::ErrorKind::WouldBlock);
            assert_eq!(link.held(), held);
        }
        far.receive().unwrap();
        assert_eq!(link.write(noop(), b"").unwrap(), 0, "only moves on what waits");
        assert_eq!(link.held(), held - 100);
    }
}

#[test]
fn input_is_read_into_whatever_room_there_is() {
    let bytes = pattern(100_000);
    for version in VERSIONS {
        for space in [1, 7, 100, 4_096, 16_384, 1 << 16] {
            for cut in [1, 4, 5, 6, 20, 16_384, 16_500, 99_000] {
                let (mut link, mut far) = connected(version, usize::MAX);
                far.tls.writer().write_all(&bytes).unwrap();
                let ciphertext = far.ciphertext();
                let mut got = Vec::new();
                for part in [&ciphertext[..cut], &ciphertext[cut..]] {
                    far.far.send(part);
                    got.extend(read_all(&mut link, space).unwrap());
                }
                assert!(got == bytes, "{space} bytes at a time, cut at {cut}: {} of {} bytes", got.len(), bytes.len());
            }
        }
    }
}

#[test]
fn plaintext_that_found_no_room_is_told_of() {
    let (mut link, mut far) = connected(VERSIONS[1], usize::MAX);
    far.tls.writer().write_all(&pattern(10_000)).unwrap();
    let ciphertext = far.ciphertext();
    let (start, end) = ciphertext.split_at(9_000);
    far.far.send(start);
    assert_eq!(link.read(noop(), &mut [0; 16_384]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    far.far.send(end);
    assert!(link.read(noop(), &mut [0; 2_000]).unwrap() > 0);
    assert!(link.rearm(noop()), "the stream is empty, rustls is not");
    assert_eq!(read_all(&mut link, 16_384).unwrap().len(), 10_000 - end.len());
    assert!(!link.rearm(noop()));
}

#[test]
fn ends_with_and_without_a_goodbye_are_ends() {
    for version in VERSIONS {
        let (mut link, mut far) = connected(version, usize::MAX);
        far.tls.writer().write_all(b"last words").unwrap();
        far.tls.send_close_notify();
        let ciphertext = far.ciphertext();
        far.far.send(&ciphertext);
        far.far.send(b"what comes after it is nothing");
        let mut into = [0; 100];
        assert_eq!(link.read(noop(), &mut into).unwrap(), 10);
        assert!(link.rearm(noop()));
        assert_eq!(link.read(noop(), &mut into).unwrap(), 0);
        assert_eq!(link.write(noop(), b"the other way is open").unwrap(), 21);
        assert_eq!(far.receive().unwrap(), b"the other way is open");

        let (mut link, mut far) = connected(version, usize::MAX);
        far.send(b"whole");
        far.tls.writer().write_all(b"cut").unwrap();
        let ciphertext = far.ciphertext();
        far.far.send(&ciphertext[..ciphertext.len() - 1]);
        far.far.end();
        assert_eq!(link.read(noop(), &mut into).unwrap(), 5);
        assert_eq!(link.read(noop(), &mut into).unwrap(), 0);

        let (mut link, far) = connected(version, usize::MAX);
        far.far.send(&ciphertext[..3]);
        far.far.break_off();
        assert_eq!(link.read(noop(), &mut into).unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    }
}

#[test]
fn our_own_end_says_goodbye_once_all_is_sent() {
    for version in VERSIONS {
        let (mut link, mut far) = connected(version, 10);
        link.write(noop(), b"bye").unwrap();
        let mut rounds = 0;
        while !link.end(noop()) {
            assert!(!far.far.is_ended());
            assert_eq!(far.receive().map(|plain| plain.len() % 3).unwrap(), 0);
            rounds += 1;
        }
        assert!(rounds > 1 && far.far.is_ended());
        far.receive().unwrap();
        assert!(far.heard_goodbye());
    }
}

#[test]
fn garbage_is_an_error_and_answered_by_an_alert() {
    for version in VERSIONS {
        for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[23, 3, 3, 0, 32, 9, 9, 9, 9], &[0xff; 40]] {
            let (mut link, mut far) = connected(version, usize::MAX);
            far.send(b"fine");
            far.far.send(garbage);
            far.far.send(&[9; 60]);
            let error = read_all(&mut link, 1 << 16).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
            let alert = far.receive().unwrap_err();
            assert!(alert.to_string().contains("alert"), "{alert}");
        }
    }
}

#[test]
fn the_peer_may_change_its_keys_and_ask_for_ours() {
    let (mut link, mut far) = connected(VERSIONS[1], usize::MAX);
    for n in 0..100 {
        far.tls.refresh_traffic_keys().unwrap();
        let word = format!("word {n}");
        far.send(word.as_bytes());
        assert_eq!(read_all(&mut link, 4_096).unwrap(), word.as_bytes());
        assert_eq!(write_all(&mut link, &mut far, word.as_bytes()), word.as_bytes());
    }
    for _ in 0..100 {
        far.tls.refresh_traffic_keys().unwrap();
    }
    let ciphertext = far.ciphertext();
    far.far.send(&ciphertext);
    assert_eq!(
        read_all(&mut link, 4_096).unwrap_err().kind(),
        io::ErrorKind::InvalidData,
        "a flood of them is refused"
    );
}

#[test]
fn key_changes_of_a_peer_that_does_not_read_wait_in_little_memory() {
    let (mut link, mut far) = connected(VERSIONS[1], 0);
    assert_eq!(link.write(noop(), b"stuck").unwrap(), 5);
    let held = link.held();
    for _ in 0..1_000 {
        far.tls.refresh_traffic_keys().unwrap();
        far.send(b"more");
        assert_eq!(read_all(&mut link, 4_096).unwrap(), b"more");
        assert!(link.write(noop(), b"refused").is_err());
    }
    assert!(link.held() <= held + RECORD_COST, "{} bytes", link.held());
}

#[test]
fn what_was_left_unsent_goes_on_when_there_is_room() {
    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let (mut link, mut far) = connected(VERSIONS[1], 10);
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&count));
    // As the handshake may leave it, or an alert.
    link.tls.writer().write_all(b"left behind").unwrap();
    let (mut got, mut rounds) = (Vec::new(), 0);
    while got.is_empty() {
        assert_eq!(link.read(&waker, &mut [0; 100]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        got = far.receive().unwrap();
        rounds += 1;
    }
    assert_eq!(got, b"left behind");
    assert!(rounds > 2, "{rounds}");
    // Each time it is taken, the stream wakes who waits to read, and who waits to write.
    assert!(count.0.load(Ordering::Relaxed) >= 2 * (rounds - 1), "{:?} of {rounds}", count.0);
}
