use super::*;
use http::request::Builder;

/// The example of section 1.3.
fn request() -> Builder {
    Request::get("/chat")
        .header("Host", "server.example.com")
        .header("Upgrade", "websocket")
        .header("Connection", "Upgrade")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("Sec-WebSocket-Version", "13")
}

fn judge(request: Builder) -> Result<Response<()>, HandshakeError> {
    accept(&request.body(()).unwrap())
}

fn without(name: &str) -> Builder {
    let mut request = request();
    request.headers_mut().unwrap().remove(name).unwrap();
    request
}

fn with(name: &'static str, value: &str) -> Builder {
    let mut request = request();
    request.headers_mut().unwrap().insert(name, value.parse().unwrap());
    request
}

#[test]
fn the_example_of_the_rfc() {
    let response = judge(request()).unwrap();
    assert_eq!(response.status(), 101);
    assert_eq!(response.headers()["upgrade"], "websocket");
    assert_eq!(response.headers()["connection"], "Upgrade");
    assert_eq!(response.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_eq!(response.headers().len(), 3);
}

#[test]
fn method_and_http_version() {
    assert_eq!(judge(request().method("POST")).unwrap_err(), HandshakeError::Method);
    assert_eq!(judge(request().method("HEAD")).unwrap_err(), HandshakeError::Method);
    for version in [Version::HTTP_09, Version::HTTP_10, Version::HTTP_2, Version::HTTP_3] {
        assert_eq!(judge(request().version(version)).unwrap_err(), HandshakeError::HttpVersion);
    }
}

#[test]
fn every_header_is_needed() {
    assert_eq!(judge(without("host")).unwrap_err(), HandshakeError::Host);
    assert_eq!(judge(without("upgrade")).unwrap_err(), HandshakeError::Upgrade);
    assert_eq!(judge(without("connection")).unwrap_err(), HandshakeError::Connection);
    assert_eq!(judge(without("sec-websocket-version")).unwrap_err(), HandshakeError::Version);
    assert_eq!(judge(without("sec-websocket-key")).unwrap_err(), HandshakeError::Key);
}

#[test]
fn headers_that_must_occur_once() {
    assert_eq!(judge(request().header("Host", "other")).unwrap_err(), HandshakeError::Host);
    assert_eq!(judge(request().header("Sec-WebSocket-Version", "13")).unwrap_err(), HandshakeError::Version);
    let key = "AAAAAAAAAAAAAAAAAAAAAA==";
    assert_eq!(judge(request().header("Sec-WebSocket-Key", key)).unwrap_err(), HandshakeError::Key);
}

#[test]
fn upgrade_and_connection_are_lists_without_case() {
    for value in ["WebSocket", "websocket, h2c", "h2c ,\twebsocket", ",websocket,"] {
        assert!(judge(with("upgrade", value)).is_ok(), "{value}");
    }
    assert!(judge(with("upgrade", "h2c").header("Upgrade", "websocket")).is_ok());
    for value in ["keep-alive, Upgrade", "upgrade", "UPGRADE,close"] {
        assert!(judge(with("connection", value)).is_ok(), "{value}");
    }
    assert!(judge(with("connection", "keep-alive").header("Connection", "upgrade")).is_ok());
    for value in ["h2c", "websockets", "web socket", "websocket/13", ""] {
        assert_eq!(judge(with("upgrade", value)).unwrap_err(), HandshakeError::Upgrade, "{value}");
    }
    for value in ["keep-alive", "close", "upgraded"] {
        assert_eq!(judge(with("connection", value)).unwrap_err(), HandshakeError::Connection, "{value}");
    }
}

#[test]
fn only_version_13() {
    for version in ["8", "12", "14", "013", "13, 8", ""] {
        assert_eq!(judge(with("sec-websocket-version", version)).unwrap_err(), HandshakeError::Version, "{version}");
    }
}

#[test]
fn the_key_is_base64_of_16_bytes() {
    for key in ["AAAAAAAAAAAAAAAAAAAAAA==", "+/+/+/+/+/+/+/+/+/+/+w==", "abcdefghijklmnopqrstuv=="] {
        assert!(judge(with("sec-websocket-key", key)).is_ok(), "{key}");
    }
    for key in ["", "==", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAA=", "AAAAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAA-=="] {
        assert_eq!(judge(with("sec-websocket-key", key)).unwrap_err(), HandshakeError::Key, "{key}");
    }
    let long = "A".repeat(23) + "==";
    assert_eq!(judge(with("sec-websocket-key", &long)).unwrap_err(), HandshakeError::Key);
}

#[test]
fn no_body() {
    assert!(judge(request().header("Content-Length", "0")).is_ok());
    assert_eq!(judge(request().header("Content-Length", "1")).unwrap_err(), HandshakeError::Body);
    assert_eq!(judge(request().header("Content-Length", "x")).unwrap_err(), HandshakeError::Body);
    let twice = request().header("Content-Length", "0").header("Content-Length", "5");
    assert_eq!(judge(twice).unwrap_err(), HandshakeError::Body);
    assert_eq!(judge(request().header("Transfer-Encoding", "chunked")).unwrap_err(), HandshakeError::Body);
}

#[test]
fn an_empty_host_says_nothing() {
    assert_eq!(judge(with("host", "")).unwrap_err(), HandshakeError::Host);
}

#[test]
fn answers_say_what_is_wrong() {
    let version = HandshakeError::Version.response();
    assert_eq!(version.status(), 426);
    assert_eq!(version.headers()["sec-websocket-version"], "13");
    assert_eq!(version.headers()["upgrade"], "websocket");
    assert_eq!(version.body(), "send exactly one Sec-WebSocket-Version: 13\n");
    assert_eq!(HandshakeError::Method.response().headers()["allow"], "GET");
    assert_eq!(HandshakeError::Method.response().status(), 405);
    for error in [HandshakeError::HttpVersion, HandshakeError::Body, HandshakeError::Host, HandshakeError::Key] {
        let response = error.response();
        assert_eq!(response.status(), 400);
        assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8");
        assert_eq!(*response.body(), format!("{error}\n"));
    }
}
