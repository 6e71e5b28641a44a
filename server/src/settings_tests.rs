use super::*;

// The environment belongs to the whole process and cannot be changed from a test; the tests of the binary do that.

fn read(args: &[&str]) -> Result<Asked, String> {
    Settings::read(["roomcast-server"].iter().chain(args))
}

fn settings(args: &[&str]) -> Settings {
    match read(args) {
        Ok(Asked::Serve(settings)) => *settings,
        other => panic!("{other:?}"),
    }
}

#[test]
fn defaults() {
    let s = settings(&[]);
    let ms = Duration::from_millis;
    assert_eq!((s.host.as_str(), s.port, s.lanes, s.drain), ("127.0.0.1", 3000, None, ms(3_000)));
    assert_eq!((s.ping_interval, s.ping_timeout), (ms(25_000), ms(20_000)));
    assert_eq!((s.connect_timeout, s.head_timeout), (ms(45_000), ms(10_000)));
    assert_eq!((s.max_payload, s.origins, s.log.as_str()), (1_000_000, Origins::default(), "info"));
    assert_eq!((s.tls_cert, s.tls_key), (None, None));
}

#[test]
fn flags_with_and_without_units() {
    let s = settings(&["--port=0", "--host", "::1", "--lanes=3", "--ping-interval=25s", "--max-payload", "2MB"]);
    assert_eq!((s.port, s.host.as_str(), s.lanes), (0, "::1", NonZeroUsize::new(3)));
    assert_eq!((s.ping_interval, s.max_payload), (Duration::from_secs(25), 2_000_000));
    let s = settings(&["--ping-interval=1073741823", "--ping-timeout=1073741823"]);
    assert!((s.ping_interval + s.ping_timeout).as_millis() <= i32::MAX as u128);
    let s = settings(&["--origins", " https://a.example , *.b.example,", "--log", "roomcast_lane=debug,warn"]);
    assert_eq!(s.origins, Origins::new(["https://a.example", "*.b.example"]).unwrap());
    assert_eq!(s.log, "roomcast_lane=debug,warn");
}

#[test]
fn a_wrong_value_is_named_with_flag_variable_and_cure() {
    let cases = [
        ("--host=", "--host (HOST) cannot be \"\": write an address or a name, as 127.0.0.1, or 0.0.0.0 for all"),
        ("--host= ", "write an address or a name"),
        ("--port=70000", "--port (PORT) cannot be \"70000\": write a number from 0 to 65535"),
        ("--port=-1", "--port (PORT) cannot be \"-1\""),
        ("--lanes=0", "--lanes (LANES) cannot be \"0\": write a number of threads from 1 to 1024"),
        ("--lanes=5000", "from 1 to 1024"),
        ("--ping-interval=0", "--ping-interval (PING_INTERVAL) cannot be \"0\": it has to be longer than 0"),
        ("--ping-interval=1073741824", "at most 1073741823 ms (about 12 days) are allowed"),
        ("--ping-timeout=13d", "write a whole number of milliseconds"),
        ("--ping-timeout=299h", "--ping-timeout (PING_TIMEOUT) cannot be \"299h\": at most 1073741823 ms"),
        ("--ping-timeout=1.5", "write a whole number of milliseconds"),
        ("--head-timeout=10001", "--head-timeout (HEAD_TIMEOUT) cannot be \"10001\": at most 10000 ms"),
        ("--head-timeout=0", "longer than 0"),
        ("--max-payload=0", "at least 1 byte"),
        ("--max-payload=2GiB", "at most 1GiB"),
        ("--max-payload=", "--max-payload (MAX_PAYLOAD) cannot be \"\": write a whole number of bytes"),
        ("--origins=https://a/b", "--origins (ORIGINS) cannot be \"https://a/b\": \"https://a/b\" is no origin"),
        ("--log=roomcast=loud", "--log (LOG) cannot be"),
        ("--drain=slowly", "--drain (DRAIN)"),
        ("--drain=61m", "at most 1h"),
    ];
    for (arg, want) in cases {
        let why = read(&[arg]).unwrap_err();
        assert!(why.contains(want) && why.contains("--help"), "{arg}: {why}");
    }
}

#[test]
fn each_flag_may_also_be_written_as_its_variable() {
    let command = Settings::command();
    let mut variables = 0;
    for arg in command.get_arguments() {
        let Some(variable) = arg.get_env().and_then(|name| name.to_str()) else { continue };
        variables += 1;
        let long = arg.get_long().unwrap();
        let names = [long.to_owned(), variable.to_owned(), variable.to_lowercase()];
        for value in ["1000", "wrong \u{1f3b2}"] {
            let results = names.each_ref().map(|name| {
                let apart = format!("{:?}", read(&[&format!("--{name}"), value]));
                assert_eq!(apart, format!("{:?}", read(&[&format!("--{name}={value}")])), "{name}");
                apart
            });
            assert!(results.iter().all(|result| *result == results[0]), "{results:?}");
            assert!(!results[0].contains("unexpected argument"), "{}", results[0]);
        }
    }
    assert!(variables >= 14, "{variables}");
    assert_eq!(settings(&["--PING_INTERVAL=1s", "--ping_timeout", "2s"]).ping_interval, Duration::from_secs(1));
    for other in ["--PING-INTERVAL=1s", "--Ping_Interval=1s", "--ping_interva=1s", "--PING_INTERVAL_=1s"] {
        assert!(read(&[other]).unwrap_err().contains("unexpected argument"), "{other}");
    }
    assert_eq!(settings(&["--host=--ping_timeout=2"]).host, "--ping_timeout=2");
}

#[test]
fn a_certificate_and_its_key_are_set_together() {
    let s = settings(&["--tls-cert", "/etc/a b.pem", "--tls-key=key.pem"]);
    assert_eq!((s.tls_cert, s.tls_key), (Some("/etc/a b.pem".into()), Some("key.pem".into())));
    for (arg, missing) in [("--tls-cert=a.pem", "--tls-key (TLS_KEY)"), ("--tls-key=a.pem", "--tls-cert (TLS_CERT)")] {
        let why = read(&[arg]).unwrap_err();
        assert!(why.contains("alone") && why.contains(&format!("set {missing}")) && why.contains("--help"), "{why}");
    }
    let why = read(&["--tls-cert="]).unwrap_err();
    assert!(why.contains("--tls-cert") && why.contains("--help"), "{why}");
}

#[test]
fn unknown_arguments_are_refused() {
    for arg in ["--no-such-flag", "serve", "-x"] {
        let why = read(&[arg]).unwrap_err();
        assert!(why.contains(arg) && why.contains("--help"), "{why}");
    }
}

#[test]
fn help_is_printed_also_beside_a_wrong_setting() {
    for args in [&["--help"][..], &["-h"], &["--port", "x", "--help"]] {
        let Ok(Asked::Print(help)) = read(args) else { panic!("{args:?}") };
        assert!(help.starts_with("roomcast ") && help.contains("\nLimits\n"), "{help}");
    }
    let Ok(Asked::Print(version)) = read(&["--version"]) else { panic!("no version") };
    assert_eq!(version, format!("roomcast {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn each_line_of_help_has_unit_variable_and_default() {
    let Ok(Asked::Print(help)) = read(&["--help"]) else { panic!("no help") };
    let cases = [
        ("--host <ADDRESS>", "HOST", "127.0.0.1"),
        ("--port <PORT>", "PORT", "3000"),
        ("--lanes <THREADS>", "LANES", "one per core"),
        ("--drain <MS>", "DRAIN", "3000"),
        ("--ping-interval <MS>", "PING_INTERVAL", "25000"),
        ("--ping-timeout <MS>", "PING_TIMEOUT", "20000"),
        ("--connect-timeout <MS>", "CONNECT_TIMEOUT", "45000"),
        ("--head-timeout <MS>", "HEAD_TIMEOUT", "10000"),
        ("--max-payload <BYTES>", "MAX_PAYLOAD", "1000000"),
        ("--origins <LIST>", "ORIGINS", "none"),
        ("--tls-cert <FILE>", "TLS_CERT", "none"),
        ("--tls-key <FILE>", "TLS_KEY", "none"),
        ("--log <FILTER>", "LOG", "info"),
    ];
    for (flag, variable, default) in cases {
        let line = help.lines().find(|line| line.contains(flag)).unwrap_or_else(|| panic!("no {flag} in {help}"));
        assert!(line.contains(&format!("  {variable} ")) || line.ends_with(variable), "{line}");
        assert!(line.contains(default), "{line}");
    }
    assert!(help.lines().all(|line| line.chars().count() <= 120), "{help}");
    let groups: Vec<&str> = help.lines().filter(|l| ["Network", "Limits", "Security", "Logs"].contains(l)).collect();
    assert_eq!(groups, ["Network", "Limits", "Security", "Logs"]);
}
