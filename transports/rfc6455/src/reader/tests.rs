use super::*;

#[derive(Debug, PartialEq, Eq)]
enum Got {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>),
}

impl From<Input<'_>> for Got {
    fn from(input: Input<'_>) -> Self {
        match input {
            Input::Text(text) => Self::Text(text.to_owned()),
            Input::Binary(bytes) => Self::Binary(bytes.to_vec()),
            Input::Ping(bytes) => Self::Ping(bytes.to_vec()),
            Input::Pong(bytes) => Self::Pong(bytes.to_vec()),
            Input::Close(code) => Self::Close(code.map(u16::from)),
        }
    }
}

const LIMITS: Limits = Limits { message_bytes_max: 10, fragments_max: 3 };

/// A masked frame; `first` is FIN, RSV and opcode.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first, 0x80 | payload.len() as u8, 0x37, 0xfa, 0x21, 0x3d];
    assert!(payload.len() < 126);
    let head = bytes.len();
    bytes.extend_from_slice(payload);
    unmask(&mut bytes[head..], [0x37, 0xfa, 0x21, 0x3d]);
    bytes
}

fn read(reader: &mut Reader, input: &[u8]) -> (Vec<Got>, Result<Progress, ReadError>) {
    let mut got = Vec::new();
    let result = reader.read(&mut input.to_vec(), &LIMITS, |input| {
        got.push(input.into());
        ControlFlow::Continue(())
    });
    (got, result)
}

fn read_all(frames: &[Vec<u8>]) -> (Vec<Got>, Result<Progress, ReadError>) {
    read(&mut Reader::new(), &frames.concat())
}

fn error(frames: &[Vec<u8>]) -> ReadError {
    let mut reader = Reader::new();
    let error = read(&mut reader, &frames.concat()).1.unwrap_err();
    assert!(reader.is_ended());
    assert_eq!(reader.fragment_bytes(), 0);
    error
}

#[test]
fn a_reader_is_small() {
    assert!(size_of::<Reader>() <= 16, "{}", size_of::<Reader>());
}

#[test]
fn whole_messages_and_control_frames() {
    let frames = [frame(0x81, b"Hello"), frame(0x82, &[0, 255]), frame(0x89, b"?"), frame(0x8a, b""), frame(0x81, b"")];
    let (got, progress) = read_all(&frames);
    let expected = [
        Got::Text("Hello".into()),
        Got::Binary(vec![0, 255]),
        Got::Ping(b"?".into()),
        Got::Pong(vec![]),
        Got::Text(String::new()),
    ];
    assert_eq!(got, expected);
    assert_eq!(progress, Ok(Progress { used: frames.concat().len(), want: 0 }));
}

#[test]
fn fragments_with_control_frames_between() {
    let frames = [frame(0x01, "é".as_bytes()), frame(0x89, b"a"), frame(0x00, b"\xe2"), frame(0x80, b"\x82\xac")];
    let (got, progress) = read_all(&frames);
    assert_eq!(got, [Got::Ping(b"a".into()), Got::Text("é€".into())]);
    assert!(progress.is_ok());
}

#[test]
fn the_fragment_buffer_lives_as_long_as_the_message() {
    let mut reader = Reader::new();
    read(&mut reader, &frame(0x02, b"abc")).1.unwrap();
    read(&mut reader, &frame(0x00, b"de")).1.unwrap();
    assert_eq!(reader.fragment_bytes(), 5);
    let (got, _) = read(&mut reader, &frame(0x80, b"f"));
    assert_eq!(got, [Got::Binary(b"abcdef".into())]);
    assert!(reader.fragments.is_none());
    read(&mut reader, &frame(0x02, b"abc")).1.unwrap();
    read(&mut reader, &frame(0x88, b"")).1.unwrap();
    assert!(reader.fragments.is_none(), "a close ends an open message too");
}

#[test]
fn continuations_out_of_place() {
    assert_eq!(error(&[frame(0x80, b"")]), ReadError::ContinuationUnexpected);
    assert_eq!(error(&[frame(0x00, b"")]), ReadError::ContinuationUnexpected);
    assert_eq!(error(&[frame(0x81, b"a"), frame(0x80, b"")]), ReadError::ContinuationUnexpected);
    assert_eq!(error(&[frame(0x01, b"a"), frame(0x81, b"")]), ReadError::ContinuationExpected);
    assert_eq!(error(&[frame(0x01, b"a"), frame(0x02, b"")]), ReadError::ContinuationExpected);
}

#[test]
fn a_message_has_a_limit_of_bytes_over_all_fragments() {
    assert!(read_all(&[frame(0x82, &[0; 10])]).1.is_ok());
    assert!(read_all(&[frame(0x02, &[0; 5]), frame(0x80, &[0; 5])]).1.is_ok());
    let (bytes, max) = (11, 10);
    assert_eq!(error(&[frame(0x82, &[0; 11])]), ReadError::MessageTooLarge { bytes, max });
    assert_eq!(error(&[frame(0x02, &[0; 5]), frame(0x80, &[0; 6])]), ReadError::MessageTooLarge { bytes, max });
    assert_eq!(error(&[frame(0x01, b"\xc3"), frame(0x80, &[0; 10])]), ReadError::MessageTooLarge { bytes, max });
    assert!(read_all(&[frame(0x89, &[0; 125])]).1.is_ok(), "a ping is not a message");
}

#[test]
fn a_message_has_a_limit_of_fragments() {
    let (start, more, last) = (frame(0x02, b""), frame(0x00, b""), frame(0x80, b""));
    assert!(read_all(&[start.clone(), more.clone(), last.clone()]).1.is_ok());
    let max = 3;
    assert_eq!(error(&[start.clone(), more.clone(), more.clone(), last]), ReadError::TooManyFragments { max });
    assert_eq!(error(&[start, more.clone(), more.clone(), more]), ReadError::TooManyFragments { max });
}

#[test]
fn a_limit_of_no_fragments_lets_whole_messages_pass() {
    let limits = Limits { message_bytes_max: 10, fragments_max: 0 };
    let read = |mut frame: Vec<u8>| Reader::new().read(&mut frame, &limits, |_| ControlFlow::Continue(()));
    assert!(read(frame(0x82, b"whole")).is_ok());
    assert_eq!(read(frame(0x02, b"begun")), Err(ReadError::TooManyFragments { max: 0 }));
}

#[test]
fn a_bad_frame_is_refused_before_its_payload_is_there() {
    let huge = [0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
    let too_large = ReadError::MessageTooLarge { bytes: u64::MAX >> 1, max: 10 };
    assert_eq!(read(&mut Reader::new(), &huge).1, Err(too_large));
    assert_eq!(
        read(&mut Reader::new(), &frame(0x82, &[0; 11])[..6]).1.map(|_| ()).unwrap_err().close_code(),
        CloseCode::Size
    );
    assert_eq!(read(&mut Reader::new(), &frame(0x80, &[0; 9])[..6]).1, Err(ReadError::ContinuationUnexpected));
}

#[test]
fn without_a_limit_of_bytes_no_length_overflows() {
    let limits = Limits { message_bytes_max: usize::MAX, fragments_max: 3 };
    let mut huge = [0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
    let progress = Reader::new().read(&mut huge, &limits, |_| ControlFlow::Continue(()));
    assert_eq!(progress.map(|p| p.used), Ok(0));
}

#[test]
fn text_must_be_utf8() {
    assert_eq!(error(&[frame(0x81, b"\xff")]), ReadError::NotUtf8);
    assert_eq!(error(&[frame(0x81, b"\xe2\x82")]), ReadError::NotUtf8);
    assert_eq!(error(&[frame(0x01, b"\xe2\x82"), frame(0x80, b"")]), ReadError::NotUtf8);
    assert_eq!(error(&[frame(0x01, b"\xed"), frame(0x00, b"\xa0")]), ReadError::NotUtf8);
    assert!(read_all(&[frame(0x82, b"\xff")]).1.is_ok());
}

#[test]
fn what_came_before_an_error_is_handed_out() {
    let (got, result) = read_all(&[frame(0x81, b"one"), frame(0xc1, b"two"), frame(0x81, b"three")]);
    assert_eq!(got, [Got::Text("one".into())]);
    assert_eq!(result, Err(ReadError::ReservedBits));
}

#[test]
fn after_a_close_or_an_error_all_input_is_ignored() {
    let mut reader = Reader::new();
    let frames = [frame(0x88, &1000u16.to_be_bytes()), frame(0x81, b"late"), vec![0xff; 3]].concat();
    let (got, progress) = read(&mut reader, &frames);
    assert_eq!(got, [Got::Close(Some(1000))]);
    assert_eq!(progress, Ok(Progress { used: frames.len(), want: 0 }));
    assert_eq!(read(&mut reader, b"anything"), (vec![], Ok(Progress { used: 8, want: 0 })));

    let mut reader = Reader::new();
    read(&mut reader, &frame(0xf1, b"")).1.unwrap_err();
    assert_eq!(read(&mut reader, &frame(0x81, b"late")), (vec![], Ok(Progress { used: 10, want: 0 })));
}

#[test]
fn bad_closes_are_errors() {
    assert_eq!(error(&[frame(0x88, b"\x03")]), ReadError::CloseTruncated);
    assert_eq!(error(&[frame(0x88, &999u16.to_be_bytes())]), ReadError::CloseCodeInvalid(999));
    assert_eq!(error(&[frame(0x88, b"\x03\xe8\xff")]), ReadError::NotUtf8);
}

#[test]
fn the_state_of_closing() {
    let mut reader = Reader::new();
    assert!(!reader.is_close_sent() && !reader.is_close_received() && !reader.is_closed() && !reader.is_ended());
    reader.set_close_sent();
    assert!(reader.is_close_sent() && !reader.is_closed() && !reader.is_ended());
    let (got, _) = read(&mut reader, &[frame(0x81, b"under way"), frame(0x88, b"")].concat());
    assert_eq!(got, [Got::Text("under way".into()), Got::Close(None)]);
    assert!(reader.is_close_received() && reader.is_closed() && reader.is_ended());
}

#[test]
fn a_break_leaves_the_rest_for_the_next_call() {
    let (one, two) = (frame(0x81, b"one"), frame(0x81, b"two"));
    let mut input = [one.clone(), two].concat();
    let mut reader = Reader::new();
    let progress = reader.read(&mut input, &LIMITS, |_| ControlFlow::Break(()));
    assert_eq!(progress, Ok(Progress { used: one.len(), want: 0 }));
    let (got, _) = read(&mut reader, &input[one.len()..]);
    assert_eq!(got, [Got::Text("two".into())]);
}

#[test]
fn want_is_the_length_of_the_frame_as_soon_as_it_is_known() {
    let limits = Limits { message_bytes_max: 70_000, fragments_max: 3 };
    let want = |input: &[u8]| Reader::new().read(&mut input.to_vec(), &limits, |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(want(&[]), Progress { used: 0, want: 0 });
    assert_eq!(want(&[0x81]), Progress { used: 0, want: 2 });
    assert_eq!(want(&[0x81, 0x85]), Progress { used: 0, want: 6 });
    assert_eq!(want(&[0x81, 0x85, 0, 0, 0, 0]), Progress { used: 0, want: 11 });
    assert_eq!(want(&[0x82, 0xfe, 0x01, 0x00, 0, 0, 0, 0, 9, 9]), Progress { used: 0, want: 8 + 256 });
    assert_eq!(want(&[0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]), Progress { used: 0, want: 14 + 65_536 });
    assert_eq!(want(&[0x89, 0x80, 0, 0, 0, 0, 0x81, 0x85, 1]), Progress { used: 6, want: 6 });
}
