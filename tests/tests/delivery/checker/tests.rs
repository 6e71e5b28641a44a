//! The judge is judged: runs by hand, right ones and each with one thing wrong.

use super::{Fault, Kind, check};
use crate::history::{Call, End, History, NEVER, Op, Outcome, Place, Seen, Socket, Stamp};

const X: usize = 0;
const Y: usize = 1;

/// A run as it is told. Whatever is not said to overlap happens one after the other.
struct Story {
    history: History,
    clock: Stamp,
}

impl Story {
    fn new() -> Self {
        Self { history: History { rooms: 2, ..History::default() }, clock: 0 }
    }

    fn tick(&mut self) -> Stamp {
        self.clock += 1;
        self.clock
    }

    fn connects(&mut self) -> usize {
        let (connecting, connected) = (self.tick(), self.tick());
        let number = self.history.sockets.len();
        self.history.sockets.push(Socket::new(format!("id{number}"), connecting, connected));
        number
    }

    /// Asks; the reply is still to come.
    fn asks(&mut self, socket: usize, op: Op) -> u32 {
        let begun = self.tick();
        self.history.calls.push(Call { socket, begun, ended: NEVER, outcome: Outcome::Unknown, op });
        self.history.calls.len() as u32 - 1
    }

    fn is_answered(&mut self, call: u32) {
        let ended = self.tick();
        let its = &mut self.history.calls[call as usize];
        (its.ended, its.outcome) = (ended, Outcome::Done);
        let socket = its.socket;
        self.sees(socket, Seen::Reply(call));
    }

    /// Asks and gets its reply.
    fn does(&mut self, socket: usize, op: Op) -> u32 {
        let call = self.asks(socket, op);
        self.is_answered(call);
        call
    }

    fn joins(&mut self, socket: usize, room: usize) -> u32 {
        self.does(socket, join(socket, room))
    }

    fn leaves(&mut self, socket: usize, room: usize) -> u32 {
        self.does(socket, leave(socket, room))
    }

    fn sends(&mut self, socket: usize, room: usize) -> u32 {
        self.does(socket, to_room(room))
    }

    fn sees(&mut self, socket: usize, seen: Seen) {
        self.history.sockets[socket].seen.push(seen);
    }

    fn gets(&mut self, socket: usize, message: u32) {
        self.sees(socket, Seen::Message(message));
    }

    fn is_cut(&mut self, socket: usize) {
        let gone = self.tick();
        (self.history.sockets[socket].end, self.history.sockets[socket].gone) = (End::Cut, gone);
    }

    #[track_caller]
    fn is_right(&self) {
        assert_eq!(self.faults(), [], "{:#?}", self.history);
    }

    #[track_caller]
    fn is_wrong(&self, socket: usize, call: u32, kind: Kind) {
        assert_eq!(self.faults(), [Fault { socket, call, kind }], "{:#?}", self.history);
    }

    fn faults(&self) -> Vec<Fault> {
        check(&self.history).faults
    }
}

fn join(socket: usize, room: usize) -> Op {
    Op::Join { room, who: vec![socket] }
}

fn leave(socket: usize, room: usize) -> Op {
    Op::Leave { room, who: vec![socket] }
}

fn to_room(room: usize) -> Op {
    Op::Broadcast { to: vec![Place::Room(room)], once: true, omit: false }
}

fn to_both(once: bool) -> Op {
    Op::Broadcast { to: vec![Place::Room(X), Place::Room(Y)], once, omit: false }
}

const LOST: Kind = Kind::Lost { least: 1, got: 0 };
const STRANGE: Kind = Kind::Surplus { most: 0, got: 1 };
const DOUBLED: Kind = Kind::Surplus { most: 1, got: 2 };

/// Ann, who is in X, and Ben, who sends.
fn ann_and_ben() -> (Story, usize, usize) {
    let mut story = Story::new();
    let (ann, ben) = (story.connects(), story.connects());
    story.joins(ann, X);
    (story, ann, ben)
}

#[test]
fn a_member_gets_a_message_once() {
    let (mut story, ann, ben) = ann_and_ben();
    let message = story.sends(ben, X);
    story.is_wrong(ann, message, LOST);
    story.gets(ann, message);
    story.is_right();
    story.gets(ann, message);
    story.is_wrong(ann, message, DOUBLED);
}

#[test]
fn who_is_no_member_gets_nothing() {
    let (mut story, ann, ben) = ann_and_ben();
    let message = story.sends(ben, Y);
    story.is_right();
    story.gets(ann, message);
    story.is_wrong(ann, message, STRANGE);
}

#[test]
fn a_leave_that_was_answered_is_respected() {
    let (mut story, ann, ben) = ann_and_ben();
    story.leaves(ann, X);
    let message = story.sends(ben, X);
    story.is_right();
    story.gets(ann, message);
    story.is_wrong(ann, message, STRANGE);
}

#[test]
fn while_a_member_leaves_either_is_right() {
    let (mut story, ann, ben) = ann_and_ben();
    let leave = story.asks(ann, leave(ann, X));
    let message = story.sends(ben, X);
    story.is_answered(leave);
    story.is_right();
    story.gets(ann, message);
    story.is_right();
    story.gets(ann, message);
    story.is_wrong(ann, message, DOUBLED);
}

#[test]
fn omit_leaves_the_sender_out_and_nobody_else() {
    let (mut story, ann, ben) = ann_and_ben();
    story.joins(ben, X);
    let message = story.does(ben, Op::Broadcast { to: vec![Place::Room(X)], once: true, omit: true });
    story.gets(ann, message);
    story.is_right();
    story.gets(ben, message);
    story.is_wrong(ben, message, STRANGE);
}

#[test]
fn one_copy_a_room_or_one_in_all() {
    let (mut story, ann, ben) = ann_and_ben();
    story.joins(ann, Y);
    let message = story.does(ben, to_both(true));
    story.gets(ann, message);
    story.is_right();
    let (mut story, ann, ben) = ann_and_ben();
    story.joins(ann, Y);
    let message = story.does(ben, to_both(false));
    story.gets(ann, message);
    story.is_wrong(ann, message, Kind::Lost { least: 2, got: 1 });
    story.gets(ann, message);
    story.is_right();
    story.gets(ann, message);
    story.is_wrong(ann, message, Kind::Surplus { most: 2, got: 3 });
}

#[test]
fn an_id_is_a_room_of_one() {
    let (mut story, ann, ben) = ann_and_ben();
    let message = story.does(ben, Op::Broadcast { to: vec![Place::Own(ann)], once: true, omit: false });
    story.is_wrong(ann, message, LOST);
    story.gets(ann, message);
    story.is_right();
    story.gets(ben, message);
    story.is_wrong(ben, message, STRANGE);
}

#[test]
fn a_blast_is_for_everybody_who_is_connected() {
    let (mut story, ann, ben) = ann_and_ben();
    let blast = story.does(ben, Op::Blast { omit: true });
    let late = story.connects();
    story.is_wrong(ann, blast, LOST);
    story.gets(ann, blast);
    story.is_right();
    story.gets(late, blast);
    story.is_wrong(late, blast, STRANGE);
}

#[test]
fn who_moves_join_first_is_not_missed() {
    let (mut story, ann, ben) = ann_and_ben();
    let message = story.asks(ben, to_both(true));
    story.joins(ann, Y);
    story.leaves(ann, X);
    story.is_answered(message);
    story.is_wrong(ann, message, LOST);
    let (mut story, ann, ben) = ann_and_ben();
    let message = story.asks(ben, to_both(true));
    story.leaves(ann, X);
    story.joins(ann, Y);
    story.is_answered(message);
    story.is_right();
}

#[test]
fn who_moves_to_a_room_that_was_looked_at_before_may_be_missed() {
    let mut story = Story::new();
    let (ann, ben) = (story.connects(), story.connects());
    story.joins(ann, Y);
    let message = story.asks(ben, to_both(true));
    story.joins(ann, X);
    story.leaves(ann, Y);
    story.is_answered(message);
    story.is_right();
}

#[test]
fn messages_of_one_sender_stay_in_order() {
    let (mut story, ann, ben) = ann_and_ben();
    let (first, second) = (story.asks(ben, to_room(X)), story.asks(ben, to_room(X)));
    story.is_answered(first);
    story.is_answered(second);
    story.gets(ann, second);
    story.gets(ann, first);
    story.is_wrong(ann, first, Kind::Reordered { after: second });
    story.history.sockets[ann].seen.swap(1, 2);
    story.is_right();
}

#[test]
fn what_was_sent_after_an_answer_comes_after() {
    let (mut story, ann, ben) = ann_and_ben();
    let carl = story.connects();
    let (first, second) = (story.sends(ben, X), story.sends(carl, X));
    story.gets(ann, second);
    story.gets(ann, first);
    story.is_wrong(ann, first, Kind::Reordered { after: second });
}

#[test]
fn messages_at_the_same_time_come_in_any_order() {
    let (mut story, ann, ben) = ann_and_ben();
    let carl = story.connects();
    story.joins(ben, X);
    let (first, second) = (story.asks(ben, to_room(X)), story.asks(carl, to_room(X)));
    story.is_answered(first);
    story.is_answered(second);
    for (socket, message) in [(ann, first), (ann, second), (ben, second), (ben, first)] {
        story.gets(socket, message);
    }
    story.is_right();
    // But not with one lane.
    story.history.one_lane = true;
    let faults = story.faults();
    assert!(matches!(&faults[..], [Fault { kind: Kind::Contradiction { ring }, .. }] if ring.len() == 2), "{faults:?}");
}

#[test]
fn three_sockets_can_contradict_each_other_where_no_two_do() {
    let mut story = Story::new();
    story.history.one_lane = true;
    let sockets = [story.connects(), story.connects(), story.connects()];
    let senders = [story.connects(), story.connects(), story.connects()];
    let blasts = senders.map(|sender| story.asks(sender, Op::Blast { omit: false }));
    blasts.iter().for_each(|blast| story.is_answered(*blast));
    for socket in sockets.into_iter().chain(senders) {
        let turned = [0, 1, 2].map(|at| blasts[(at + socket) % 3]);
        turned.iter().for_each(|blast| story.gets(socket, *blast));
    }
    let faults = story.faults();
    assert!(matches!(&faults[..], [Fault { kind: Kind::Contradiction { ring }, .. }] if ring.len() == 3), "{faults:?}");
}

#[test]
fn replies_come_once_and_in_order() {
    let mut story = Story::new();
    let ann = story.connects();
    let (first, second) = (story.asks(ann, Op::GetId), story.asks(ann, Op::GetId));
    story.is_answered(second);
    let faults = story.faults();
    assert!(faults.contains(&Fault { socket: ann, call: second, kind: Kind::WrongReply { due: Some(first) } }));
    assert!(faults.contains(&Fault { socket: ann, call: first, kind: Kind::Unanswered }));
    let mut story = Story::new();
    let ann = story.connects();
    let (first, second) = (story.does(ann, Op::GetId), story.asks(ann, Op::GetId));
    story.is_wrong(ann, second, Kind::Unanswered);
    story.is_answered(second);
    story.is_right();
    story.sees(ann, Seen::Reply(second));
    story.is_wrong(ann, second, Kind::WrongReply { due: None });
    story.history.sockets[ann].seen = vec![Seen::Reply(first), Seen::Reply(first), Seen::Reply(second)];
    story.is_wrong(ann, first, Kind::WrongReply { due: Some(second) });
}

#[test]
fn who_is_cut_off_has_a_beginning_of_everything() {
    let (mut story, ann, ben) = ann_and_ben();
    let (first, second, third) = (story.sends(ben, X), story.sends(ben, X), story.sends(ben, X));
    story.is_cut(ann);
    story.is_right();
    story.gets(ann, first);
    story.is_right();
    story.gets(ann, third);
    story.is_wrong(ann, second, LOST);
}

#[test]
fn who_is_cut_off_misses_nothing_between_two_of_a_sender_that_did_not_wait() {
    let (mut story, ann, ben) = ann_and_ben();
    let (first, second) = (story.asks(ben, to_room(X)), story.asks(ben, to_room(X)));
    story.is_answered(first);
    story.is_answered(second);
    story.gets(ann, second);
    story.is_cut(ann);
    story.is_wrong(ann, first, LOST);
}

#[test]
fn who_is_cut_off_may_be_so_between_two_copies() {
    let (mut story, ann, ben) = ann_and_ben();
    story.joins(ann, Y);
    let (message, later) = (story.does(ben, to_both(false)), story.sends(ben, X));
    story.gets(ann, message);
    story.is_cut(ann);
    story.is_right();
    story.gets(ann, later);
    story.is_wrong(ann, message, Kind::Lost { least: 2, got: 1 });
}

#[test]
fn who_says_good_bye_has_all_that_came_before() {
    let (mut story, ann, ben) = ann_and_ben();
    let before = story.sends(ben, X);
    let said = story.tick();
    story.history.sockets[ann].end = End::Left(said);
    story.sends(ben, X);
    story.is_wrong(ann, before, LOST);
    story.gets(ann, before);
    story.is_right();
}

#[test]
fn verbs_for_the_members_of_a_room() {
    let (mut story, ann, ben) = ann_and_ben();
    let joins_y = Op::Copy { of: Place::Room(X), to: vec![Y] };
    story.does(ben, joins_y.clone());
    let message = story.sends(ben, Y);
    story.is_wrong(ann, message, LOST);
    story.gets(ann, message);
    story.is_right();
    story.does(ben, Op::Remove { of: Place::Room(Y), from: vec![X, Y] });
    let gone = story.sends(ben, Y);
    story.is_right();
    story.gets(ann, gone);
    story.is_wrong(ann, gone, STRANGE);
    story.history.sockets[ann].seen.pop();
    story.does(ben, joins_y);
    let still_gone = story.sends(ben, Y);
    story.is_right();
    story.gets(ann, still_gone);
    story.is_wrong(ann, still_gone, STRANGE);
}

#[test]
fn leaving_all_rooms() {
    let (mut story, ann, ben) = ann_and_ben();
    story.joins(ann, Y);
    story.joins(ben, X);
    story.does(ben, Op::LeaveAll { of: Place::Own(ann) });
    let (none, own) =
        (story.sends(ben, Y), story.does(ann, Op::Broadcast { to: vec![Place::Own(ann)], once: true, omit: false }));
    story.gets(ann, own);
    story.is_right();
    story.gets(ann, none);
    assert!(story.faults().contains(&Fault { socket: ann, call: none, kind: STRANGE }));
    story.history.sockets[ann].seen.pop();
    let to_ben = story.sends(ann, X);
    story.is_wrong(ben, to_ben, LOST);
}

#[test]
fn verbs_for_members_while_members_change_may_go_either_way() {
    let (mut story, ann, ben) = ann_and_ben();
    let copies = story.asks(ben, Op::Copy { of: Place::Room(X), to: vec![Y] });
    story.leaves(ann, X);
    story.is_answered(copies);
    let message = story.sends(ann, Y);
    story.is_right();
    story.history.sockets[ann].seen.insert(2, Seen::Message(message));
    story.is_right();
    story.leaves(ann, Y);
    let later = story.sends(ben, Y);
    story.gets(ann, later);
    story.is_wrong(ann, later, STRANGE);
}

#[test]
fn a_request_without_a_reply_may_have_been_carried_out() {
    let (mut story, ann, ben) = ann_and_ben();
    let carl = story.connects();
    let kick = story.asks(carl, Op::Leave { room: X, who: vec![ann] });
    story.is_cut(carl);
    story.history.calls[kick as usize].ended = story.history.sockets[carl].gone;
    let message = story.sends(ben, X);
    story.is_right();
    story.gets(ann, message);
    story.is_right();
    story.joins(ann, X);
    let later = story.sends(ben, X);
    story.is_wrong(ann, later, LOST);
}

#[test]
fn an_overloaded_message_may_come_but_not_twice() {
    let (mut story, ann, ben) = ann_and_ben();
    let message = story.sends(ben, X);
    story.history.calls[message as usize].outcome = Outcome::Overloaded;
    story.is_right();
    story.gets(ann, message);
    story.is_right();
    story.gets(ann, message);
    story.is_wrong(ann, message, DOUBLED);
}

#[test]
fn what_a_socket_is_told_of_its_rooms() {
    let (mut story, ann, _) = ann_and_ben();
    let rooms = story.does(ann, Op::Rooms);
    let mut told = |rooms_listed: &[usize]| {
        story.history.calls[rooms as usize].outcome = Outcome::Rooms(rooms_listed.to_vec());
        story.faults()
    };
    assert_eq!(told(&[X]), []);
    let wrong = |room, listed| Fault { socket: ann, call: rooms, kind: Kind::WrongRooms { room, listed } };
    assert_eq!(told(&[]), [wrong(X, false)]);
    assert_eq!(told(&[X, Y]), [wrong(Y, true)]);
}

#[test]
fn what_a_socket_is_told_settles_what_was_open() {
    let (mut story, ann, ben) = ann_and_ben();
    let copies = story.asks(ben, Op::Copy { of: Place::Room(X), to: vec![Y] });
    story.leaves(ann, X);
    story.is_answered(copies);
    let rooms = story.does(ann, Op::Rooms);
    let message = story.sends(ben, Y);
    story.history.calls[rooms as usize].outcome = Outcome::Rooms(vec![Y]);
    story.is_wrong(ann, message, LOST);
    story.history.calls[rooms as usize].outcome = Outcome::Rooms(vec![]);
    story.is_right();
    story.gets(ann, message);
    story.is_wrong(ann, message, STRANGE);
}

#[test]
fn a_fault_names_the_socket_the_message_and_what_was_due() {
    let (mut story, _, ben) = ann_and_ben();
    let message = story.sends(ben, X);
    let text = story.faults()[0].describe(&story.history);
    let parts = ["socket 0 (id0,", "at least 1 copies", "0 came", "message 1", "Room(0)", "of socket 1 from"];
    for part in parts {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(message, 1);
}

#[test]
fn it_counts_what_it_could_tell() {
    let (mut story, ann, ben) = ann_and_ben();
    let message = story.sends(ben, X);
    story.gets(ann, message);
    let leave = story.asks(ann, leave(ann, X));
    story.sends(ben, X);
    story.is_answered(leave);
    let verdict = check(&story.history);
    assert_eq!((verdict.required, verdict.received, verdict.forbidden, verdict.open), (1, 1, 2, 1));
}
