use http::HeaderValue;

use super::*;

fn request(host: &str, origin: &str) -> Request<()> {
    Request::get("/").header(HOST, host).header(ORIGIN, origin).body(()).unwrap()
}

fn allows(list: &[&str], host: &str, origin: &str) -> bool {
    Origins::new(list).unwrap().check(&request(host, origin)).is_ok()
}

#[test]
fn scripts_are_known_by_their_page() {
    let listed = Origins::new(["https://app.example.com"]).unwrap();
    let judged = |origins: &Origins, headers: &[(&'static str, &str)]| {
        let request = Request::get("/").header(HOST, "own.example:3000");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        origins.check_script(&request.body(()).unwrap()).is_ok()
    };
    let (referer, site) = ("referer", "sec-fetch-site");
    for headers in [
        &[(referer, "http://own.example:3000/page?x#y")][..],
        &[(referer, "https://app.example.com/"), (site, "cross-site")],
        &[(referer, "https://app.example.com")],
        &[(site, "same-origin")],
        &[(site, "none")],
        &[("origin", "https://other.example"), (site, "cross-site")],
        // A program, or a page that learns nothing through its visitor.
        &[],
    ] {
        assert!(judged(&listed, headers), "{headers:?}");
    }
    for headers in [
        &[(referer, "http://foreign.example/own.example:3000/")][..],
        &[(referer, "http://own.example:3001/")],
        &[(referer, "https://app.example.com.evil.example/")],
        &[(referer, "https://evil.example?https://app.example.com")],
        &[(referer, "")],
        &[(referer, "://")],
        &[("cookie", "a=1")],
        &[("authorization", "Basic YTpi")],
        &[(site, "cross-site")],
        &[(site, "same-site")],
        &[(site, "?")],
    ] {
        assert!(!judged(&listed, headers), "{headers:?}");
        assert!(judged(&Origins::new(["*"]).unwrap(), headers));
    }
}

#[test]
fn a_missing_origin_is_allowed_two_are_not() {
    assert_eq!(Origins::default().check(&Request::new(())), Ok(()));
    let mut request = request("a.example", "http://a.example");
    assert_eq!(Origins::default().check(&request), Ok(()));
    request.headers_mut().append(ORIGIN, HeaderValue::from_static("http://a.example"));
    assert_eq!(Origins::default().check(&request), Err(Foreign(Why::Page("http://a.example".into()))));
}

#[test]
fn the_own_host_is_allowed_by_default() {
    let same = [
        ("a.example", "http://a.example"),
        ("a.example", "https://a.example"),
        ("A.Example", "http://a.exAMPLE"),
        ("a.example:80", "http://a.example"),
        ("a.example", "https://a.example:443"),
        ("127.0.0.1:3000", "http://127.0.0.1:3000"),
        ("[::1]:3000", "http://[::1]:3000"),
    ];
    for (host, origin) in same {
        assert!(allows(&[], host, origin), "{host} {origin}");
    }
    let foreign = [
        ("a.example", "http://b.example"),
        ("a.example", "http://a.example.evil.example"),
        ("a.example", "http://evila.example"),
        ("a.example", "http://sub.a.example"),
        ("a.example", "http://a.example:8080"),
        ("a.example:3000", "http://a.example"),
        ("a.example", "http://a.example@evil.example"),
        ("a.example", "http://evil.example/a.example"),
        ("a.example", "http://evil.example#a.example"),
        ("a.example", "null"),
        ("a.example", ""),
        ("a.example", "a.example"),
        ("a.example", "://a.example"),
        ("a.example", "http://a.example/"),
        ("a.example", "http://a.example http://a.example"),
        ("a.example, b.example", "http://b.example"),
        ("[::1]:3000", "http://[::2]:3000"),
    ];
    for (host, origin) in foreign {
        assert!(!allows(&[], host, origin), "{host} {origin}");
    }
}

#[test]
fn the_own_host_of_http2_stands_in_the_uri() {
    let judged = |uri: &str, origin: &str| {
        let request = Request::get(uri).header(ORIGIN, origin).body(()).unwrap();
        let script = Request::get(uri).header(REFERER, origin).body(()).unwrap();
        (Origins::default().check(&request).is_ok(), Origins::default().check_script(&script).is_ok())
    };
    assert_eq!(judged("https://a.example/", "https://a.example"), (true, true));
    assert_eq!(judged("http://a.example:3000/socket.io/?EIO=4", "http://a.example:3000"), (true, true));
    assert_eq!(judged("https://a.example/", "https://b.example"), (false, false));
    assert_eq!(judged("http://a.example:3000/", "http://a.example"), (false, false));
    assert_eq!(judged("/", "https://a.example"), (false, false), "nobody says which host it is");
    let both = Request::get("http://b.example/").header(HOST, "a.example").header(ORIGIN, "http://b.example");
    assert!(Origins::default().check(&both.body(()).unwrap()).is_err(), "the header counts where there is one");
}

#[test]
fn a_list_names_origins_exactly() {
    let list = ["https://app.example.com", "localhost:5173", "https://*.example.org", "*.example.net:8443"];
    let allowed = [
        "https://app.example.com",
        "https://app.example.com:443",
        "http://localhost:5173",
        "https://localhost:5173",
        "https://a.example.org",
        "https://a.b.example.org",
        "https://x.example.net:8443",
    ];
    for origin in allowed {
        assert!(allows(&list, "other", origin), "{origin}");
    }
    let foreign = [
        "http://app.example.com",
        "https://app.example.com:444",
        "https://app.example.com.evil.com",
        "https://evilapp.example.com",
        "http://localhost",
        "http://localhost:5174",
        "https://example.org",
        "https://.example.org",
        "https://evilexample.org",
        "https://any-example.org",
        "http://a.example.org",
        "https://a.example.org.evil.com",
        "https://a.example.org:444",
        "https://x.example.net",
        "null",
    ];
    for origin in foreign {
        assert!(!allows(&list, "other", origin), "{origin}");
    }
}

#[test]
fn everybody_and_nobodys_have_to_be_spelled_out() {
    assert!(allows(&["*"], "a", "http://b"));
    assert!(allows(&["*"], "a", "null"));
    assert!(allows(&["null"], "a", "null"));
    assert!(!allows(&["null"], "a", "http://null"));
    assert!(!allows(&["null"], "a", "http://b"));
}

#[test]
fn what_is_no_origin_says_how_to_write_one() {
    for entry in [
        "",
        "https://",
        "https://a/b",
        "https://a/",
        "a b",
        "https://*",
        "*.",
        "a.*.b",
        "u@a",
        "a:port",
        "a:",
        "://a",
        "**",
    ] {
        let error = Origins::new([entry]).unwrap_err();
        assert_eq!(error, InvalidOrigin(entry.into()));
        assert!(error.to_string().contains("https://app.example.com"));
    }
}

#[test]
fn what_a_log_shows_is_short_and_printable() {
    let mut request = request("a", "http://b");
    request.headers_mut().insert(ORIGIN, HeaderValue::from_bytes(&[0xff; 5_000]).unwrap());
    let origin = Origins::default().check(&request).unwrap_err().to_string();
    assert!(origin.len() <= 900 && origin.is_ascii(), "{origin}");
}
