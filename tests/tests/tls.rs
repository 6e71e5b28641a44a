//! The server inside TLS, with clients on rustls and tungstenite.

use roomcast_tests::{Client, Identity, Member, Server, TlsServer, wait_until};
use std::sync::Arc;

#[test]
fn the_page_and_the_numbers_over_https() {
    let identity = Identity::new();
    let server = TlsServer::start("https", &identity, &[]);
    let banner = server.process().banner();
    assert!(banner.contains(" on https://127.0.0.1:"), "{banner}");
    let health = server.get(&identity, "/healthz");
    assert_eq!((health.status, health.text()), (200, "ok\n"));
    let page = server.get(&identity, "/");
    assert!(page.status == 200 && page.text().contains("<html"), "{page:?}");
    assert_eq!(server.get(&identity, "/nothing").status, 404);
    assert_eq!(server.stats(&identity).tcp, 1, "the one that asks");
}

#[test]
fn plain_http_is_told_what_to_do() {
    let identity = Identity::new();
    let server = TlsServer::start("plain", &identity, &[]);
    let answer = server.process().get("/healthz");
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("https://"), "{}", answer.text());
    wait_until("it is logged", || server.process().log().contains("the client speaks HTTP without TLS"));
}

#[test]
fn whoever_does_not_finish_a_handshake_is_closed_in_time() {
    let identity = Identity::new();
    let server = TlsServer::start("slow", &identity, &[("HEAD_TIMEOUT", "3000")]);
    let (mut silent, mut half) = (Client::connect(server.process()), Client::connect(server.process()));
    half.send(&[22, 3, 1, 2, 0, 1, 0]);
    // Another one is served meanwhile, and counts them.
    assert_eq!(server.stats(&identity).tcp, 3);
    silent.assert_ended();
    half.assert_ended();
    wait_until("both are forgotten", || server.stats(&identity).tcp == 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_members_get_every_byte_in_order() {
    const MESSAGES: usize = 120;
    let identity = Identity::new();
    let server = TlsServer::start("crowd", &identity, &[]);
    let (mut sender, _) = server.open_rooms(&identity).await;
    let mut members = Vec::new();
    for _ in 0..100 {
        let (mut member, _) = server.open_rooms(&identity).await;
        member.ok(r#"{"id":1,"op":"join","room":"crowd"}"#).await;
        members.push(member);
    }
    assert_eq!(server.stats(&identity).websockets, 101);
    // From a few bytes to several records.
    let data = |n: usize| format!(r#"{{"n":{n},"pad":"{}"}}"#, "é€𝄞x".repeat(n * n % 7_000));
    let expected: Arc<Vec<String>> =
        Arc::new((0..MESSAGES).map(|n| format!(r#"{{"event":"e","data":{}}}"#, data(n))).collect());
    let reading = members.into_iter().map(|mut member| {
        let expected = Arc::clone(&expected);
        tokio::spawn(async move {
            for (n, expected) in expected.iter().enumerate() {
                assert!(member.text().await == *expected, "message {n}");
            }
            member
        })
    });
    let reading: Vec<_> = reading.collect();
    for n in 0..MESSAGES {
        sender.ok(&format!(r#"{{"id":{n},"op":"broadcast","room":"crowd","event":"e","data":{}}}"#, data(n))).await;
    }
    let mut members = Vec::new();
    for reading in reading {
        members.push(reading.await.expect("all came, and in order"));
    }
    drop(members);
    wait_until("they are gone", || server.stats(&identity).websockets == 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sighup_changes_the_certificate_for_those_who_come() {
    let (first, second) = (Identity::new(), Identity::new());
    let server = TlsServer::start("reload", &first, &[]);
    let (mut old, _) = server.open_rooms(&first).await;
    old.ok(r#"{"id":1,"op":"join","room":"r"}"#).await;
    assert!(server.connect(&second).await.is_err(), "the test knows the difference");

    server.write(second.certificate_pem(), second.key_pem());
    server.signal("HUP");
    wait_until("it is logged", || server.process().log().contains("new connections get the certificate with SHA-256"));
    assert!(server.connect(&first).await.is_err(), "the old certificate is out of use");
    let (mut new, _) = server.open_rooms(&second).await;
    broadcast(&mut new, &mut old, "one").await;

    // What is no identity changes nothing.
    server.write(first.certificate_pem(), second.key_pem());
    server.signal("HUP");
    wait_until("it is logged", || server.process().log().contains("the certificate stays as it was: the key in"));
    let (mut newer, _) = server.open_rooms(&second).await;
    broadcast(&mut newer, &mut old, "two").await;
    broadcast(&mut new, &mut old, "three").await;
}

async fn broadcast(from: &mut Member, to: &mut Member, word: &str) {
    from.ok(&format!(r#"{{"id":1,"op":"broadcast","room":"r","event":"e","data":"{word}"}}"#)).await;
    assert_eq!(to.text().await, format!(r#"{{"event":"e","data":"{word}"}}"#));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_says_goodbye_inside_tls() {
    let identity = Identity::new();
    let server = TlsServer::start("term", &identity, &[("DRAIN", "100")]);
    let (mut member, _) = server.open_rooms(&identity).await;
    server.signal("TERM");
    let close = member.closed().await.expect("a code");
    assert_eq!(u16::from(close.code), 1001);
}

#[test]
fn files_that_are_no_identity_are_refused_at_the_start() {
    let (one, other) = (Identity::new(), Identity::new());
    let folder = std::env::temp_dir().join(format!("roomcast-bad-files-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, text: &str| {
        let file = folder.join(name);
        std::fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let certificate = write("cert.pem", one.certificate_pem());
    let (key, foreign, empty) =
        (write("key.pem", one.key_pem()), write("foreign.pem", other.key_pem()), write("empty.pem", ""));
    let missing = folder.join("missing.pem").to_str().unwrap().to_owned();
    for (certificate, key, named) in [
        (&certificate, &foreign, &foreign),
        (&certificate, &empty, &empty),
        (&certificate, &missing, &missing),
        (&empty, &key, &empty),
        (&missing, &key, &missing),
    ] {
        let (code, text) = Server::refuses(&[("TLS_CERT", certificate), ("TLS_KEY", key)]);
        assert_eq!(code, 1, "{text}");
        assert!(
            text.contains(named.as_str()) && text.contains("TLS_CERT") && text.trim().lines().count() == 1,
            "{text}"
        );
    }
    for (setting, missing) in [("TLS_CERT", "--tls-key (TLS_KEY)"), ("TLS_KEY", "--tls-cert (TLS_CERT)")] {
        let (code, text) = Server::refuses(&[(setting, &certificate)]);
        assert_eq!(code, 2, "{text}");
        assert!(text.contains(&format!("set {missing}")), "{text}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
