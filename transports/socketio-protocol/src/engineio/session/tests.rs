//! What each case of the protocol does, by hand. Random interleavings are in `tests/engineio`.

use super::*;
use crate::engineio::{BodyLimits, DataKind, Framing, PayloadBuilder, Records, Refusal, Revision::*, append_record};
use bytes::BytesMut;
use std::{convert::Infallible, time::Duration};

/// A session, what waits for it, and a clock.
struct Stage {
    session: Session,
    config: SessionConfig,
    now: Instant,
    waiting: BytesMut,
}

impl Stage {
    /// With periods of 25 s and 20 s, opened.
    fn new(revision: Revision, transport: Transport) -> Self {
        let session = Session::new(revision, transport);
        let config = SessionConfig::default();
        let mut stage = Self { session, config, now: Instant::now(), waiting: BytesMut::new() };
        stage.session.handle_open(stage.now, &stage.config);
        assert_eq!(stage.actions(), [Action::Open]);
        stage
    }

    fn actions(&mut self) -> Vec<Action> {
        std::iter::from_fn(|| self.session.poll_action()).collect()
    }

    /// Lets time pass, to the millisecond.
    fn pass(&mut self, seconds: u64) {
        let end = self.now + Duration::from_secs(seconds);
        while self.now < end {
            self.now = self.session.poll_timeout(&self.config).map_or(end, |due| due.clamp(self.now, end));
            self.session.handle_timeout(self.now, &self.config);
        }
    }

    fn receive(&mut self, source: Source, text: &str) -> Vec<Action> {
        let packet = Packet::parse(self.session.revision(), text).unwrap();
        let received = self.session.handle_packet(source, &packet, self.now, &self.config);
        assert_eq!(received == Received::Message, packet.kind == PacketKind::Message && self.session.is_open());
        self.actions()
    }

    /// A whole POST with one packet.
    fn post(&mut self, text: &str) -> (Result<(), Refusal>, Vec<Action>) {
        self.session.handle_post().unwrap();
        let actions = self.receive(Source::Polling, text);
        (self.session.handle_post_end(), actions)
    }

    /// The application sends.
    fn send(&mut self, text: &str) {
        let body = |out: &mut BytesMut| {
            out.extend_from_slice(text.as_bytes());
            Ok::<_, Infallible>(())
        };
        append_record(&mut self.waiting, DataKind::Text, body).unwrap();
        let waiting = self.what_waits();
        self.session.handle_output(waiting, &self.config);
    }

    fn what_waits(&self) -> Waiting {
        Waiting { packets: Records::new(&self.waiting).count(), bytes: self.waiting.len() }
    }

    /// The body of the answer that is due, and what else is.
    fn answer(&mut self) -> (String, Vec<Action>) {
        let Some(Action::Answer(answer)) = self.session.poll_action() else { panic!("no answer is due") };
        let mut body = PayloadBuilder::new(Framing::new(V4), None, BodyLimits::default());
        let answered = answer.write(&mut body, |body| {
            let used = body.push_records(&self.waiting);
            drop(self.waiting.split_to(used));
            self.what_waits()
        });
        self.session.handle_answered(answered, self.now, &self.config);
        (String::from_utf8(body.finish().bytes.to_vec()).unwrap(), self.actions())
    }

    fn poll(&mut self) -> (String, Vec<Action>) {
        self.session.handle_get().unwrap();
        self.answer()
    }
}

fn answer(last: Last) -> Action {
    Action::Answer(Answer::only(last))
}

fn closed(reason: CloseReason) -> Action {
    Action::Closed(reason)
}

#[test]
fn messages_wait_for_polls_and_polls_for_messages() {
    let mut stage = Stage::new(V4, Transport::Polling);
    stage.send("a");
    stage.send("b");
    assert_eq!(stage.actions(), []);
    assert_eq!(stage.poll(), ("4a\x1e4b".into(), vec![]));
    stage.session.handle_get().unwrap();
    assert_eq!(stage.actions(), []);
    stage.send("c");
    assert_eq!(stage.answer(), ("4c".into(), vec![]));
}

#[test]
fn a_poll_carries_16_packets() {
    let mut stage = Stage::new(V4, Transport::Polling);
    (0..40).for_each(|i| stage.send(&i.to_string()));
    let lengths = [0; 3].map(|_| stage.poll().0.split('\x1e').count());
    assert_eq!(lengths, [16, 16, 8]);
}

#[test]
fn a_second_poll_ends_the_session() {
    let mut stage = Stage::new(V4, Transport::Polling);
    stage.session.handle_get().unwrap();
    assert_eq!(stage.session.handle_get(), Err(Refusal::BadRequest));
    assert_eq!(stage.answer(), ("1".into(), vec![closed(CloseReason::TransportError)]));
    assert_eq!(stage.session.handle_get(), Err(Refusal::SessionUnknown));
    assert_eq!(stage.session.handle_post(), Err(Refusal::SessionUnknown));
    assert_eq!(stage.session.handle_candidate(stage.now, &stage.config), Err(Refusal::SessionUnknown));
    assert_eq!(stage.session.poll_timeout(&stage.config), None);
}

#[test]
fn a_second_post_ends_the_session() {
    let mut stage = Stage::new(V4, Transport::Polling);
    stage.session.handle_post().unwrap();
    assert_eq!(stage.session.handle_post(), Err(Refusal::BadRequest));
    assert_eq!(stage.actions(), [closed(CloseReason::TransportError)]);
    assert_eq!(stage.receive(Source::Polling, "4late"), []);
    assert_eq!(stage.session.handle_post_end(), Err(Refusal::BadRequest));
}

#[test]
fn a_post_that_is_too_large_costs_itself_and_one_that_is_cut_the_session() {
    let mut stage = Stage::new(V4, Transport::Polling);
    stage.session.handle_post().unwrap();
    stage.session.handle_post_refused();
    assert_eq!(stage.post("4a"), (Ok(()), vec![]));
    stage.session.handle_post().unwrap();
    stage.session.handle_post_lost();
    assert_eq!(stage.actions(), [closed(CloseReason::TransportError)]);
}

#[test]
fn close_by_post_frees_the_poll() {
    let mut stage = Stage::new(V4, Transport::Polling);
    stage.session.handle_get().unwrap();
    let (post, actions) = stage.post("1");
    assert_eq!(post, Ok(()));
    assert_eq!(actions, [answer(Last::Noop), closed(CloseReason::TransportClose)]);
}

#[test]
fn an_invalid_payload_ends_the_session() {
    let mut stage = Stage::new(V4, Transport::Polling);
    stage.session.handle_post().unwrap();
    stage.session.handle_invalid(Source::Polling);
    assert_eq!(stage.actions(), [closed(CloseReason::ParseError)]);
    assert_eq!(stage.session.handle_post_end(), Err(Refusal::BadRequest));
    let mut stage = Stage::new(V4, Transport::WebSocket);
    stage.session.handle_invalid(Source::WebSocket);
    assert_eq!(stage.actions(), [Action::CloseWebSocket, closed(CloseReason::ParseError)]);
}

#[test]
fn polls_that_are_left_lose_nothing() {
    let mut stage = Stage::new(V4, Transport::Polling);
    stage.session.handle_get().unwrap();
    stage.session.handle_get_lost();
    stage.send("a");
    assert_eq!(stage.actions(), []);
    // The client leaves at the very moment of the answer.
    stage.session.handle_get().unwrap();
    let Some(Action::Answer(answer)) = stage.session.poll_action() else { panic!() };
    stage.session.handle_answer_lost(answer);
    stage.pass(25);
    let (body, _) = stage.poll();
    assert_eq!(body, "2\x1e4a", "the heartbeat goes first");
}

#[test]
fn revision_4_is_pinged_in_each_interval() {
    let mut stage = Stage::new(V4, Transport::WebSocket);
    for _ in 0..5 {
        stage.pass(24);
        assert_eq!(stage.actions(), []);
        stage.pass(1);
        assert_eq!(stage.actions(), [Action::Ping]);
        assert_eq!(stage.receive(Source::WebSocket, "3"), []);
    }
    stage.pass(44);
    assert_eq!(stage.actions(), [Action::Ping]);
    stage.pass(1);
    assert_eq!(stage.actions(), [Action::CloseWebSocket, closed(CloseReason::PingTimeout)]);
}

#[test]
fn revision_4_on_polling_is_pinged_too_and_a_poll_is_no_answer() {
    let mut stage = Stage::new(V4, Transport::Polling);
    stage.session.handle_get().unwrap();
    stage.pass(25);
    assert_eq!(stage.answer().0, "2");
    stage.session.handle_get().unwrap();
    stage.pass(19);
    assert_eq!(stage.actions(), []);
    stage.pass(1);
    assert_eq!(stage.actions(), [answer(Last::Close), closed(CloseReason::PingTimeout)]);
    let mut stage = Stage::new(V4, Transport::Polling);
    stage.pass(25);
    assert_eq!(stage.poll().0, "2");
    assert_eq!(stage.post("3"), (Ok(()), vec![]));
    stage.pass(24);
    assert_eq!(stage.actions(), []);
}

#[test]
fn only_the_heartbeat_shows_that_a_client_lives() {
    for (revision, beat, idle) in [(V4, "3", "6"), (V3, "2", "6")] {
        let mut stage = Stage::new(revision, Transport::WebSocket);
        for _ in 0..3 {
            stage.pass(25);
            stage.receive(Source::WebSocket, beat);
        }
        for _ in 0..44 {
            stage.pass(1);
            stage.receive(Source::WebSocket, "4busy");
            stage.receive(Source::WebSocket, idle);
        }
        assert!(stage.session.is_open());
        stage.pass(1);
        assert!(stage.session.is_closed());
    }
}

#[test]
fn a_client_whose_beat_may_be_stuck_has_one_more_silence() {
    for (revision, beat) in [(V4, "3"), (V3, "2")] {
        let mut stage = Stage::new(revision, Transport::WebSocket);
        stage.session.excuse(stage.now, &stage.config);
        stage.pass(44);
        stage.now += Duration::from_secs(1);
        assert!(stage.session.is_overdue(stage.now, &stage.config));
        stage.session.excuse(stage.now, &stage.config);
        stage.pass(19);
        assert!(stage.session.is_open());
        stage.receive(Source::WebSocket, beat);
        stage.pass(24);
        assert!(stage.session.is_open());
    }
}

#[test]
fn revision_3_pings_and_is_given_up_after_both_periods() {
    let mut stage = Stage::new(V3, Transport::WebSocket);
    for _ in 0..5 {
        stage.pass(44);
        assert_eq!(stage.receive(Source::WebSocket, "2"), [Action::Pong]);
    }
    stage.pass(44);
    assert_eq!(stage.actions(), []);
    stage.pass(1);
    assert_eq!(stage.actions(), [Action::CloseWebSocket, closed(CloseReason::PingTimeout)]);
}

#[test]
fn revision_3_on_polling_gets_one_pong_for_its_pings() {
    let mut stage = Stage::new(V3, Transport::Polling);
    assert_eq!(stage.post("2"), (Ok(()), vec![]));
    assert_eq!(stage.post("2"), (Ok(()), vec![]));
    stage.send("a");
    assert_eq!(stage.poll().0, "3\x1e4a");
    stage.session.handle_get().unwrap();
    stage.session.handle_post().unwrap();
    let ping = Packet::new(PacketKind::Ping, "");
    assert_eq!(stage.session.handle_packet(Source::Polling, &ping, stage.now, &stage.config), Received::Nothing);
    assert_eq!(stage.answer().0, "3");
    assert_eq!(stage.session.handle_post_end(), Ok(()));
}

#[test]
fn heartbeats_in_the_wrong_direction_end_the_session() {
    for (revision, packet) in [(V4, "2"), (V3, "3")] {
        let mut stage = Stage::new(revision, Transport::WebSocket);
        let actions = stage.receive(Source::WebSocket, packet);
        assert_eq!(actions, [Action::CloseWebSocket, closed(CloseReason::TransportError)]);
        let mut stage = Stage::new(revision, Transport::Polling);
        assert_eq!(stage.post(packet), (Err(Refusal::BadRequest), vec![closed(CloseReason::TransportError)]));
    }
}

#[test]
fn an_upgrade() {
    let mut stage = Stage::new(V4, Transport::Polling);
    stage.session.handle_get().unwrap();
    stage.session.handle_candidate(stage.now, &stage.config).unwrap();
    assert_eq!(stage.actions(), []);
    assert_eq!(stage.receive(Source::Candidate, "2probe"), [Action::AnswerProbe, answer(Last::Noop)]);
    stage.send("by a poll");
    assert_eq!(stage.poll(), ("4by a poll".into(), vec![]));
    stage.session.handle_get().unwrap();
    stage.session.handle_post().unwrap();
    assert_eq!(stage.receive(Source::Candidate, "5"), [answer(Last::Noop), Action::Switch]);
    assert_eq!(stage.session.transport(), Transport::WebSocket);
    assert_eq!(stage.receive(Source::Polling, "4in flight"), []);
    assert_eq!(stage.receive(Source::Polling, "1"), [], "polling may be closed, the session is not polling");
    assert_eq!(stage.session.handle_post_end(), Ok(()));
    assert_eq!(stage.session.handle_get(), Err(Refusal::BadRequest));
    assert_eq!(stage.session.handle_post(), Err(Refusal::BadRequest));
    assert_eq!(stage.session.handle_candidate(stage.now, &stage.config), Err(Refusal::BadRequest));
    assert_eq!(stage.receive(Source::WebSocket, "4hello"), []);
    assert!(stage.session.is_open());
}

#[test]
fn a_candidate_that_leaves_or_errs_or_waits_costs_only_itself() {
    for probe in [false, true] {
        for end in ["lost", "4hello", "2", "invalid", "timeout"] {
            let mut stage = Stage::new(V4, Transport::Polling);
            stage.session.handle_candidate(stage.now, &stage.config).unwrap();
            assert_eq!(stage.session.check_candidate(&stage.config), Err(Refusal::BadRequest), "one at a time");
            if probe {
                stage.receive(Source::Candidate, "2probe");
            }
            stage.send("held");
            match end {
                "lost" => stage.session.handle_candidate_lost(),
                "invalid" => stage.session.handle_invalid(Source::Candidate),
                "timeout" => stage.pass(10),
                packet => {
                    let packet = Packet::parse(V4, packet).unwrap();
                    let received = stage.session.handle_packet(Source::Candidate, &packet, stage.now, &stage.config);
                    assert_eq!(received, Received::Nothing);
                }
            }
            let expected: &[Action] = if end == "lost" { &[] } else { &[Action::CloseCandidate] };
            assert_eq!(stage.actions(), expected, "{end}");
            assert_eq!(stage.poll(), ("4held".into(), vec![]), "{end}");
            assert_eq!(stage.session.check_candidate(&stage.config), Ok(()));
        }
    }
    let mut stage = Stage::new(V4, Transport::Polling);
    stage.session.handle_candidate(stage.now, &stage.config).unwrap();
    assert_eq!(stage.receive(Source::Candidate, "5"), [Action::CloseCandidate], "it has to probe first");
}

#[test]
fn an_excuse_counts_from_the_moment_in_which_it_is_given() {
    for revision in [V4, V3] {
        let mut stage = Stage::new(revision, Transport::WebSocket);
        stage.pass(25);
        stage.actions();
        // The driver is late itself.
        stage.now += Duration::from_secs(41);
        assert!(stage.session.is_overdue(stage.now, &stage.config));
        stage.session.excuse(stage.now, &stage.config);
        stage.pass(19);
        assert!(stage.session.is_open(), "{revision:?}");
        stage.pass(1);
        assert!(stage.session.is_closed(), "{revision:?}");
    }
}

/// Something on the way lets WebSockets begin, and swallows their frames.
#[test]
fn who_does_not_hear_the_probes_answer_polls_on() {
    let mut stage = Stage::new(V4, Transport::Polling);
    stage.session.handle_candidate(stage.now, &stage.config).unwrap();
    stage.receive(Source::Candidate, "2probe");
    stage.session.handle_get().unwrap();
    assert_eq!(stage.actions(), []);
    stage.send("a");
    assert_eq!(stage.answer().0, "4a");
    for _ in 0..3 {
        stage.session.handle_get().unwrap();
        stage.now += Duration::from_millis(99);
        stage.session.handle_timeout(stage.now, &stage.config);
        assert_eq!(stage.actions(), []);
        stage.now += Duration::from_millis(1);
        stage.session.handle_timeout(stage.now, &stage.config);
        assert_eq!(stage.answer().0, "6");
    }
}

/// engine.io clears the clock of the pong when it switches, and so keeps a dead client for ever.
#[test]
fn a_pong_that_is_lost_in_an_upgrade_is_asked_for_again() {
    let mut stage = Stage::new(V4, Transport::Polling);
    stage.session.handle_get().unwrap();
    stage.pass(25);
    assert_eq!(stage.answer().0, "2");
    stage.pass(5);
    stage.session.handle_candidate(stage.now, &stage.config).unwrap();
    stage.receive(Source::Candidate, "2probe");
    stage.receive(Source::Candidate, "5");
    stage.pass(24);
    assert_eq!(stage.actions(), [], "the interval begins with the switch");
    stage.pass(1);
    assert_eq!(stage.actions(), [Action::Ping]);
    stage.pass(20);
    assert_eq!(stage.actions(), [Action::CloseWebSocket, closed(CloseReason::PingTimeout)]);
}

#[test]
fn a_websocket_that_is_lost() {
    let mut stage = Stage::new(V4, Transport::WebSocket);
    stage.session.handle_websocket_lost(CloseReason::TransportClose);
    assert_eq!(stage.actions(), [closed(CloseReason::TransportClose)]);
    stage.session.handle_websocket_lost(CloseReason::TransportError);
    assert_eq!(stage.actions(), [], "once");
}

#[test]
fn the_server_closes() {
    let mut stage = Stage::new(V4, Transport::WebSocket);
    stage.session.close(CloseReason::ForcedClose, stage.now, &stage.config);
    assert_eq!(stage.actions(), [Action::CloseWebSocket, closed(CloseReason::ForcedClose)]);

    let mut stage = Stage::new(V4, Transport::Polling);
    stage.session.handle_get().unwrap();
    stage.session.close(CloseReason::ServerShuttingDown, stage.now, &stage.config);
    assert_eq!(stage.answer(), ("1".into(), vec![closed(CloseReason::ServerShuttingDown)]));

    let mut stage = Stage::new(V4, Transport::Polling);
    (0..32).for_each(|i| stage.send(&i.to_string()));
    stage.session.close(CloseReason::ForcedClose, stage.now, &stage.config);
    assert_eq!(stage.receive(Source::Polling, "4ignored"), []);
    for _ in 0..2 {
        let (body, actions) = stage.poll();
        assert_eq!((body.split('\x1e').count(), actions), (16, vec![]), "no room for the close packet");
        stage.pass(29);
        assert_eq!(stage.actions(), [], "a client that fetches what waits has 30 s for each poll");
    }
    assert_eq!(stage.poll(), ("1".into(), vec![closed(CloseReason::ForcedClose)]));

    let mut stage = Stage::new(V4, Transport::Polling);
    stage.session.close(CloseReason::ForcedClose, stage.now, &stage.config);
    stage.pass(29);
    assert_eq!(stage.actions(), []);
    stage.pass(1);
    assert_eq!(stage.actions(), [closed(CloseReason::ForcedClose)]);
}

#[test]
fn the_server_closes_in_an_upgrade() {
    let mut stage = Stage::new(V4, Transport::Polling);
    stage.session.handle_candidate(stage.now, &stage.config).unwrap();
    stage.receive(Source::Candidate, "2probe");
    stage.send("held");
    stage.session.close(CloseReason::ForcedClose, stage.now, &stage.config);
    let actions = stage.receive(Source::Candidate, "5");
    assert_eq!(actions, [Action::Switch, Action::CloseWebSocket, closed(CloseReason::ForcedClose)]);

    let mut stage = Stage::new(V4, Transport::Polling);
    stage.session.handle_candidate(stage.now, &stage.config).unwrap();
    stage.session.handle_get().unwrap();
    stage.session.handle_get().unwrap_err();
    let actions = stage.actions();
    assert_eq!(actions, [Action::CloseCandidate, answer(Last::Close), closed(CloseReason::TransportError)]);
}

#[test]
fn no_close_packet_overtakes_what_waits() {
    let left = Waiting { packets: 1, bytes: 9 };
    for (rest, text) in [(left, "4a"), (Waiting::default(), "4a\x1e1")] {
        let mut body = PayloadBuilder::new(Framing::new(V4), None, BodyLimits::default());
        let answer = Answer { data: true, last: Last::Close, ..Answer::default() };
        let answered = answer.write(&mut body, |body| {
            body.push(&Packet::message("a"));
            rest
        });
        assert_eq!((answered.rest, answered.is_closed), (Some(rest), rest != left));
        assert_eq!(&body.finish().bytes[..], text.as_bytes());
    }
}

#[test]
fn what_waits_is_bounded() {
    let mut stage = Stage::new(V4, Transport::Polling);
    stage.session.handle_output(Waiting { packets: 65_536, bytes: 0 }, &stage.config);
    assert_eq!(stage.actions(), []);
    stage.session.handle_output(Waiting { packets: 65_537, bytes: 0 }, &stage.config);
    assert_eq!(stage.actions(), [closed(CloseReason::SlowConsumer)]);
}

#[test]
fn one_message_may_be_larger_than_what_may_wait_and_nothing_may_come_on_top() {
    let large = "x".repeat(2 << 20);
    let mut stage = Stage::new(V4, Transport::Polling);
    for _ in 0..2 {
        stage.send(&large);
        assert_eq!(stage.poll().0.len(), 1 + large.len());
    }
    stage.session.handle_get().unwrap();
    stage.send(&large);
    assert_eq!(stage.answer().0.len(), 1 + large.len());
    stage.send(&large);
    assert_eq!(stage.actions(), []);
    stage.send("a");
    assert_eq!(stage.actions(), [closed(CloseReason::SlowConsumer)]);
}

#[test]
fn nothing_happens_before_a_session_is_open() {
    let now = Instant::now();
    let config = SessionConfig::default();
    let mut session = Session::new(V4, Transport::Polling);
    assert_eq!(session.poll_timeout(&config), None);
    assert_eq!(session.handle_get(), Err(Refusal::BadRequest));
    assert_eq!(session.handle_candidate(now, &config), Err(Refusal::BadRequest));
    assert_eq!(session.handle_packet(Source::Polling, &Packet::message("a"), now, &config), Received::Nothing);
    session.handle_timeout(now + Duration::from_secs(1_000), &config);
    assert_eq!(session.poll_action(), None);
    session.close(CloseReason::ForcedClose, now, &config);
    assert_eq!(session.poll_action(), Some(closed(CloseReason::ForcedClose)));
    session.handle_open(now, &config);
    assert_eq!(session.poll_action(), None);
}

#[test]
fn a_session_is_small() {
    assert!(size_of::<Session>() <= 96, "{}", size_of::<Session>());
}
