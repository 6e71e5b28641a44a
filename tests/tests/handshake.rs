//! The opening handshake on raw sockets (RFC 6455 section 4, CONTRACT.md sections 4 to 6), and heads that never end.

use roomcast_tests::{Client, DEADLINE, Frame, Response, Server, Stats, handshake};
use std::time::{Duration, Instant};

/// Sends a head; the answer to it, which is no 101, and after which the server is unharmed.
#[track_caller]
fn refused(server: &Server, head: &str) -> Response {
    let mut client = Client::connect(server);
    client.send(head.as_bytes());
    let response = client.response();
    assert!((400..500).contains(&response.status), "{head}{response:?}");
    response
}

fn with(line: &str) -> String {
    handshake("/ws/echo").replacen("\r\n\r\n", &format!("\r\n{line}\r\n\r\n"), 1)
}

/// The handshake with one header line replaced, or left out if `by` is empty.
fn replaced(header: &str, by: &str) -> String {
    let head = handshake("/ws/echo");
    let line = head.split_inclusive("\r\n").find(|line| line.starts_with(header)).expect("it is there");
    let by = if by.is_empty() { String::new() } else { format!("{by}\r\n") };
    head.replacen(line, &by, 1)
}

#[test]
fn the_handshake_of_the_rfc_on_both_paths() {
    let mut server = Server::start(&[]);
    for path in ["/ws/echo", "/ws", "/ws/echo?with=query"] {
        let _ = Client::open(&server, path);
    }
    server.assert_unharmed();
}

#[test]
fn headers_in_the_forms_that_clients_use() {
    let mut server = Server::start(&[]);
    for head in [
        replaced("Connection", "Connection: keep-alive, Upgrade"),
        replaced("Connection", "connection:upgrade"),
        replaced("Connection", "Connection: keep-alive\r\nConnection: Upgrade"),
        replaced("Upgrade", "UPGRADE: WebSocket"),
        replaced("Upgrade", "Upgrade: h2c, websocket"),
        replaced("Sec-WebSocket-Version", "sec-websocket-version:   13  "),
        with("Sec-WebSocket-Protocol: chat, superchat"),
        with("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"),
        with("Content-Length: 0"),
        with("Cookie: a=b; c=d\r\nUser-Agent: test/1.0\r\nX-Other: \u{e9}"),
    ] {
        let mut client = Client::connect(&server);
        client.send(head.as_bytes());
        client.assert_switched();
        client.assert_echo("it is open");
    }
    server.assert_unharmed();
}

#[test]
fn every_header_is_needed() {
    let mut server = Server::start(&[]);
    for header in ["Host", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Upgrade"] {
        refused(&server, &replaced(header, ""));
    }
    server.assert_unharmed();
}

#[test]
fn keys_that_are_not_16_bytes_of_base64() {
    let mut server = Server::start(&[]);
    for key in [
        "",
        "AAAA",
        "AAAAAAAAAAAAAAAAAAAAAA=",
        "AAAAAAAAAAAAAAAAAAAAAAAA",
        "A-AAAAAAAAAAAAAAAAAAAA==",
        "not base64, but 24 bytes",
    ] {
        let response = refused(&server, &replaced("Sec-WebSocket-Key", &format!("Sec-WebSocket-Key: {key}")));
        assert_eq!(response.status, 400, "{key}");
    }
    server.assert_unharmed();
}

#[test]
fn another_version_is_told_the_right_one() {
    let mut server = Server::start(&[]);
    for version in ["0", "7", "8", "12", "14", "255", "thirteen", "13, 8"] {
        let line = format!("Sec-WebSocket-Version: {version}");
        let response = refused(&server, &replaced("Sec-WebSocket-Version", &line));
        assert_eq!(response.status, 426, "{version}");
        assert_eq!(response.header("sec-websocket-version"), Some("13"), "{version}");
    }
    server.assert_unharmed();
}

#[test]
fn another_upgrade_and_none_at_all() {
    let mut server = Server::start(&[]);
    for upgrade in ["Upgrade: h2c", "Upgrade: websockets", "Upgrade: web socket"] {
        refused(&server, &replaced("Upgrade", upgrade));
    }
    refused(&server, &replaced("Connection", "Connection: close"));
    refused(&server, "GET /ws HTTP/1.1\r\nHost: test\r\n\r\n");
    refused(&server, "GET /ws/echo HTTP/1.1\r\nHost: test\r\n\r\n");
    server.assert_unharmed();
}

#[test]
fn headers_that_must_occur_once() {
    let mut server = Server::start(&[]);
    refused(&server, &with("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="));
    refused(&server, &with("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="));
    refused(&server, &with("Sec-WebSocket-Version: 13"));
    refused(&server, &with("Sec-WebSocket-Version: 8"));
    refused(&server, &with("Host: other"));
    server.assert_unharmed();
}

#[test]
fn other_methods() {
    let mut server = Server::start(&[]);
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        refused(&server, &handshake("/ws/echo").replacen("GET", method, 1));
    }
    server.assert_unharmed();
}

#[test]
fn a_body_is_refused_and_not_read_as_frames() {
    let mut server = Server::start(&[]);
    refused(&server, &format!("{}\x01\x02\x03\x04\x05", with("Content-Length: 5")));
    refused(&server, &with("Content-Length: 5"));
    refused(&server, &format!("{}0\r\n\r\n", with("Transfer-Encoding: chunked")));
    server.assert_unharmed();
}

#[test]
fn unknown_paths() {
    let mut server = Server::start(&[]);
    for path in ["/nothing", "/ws/echo/more", "/ws/", "/WS", "/%zz"] {
        let response = refused(&server, &handshake(path));
        assert!(matches!(response.status, 400 | 404), "{path}: {}", response.status);
    }
    assert_eq!(refused(&server, &handshake("/nothing")).status, 404);
    server.assert_unharmed();
}

#[test]
fn other_versions_of_http() {
    let mut server = Server::start(&[]);
    refused(&server, &handshake("/ws/echo").replacen("HTTP/1.1", "HTTP/1.0", 1));
    for bytes in
        ["HTTP/0.9 nonsense\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET / HTTP/3.0\r\n\r\n", "\0\0\0\0\r\n\r\n"]
    {
        let mut client = Client::connect(&server);
        client.send(bytes.as_bytes());
        let answer = client.response_or_end();
        assert!(answer.is_none_or(|answer| answer.status >= 400), "{bytes:?}");
    }
    // A TLS client that has the wrong port.
    let mut client = Client::connect(&server);
    client.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n");
    assert!(client.response_or_end().is_none_or(|answer| answer.status >= 400));
    server.assert_unharmed();
}

#[test]
fn a_refusal_says_what_to_do() {
    let mut server = Server::start(&[]);
    let response = refused(&server, &replaced("Sec-WebSocket-Key", ""));
    assert!(response.text().contains("Sec-WebSocket-Key"), "{}", response.text());
    let response = refused(&server, "GET /ws HTTP/1.1\r\nHost: test\r\n\r\n");
    assert!(response.text().to_ascii_lowercase().contains("websocket"), "{}", response.text());
    server.assert_unharmed();
}

/// What follows a refused handshake may be frames, of a client or a proxy that did not wait: it is no request.
#[test]
fn a_refusal_ends_its_connection() {
    let mut server = Server::start(&[]);
    let mut client = Client::connect(&server);
    let head = replaced("Sec-WebSocket-Version", "Sec-WebSocket-Version: 8");
    client
        .send(&[head.as_bytes(), &Frame::text_message("GET /stats HTTP/1.1\r\n\r\n").masked([0; 4]).bytes()].concat());
    assert_eq!(client.response().status, 426);
    client.assert_ended();
    server.assert_unharmed();
}

#[test]
fn heads_that_are_too_long() {
    let mut server = Server::start(&[]);
    let long_header = with(&format!("X-Long: {}", "x".repeat(200_000)));
    let many_headers = with(&(0..2_000).map(|i| format!("X-{i}: y")).collect::<Vec<_>>().join("\r\n"));
    let long_path = handshake(&format!("/{}", "x".repeat(200_000)));
    for head in [long_header, many_headers, long_path] {
        let mut client = Client::connect(&server);
        client.try_send(head.as_bytes());
        let answer = client.response_or_end();
        assert!(answer.is_none_or(|answer| (400..500).contains(&answer.status)));
    }
    server.assert_unharmed();
}

/// A head in two parts, for every place of the cut; all at once, so that no read sees both parts of all.
#[test]
fn a_head_cut_at_every_byte() {
    let mut server = Server::start(&[]);
    let head = handshake("/ws/echo").into_bytes();
    let mut clients: Vec<Client> = (0..head.len()).map(|_| Client::connect(&server)).collect();
    for (at, client) in clients.iter_mut().enumerate() {
        client.send(&head[..at]);
    }
    assert_eq!(server.get("/healthz").status, 200);
    for (at, client) in clients.iter_mut().enumerate() {
        client.send(&head[at..]);
    }
    for client in &mut clients {
        client.assert_switched();
        client.assert_echo("whole");
    }
    drop(clients);
    server.assert_unharmed();
}

#[test]
fn connections_without_a_head_end_at_head_timeout() {
    let mut server = Server::start(&[("HEAD_TIMEOUT", "3000")]);
    let idle = server.idle();
    let starts = ["", "GET", "GET /ws HTTP/1.1\r\nHost: test\r\n", &handshake("/ws")[..100]];
    let begun = Instant::now();
    let mut clients: Vec<Client> = (0..40).map(|_| Client::connect(&server)).collect();
    for (client, start) in clients.iter_mut().zip(starts.iter().cycle()) {
        client.send(start.as_bytes());
    }
    server.wait_for_stats(&Stats { tcp: idle.tcp + 40, ..idle });
    for client in &mut clients {
        // A 408 may be said before the end.
        assert!(client.response_or_end().is_none_or(|answer| answer.status == 408));
        client.drain();
    }
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(2_900), "ended after {took:?}");
    server.wait_for_stats(&idle);
    server.assert_unharmed();
}

/// A head that comes in drops: the time runs from its start, not from its last byte.
#[test]
fn a_slow_head_ends_at_head_timeout_too() {
    let mut server = Server::start(&[("HEAD_TIMEOUT", "700")]);
    let mut client = Client::connect(&server);
    let begun = Instant::now();
    for byte in handshake("/ws").bytes().cycle() {
        client.try_send(&[byte]);
        if client.ended_within(Duration::from_millis(50)) {
            break;
        }
        assert!(begun.elapsed() < DEADLINE, "a head in drops is waited for without end");
    }
    assert!(begun.elapsed() >= Duration::from_millis(650), "{:?}", begun.elapsed());
    server.wait_for_stats(&server.idle());
    server.assert_unharmed();
}

/// HEAD_TIMEOUT is for heads: an open WebSocket that says nothing stays.
#[test]
fn an_open_websocket_may_be_silent_for_longer_than_head_timeout() {
    let mut server = Server::start(&[("HEAD_TIMEOUT", "300")]);
    let mut silent = Client::open(&server, "/ws/echo");
    let mut half_open = Client::connect(&server);
    half_open.drain(); // ends at HEAD_TIMEOUT
    let mut later = Client::connect(&server);
    later.drain();
    silent.assert_echo("still open");
    drop((silent, half_open, later));
    server.assert_unharmed();
}
