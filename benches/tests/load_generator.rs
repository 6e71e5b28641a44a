//! The load generator against a toy server: it has figures for an honest one, and none for a server that
//! loses, doubles, delays or garbles a single message.

#![forbid(unsafe_code)]
#![cfg(target_os = "linux")]

mod toy;

use std::{
    thread,
    time::{Duration, Instant},
};

use clap::Parser;
use roomcast_benches::load::{Fault, Report, Target, Workload, run};
use toy::{Manner, Toy, serve};

#[derive(Parser)]
struct Options {
    #[command(subcommand)]
    workload: Workload,
}

fn load(manner: Manner, arguments: &str) -> Result<Report, Fault> {
    put_on(&serve(manner), arguments)
}

fn put_on(toy: &Toy, arguments: &str) -> Result<Report, Fault> {
    let target = Target { address: toy.address, pid: std::process::id() };
    let options = Options::parse_from(std::iter::once("load").chain(arguments.split(' ')));
    run(&target, &options.workload)
}

fn figure(report: &Report, name: &str) -> f64 {
    let found = report.figures().iter().find(|(figure, _)| *figure == name);
    found.unwrap_or_else(|| panic!("no {name} in\n{report}")).1
}

const SHORT: &str = "--warm-up=0.1 --seconds=0.3";
const DIALECTS: [&str; 5] = ["rooms", "sio", "sio3", "sio-polling", "sails"];

fn flood(dialect: &str, manner: Manner) -> Result<Report, Fault> {
    load(manner, &format!("flood --dialect={dialect} --members=5 {SHORT}"))
}

#[test]
fn an_honest_server_has_figures() {
    for dialect in DIALECTS {
        for window in ["1", "16"] {
            let arguments = format!("flood --dialect={dialect} --members=10 --window={window} {SHORT}");
            let report = load(Manner::Honest, &arguments).unwrap();
            assert!(figure(&report, "deliveries_per_s") > 100.0, "{dialect}: {report}");
            assert!(figure(&report, "server_us_per_delivery") > 0.0, "{dialect}: {report}");
        }
    }
}

#[test]
fn pings_are_answered_and_do_not_disturb() {
    for dialect in DIALECTS {
        let toy = serve(Manner::Pings);
        let report = put_on(&toy, &format!("flood --dialect={dialect} --members=5 {SHORT}")).unwrap();
        assert!(figure(&report, "deliveries_per_s") > 100.0, "{dialect}: {report}");
        let start = Instant::now();
        while toy.pongs() == 0 {
            assert!(start.elapsed() < Duration::from_secs(20), "no pong came: {dialect}");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

#[test]
fn overlapping_rooms_are_checked_too() {
    for dialect in DIALECTS {
        let arguments = format!("flood --dialect={dialect} --members=20 --rooms=10 --rooms-per-member=2 {SHORT}");
        let report = load(Manner::Honest, &arguments).unwrap();
        assert!(figure(&report, "deliveries_per_s") > 100.0, "{dialect}: {report}");
    }
}

#[test]
fn a_message_lost_doubled_or_late_spoils_the_run() {
    for dialect in DIALECTS {
        for manner in [Manner::Loses, Manner::Doubles, Manner::Delays] {
            let fault = flood(dialect, manner).unwrap_err();
            assert!(matches!(fault, Fault::Sequence { .. }), "{dialect} {manner:?}: {fault}");
        }
    }
}

#[test]
fn a_garbled_message_or_a_refusal_spoils_the_run() {
    for dialect in DIALECTS {
        for manner in [Manner::Garbles, Manner::Refuses] {
            let fault = flood(dialect, manner).unwrap_err();
            assert!(matches!(fault, Fault::Text(_)), "{dialect} {manner:?}: {fault}");
        }
    }
}

#[test]
fn a_closed_member_spoils_the_run() {
    for dialect in ["rooms", "sio", "sio3", "sails"] {
        let fault = flood(dialect, Manner::Closes).unwrap_err();
        assert!(matches!(fault, Fault::Closed(Some(1001))), "{dialect}: {fault}");
    }
    let fault = flood("sio-polling", Manner::Closes).unwrap_err();
    assert!(matches!(fault, Fault::Closed(None)), "{fault}");
}

#[test]
fn latencies_are_measured_by_the_clock() {
    let report = load(Manner::Honest, "rate --members=10 --rate=200 --sleep --warm-up=0.1 --seconds=0.5").unwrap();
    let [p50, p99, max] = ["p50_us", "p99_us", "max_us"].map(|name| figure(&report, name));
    assert!(0.0 < p50 && p50 <= p99 && p99 <= max * 1.04, "{report}");
}

#[test]
fn requests_and_echoes_are_answered() {
    for kind in ["requests", "requests --echo", "requests --sails", "requests --sails --open=16", "requests --open=3"] {
        let report = load(Manner::Honest, &format!("{kind} --connections=5 {SHORT}")).unwrap();
        assert!(figure(&report, "requests_per_s") > 10.0, "{report}");
    }
}

#[test]
fn a_wrong_or_doubled_answer_spoils_the_run() {
    for manner in [Manner::Garbles, Manner::Refuses, Manner::Doubles] {
        for open in [1, 4] {
            let fault = load(manner, &format!("requests --sails --connections=5 --open={open} {SHORT}")).unwrap_err();
            assert!(matches!(fault, Fault::Text(_)), "{manner:?}: {fault}");
        }
    }
}

#[test]
fn an_answer_that_does_not_come_spoils_the_run() {
    let fault = load(Manner::Loses, &format!("requests --sails --connections=5 --patience=2 {SHORT}")).unwrap_err();
    assert!(matches!(fault, Fault::Missing { due, came } if due == came + 1), "{fault}");
}

const BULK: &str = "bulk --members=10 --warm-up=1 --repeats=3";

#[test]
fn all_members_of_a_room_are_moved() {
    let report = load(Manner::Honest, BULK).unwrap();
    for name in ["copy_ms", "remove_ms", "clear_ms", "copy_server_ms"] {
        assert!(figure(&report, name) > 0.0, "{report}");
    }
}

#[test]
fn a_member_left_behind_or_a_refusal_spoils_the_run() {
    for manner in [Manner::Loses, Manner::Delays, Manner::Refuses] {
        let fault = load(manner, BULK).unwrap_err();
        assert!(matches!(fault, Fault::Text(_)), "{manner:?}: {fault}");
    }
}

#[test]
fn connections_come_and_go() {
    for dialect in DIALECTS {
        let report = load(Manner::Honest, &format!("connects --dialect={dialect} --at-once=4 {SHORT}")).unwrap();
        assert!(figure(&report, "connects_per_s") > 1.0, "{dialect}: {report}");
    }
}

#[test]
fn connections_stay_and_do_nothing() {
    let stay = |dialect: &str| {
        let report = load(Manner::Honest, &format!("idle --dialect={dialect} --connections=20")).unwrap();
        assert!((figure(&report, "connections") - 20.0).abs() < 0.5, "{dialect}: {report}");
    };
    // Each takes seconds, in which memory settles.
    thread::scope(|scope| {
        DIALECTS.map(|dialect| scope.spawn(move || stay(dialect))).map(|stays| stays.join().unwrap())
    });
}

#[test]
fn a_slow_member_is_not_read_and_not_waited_for() {
    let report = load(Manner::Honest, "slow --members=5 --stuck=1 --megabytes=0.05 --patience=0.1").unwrap();
    assert!(figure(&report, "stuck_deliveries_per_s") > 10.0, "{report}");
    assert!(report.figures().iter().all(|(name, _)| *name != "dropped_after_s"), "the toy drops nobody");
}

#[test]
fn load_goes_to_this_machine_only() {
    let target = Target { address: "192.0.2.1:80".parse().unwrap(), pid: 1 };
    let options = Options::parse_from(["load", "connects"]);
    assert!(matches!(run(&target, &options.workload), Err(Fault::NotLoopback(_))));
}
