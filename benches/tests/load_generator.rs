//! The load generator against a toy server: it has figures for an honest one, and none for a server that
//! loses, doubles, delays or garbles a single message.

#![forbid(unsafe_code)]
#![cfg(target_os = "linux")]

mod toy;

use clap::Parser;
use roomcast_benches::load::{Fault, Report, Target, Workload, run};
use toy::{Manner, serve};

#[derive(Parser)]
struct Options {
    #[command(subcommand)]
    workload: Workload,
}

fn load(manner: Manner, arguments: &str) -> Result<Report, Fault> {
    let target = Target { address: serve(manner), pid: std::process::id() };
    let options = Options::parse_from(std::iter::once("load").chain(arguments.split(' ')));
    run(&target, &options.workload)
}

fn figure(report: &Report, name: &str) -> f64 {
    let found = report.figures().iter().find(|(figure, _)| *figure == name);
    found.unwrap_or_else(|| panic!("no {name} in\n{report}")).1
}

const SHORT: &str = "--warm-up=0.1 --seconds=0.3";

#[test]
fn an_honest_server_has_figures() {
    for manner in [Manner::Honest, Manner::Pings] {
        for window in ["1", "16"] {
            let report = load(manner, &format!("flood --members=10 --window={window} {SHORT}")).unwrap();
            assert!(figure(&report, "deliveries_per_s") > 100.0, "{report}");
            assert!(figure(&report, "server_us_per_delivery") > 0.0, "{report}");
        }
    }
}

#[test]
fn overlapping_rooms_are_checked_too() {
    let report = load(Manner::Honest, &format!("flood --members=20 --rooms=10 --rooms-per-member=2 {SHORT}")).unwrap();
    assert!(figure(&report, "deliveries_per_s") > 100.0, "{report}");
}

#[test]
fn a_message_lost_doubled_or_late_spoils_the_run() {
    for manner in [Manner::Loses, Manner::Doubles, Manner::Delays] {
        let fault = load(manner, &format!("flood --members=5 {SHORT}")).unwrap_err();
        assert!(matches!(fault, Fault::Sequence { .. }), "{manner:?}: {fault}");
    }
}

#[test]
fn a_garbled_or_refused_message_spoils_the_run() {
    for manner in [Manner::Garbles, Manner::Refuses] {
        let fault = load(manner, &format!("flood --members=5 {SHORT}")).unwrap_err();
        assert!(matches!(fault, Fault::Text(_)), "{manner:?}: {fault}");
    }
}

#[test]
fn a_closed_member_spoils_the_run() {
    let fault = load(Manner::Closes, &format!("flood --members=5 {SHORT}")).unwrap_err();
    assert!(matches!(fault, Fault::Closed(Some(1001))), "{fault}");
}

#[test]
fn latencies_are_measured_by_the_clock() {
    let report = load(Manner::Honest, "rate --members=10 --rate=200 --sleep --warm-up=0.1 --seconds=0.5").unwrap();
    let [p50, p99, max] = ["p50_us", "p99_us", "max_us"].map(|name| figure(&report, name));
    assert!(0.0 < p50 && p50 <= p99 && p99 <= max * 1.04, "{report}");
}

#[test]
fn requests_and_echoes_are_answered() {
    for kind in ["requests", "requests --echo"] {
        let report = load(Manner::Honest, &format!("{kind} --connections=5 {SHORT}")).unwrap();
        assert!(figure(&report, "requests_per_s") > 10.0, "{report}");
    }
}

#[test]
fn connections_come_and_go() {
    let report = load(Manner::Honest, &format!("connects --at-once=4 {SHORT}")).unwrap();
    assert!(figure(&report, "connects_per_s") > 1.0, "{report}");
    let report = load(Manner::Honest, "idle --connections=20").unwrap();
    assert!((figure(&report, "connections") - 20.0).abs() < 0.5, "{report}");
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
