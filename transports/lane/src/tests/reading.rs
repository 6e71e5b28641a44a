//! Bytes in: cut anywhere, partial, held.

use std::sync::{Arc, Mutex};

use bytes::Bytes;

use super::talk::{ROOMY, Stage};
use crate::{Close, Context, Progress, Protocol, Stream};

/// Frames of a length in four bytes and that many bytes; notes each, and how it was called.
#[derive(Clone, Default)]
struct Lengths {
    frames: Arc<Mutex<Vec<Vec<u8>>>>,
    calls: Arc<Mutex<Vec<usize>>>,
}

impl Protocol for Lengths {
    fn handle_open(&mut self, _cx: &mut Context<'_>) {}

    fn handle_input(&mut self, input: &mut [u8], _cx: &mut Context<'_>) -> Result<Progress, Close> {
        self.calls.lock().unwrap().push(input.len());
        let mut used = 0;
        while let Some((head, rest)) = input[used..].split_first_chunk::<4>() {
            let length = u32::from_be_bytes(*head) as usize;
            if rest.len() < length {
                return Ok(Progress::used(used).wanting(4 + length));
            }
            self.frames.lock().unwrap().push(rest[..length].to_vec());
            used += 4 + length;
        }
        Ok(Progress::used(used).wanting(4))
    }
}

fn frame(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes()[..], bytes].concat()
}

#[test]
fn frames_cut_anywhere_are_whole() {
    let frames: Vec<Vec<u8>> = [0, 1, 5, 300, 3_000].map(|length| vec![length as u8; length]).to_vec();
    let stream: Vec<u8> = frames.iter().flat_map(|bytes| frame(bytes)).collect();
    for cut in 0..stream.len() {
        let mut stage = Stage::new();
        let lengths = Lengths::default();
        let protocol = lengths.clone();
        let client = stage.lane.connect(&stage.wire, ROOMY, move || OnLane(protocol));
        client.send(&stream[..cut]);
        stage.lane.run();
        client.send(&stream[cut..]);
        stage.lane.run();
        assert_eq!(*lengths.frames.lock().unwrap(), frames, "cut at {cut}");
    }
}

#[test]
fn byte_by_byte_the_protocol_is_called_only_when_it_helps() {
    let mut stage = Stage::new();
    let lengths = Lengths::default();
    let protocol = lengths.clone();
    let client = stage.lane.connect(&stage.wire, ROOMY, move || OnLane(protocol));
    for byte in frame(&[7; 5_000]) {
        client.send([byte]);
        stage.lane.run();
    }
    assert_eq!(lengths.frames.lock().unwrap().len(), 1);
    assert_eq!(*lengths.calls.lock().unwrap(), [1, 4, 5_004], "one byte, the head, the whole");
}

#[test]
fn a_large_frame_passes_through_a_buffer_that_goes_again() {
    let mut stage = Stage::new();
    let lengths = Lengths::default();
    let protocol = lengths.clone();
    let client = stage.lane.connect(&stage.wire, ROOMY, move || OnLane(protocol));
    let large = frame(&vec![9; 1 << 20]);
    client.send([&large[..], &frame(b"tail")].concat());
    stage.lane.run();
    let lengths = lengths.frames.lock().unwrap();
    assert_eq!(lengths.iter().map(Vec::len).collect::<Vec<_>>(), [1 << 20, 4]);
    assert_eq!(stage.lane.stats().bytes_in as usize, large.len() + 8);
}

#[test]
fn early_bytes_come_first() {
    let mut stage = Stage::new();
    let lengths = Lengths::default();
    let protocol = lengths.clone();
    let (link, far) = crate::link::MemoryLink::new(ROOMY);
    let stream = frame(b"one then two");
    far.send(&stream[6..]);
    let early = Bytes::copy_from_slice(&stream[..6]);
    stage.lane.adopt_stream(Stream::link(link), early, &stage.wire, move || OnLane(protocol));
    stage.lane.run();
    assert_eq!(*lengths.frames.lock().unwrap(), [b"one then two".to_vec()]);
}

#[test]
fn input_held_by_the_protocol_waits_and_loses_nothing() {
    /// Takes one byte, then holds until it is told to go on.
    struct Sip(std::sync::mpsc::Sender<crate::Port>);
    impl Protocol for Sip {
        fn handle_open(&mut self, cx: &mut Context<'_>) {
            self.0.send(cx.port()).unwrap();
        }
        fn handle_input(&mut self, input: &mut [u8], cx: &mut Context<'_>) -> Result<Progress, Close> {
            cx.queue(&input[..1]);
            cx.hold();
            Ok(Progress::used(1))
        }
        fn handle_message(&mut self, _: Box<dyn std::any::Any + Send>, cx: &mut Context<'_>) -> Result<(), Close> {
            cx.release();
            Ok(())
        }
    }
    let mut stage = Stage::new();
    let (sender, ports) = std::sync::mpsc::channel();
    let client = stage.lane.connect(&stage.wire, ROOMY, move || Sip(sender));
    client.send("abc");
    stage.lane.run();
    let port = ports.recv().unwrap();
    let mut got = client.receive_text();
    client.send("de");
    for _ in 0..4 {
        stage.lane.run();
        assert_eq!(client.receive_text(), "", "held");
        port.send(());
        stage.lane.run();
        got += &client.receive_text();
    }
    assert_eq!(got, "abcde");
}

#[test]
fn many_connections_are_read_in_turns() {
    let mut stage = Stage::new();
    let clients: Vec<_> = (0..50).map(|_| stage.client(ROOMY).0).collect();
    for client in &clients {
        client.send("echo hi\n".repeat(20));
    }
    stage.lane.run();
    for client in &clients {
        assert_eq!(client.receive_text(), "echo hi\n".repeat(20));
    }
}

#[test]
fn an_idle_connection_is_small() {
    use crate::lane::connection::{Attached, Connection};
    assert!(size_of::<Connection>() <= 240, "{} bytes", size_of::<Connection>());
    assert!(size_of::<Attached>() <= 112, "{} bytes", size_of::<Attached>());
    assert!(size_of::<crate::lanes::order::Order>() <= 112, "{} bytes", size_of::<crate::lanes::order::Order>());
}

/// What is shared with the test, on the lane.
struct OnLane(Lengths);

impl Protocol for OnLane {
    fn handle_open(&mut self, cx: &mut Context<'_>) {
        self.0.handle_open(cx);
    }

    fn handle_input(&mut self, input: &mut [u8], cx: &mut Context<'_>) -> Result<Progress, Close> {
        self.0.handle_input(input, cx)
    }
}
