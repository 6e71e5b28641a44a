//! What an answer says so that a page of another origin may read it (Fetch Standard, "CORS protocol").
//!
//! A browser sends a page's request with the user's cookies, and hands the answer over only if it names the page's origin and
//! says that cookies were fine. For what is no plain GET or POST, or has headers of its own, it asks before: the preflight.
//! Who may read is who may connect: [`Origins`] decides both. The origin is always named, since `*` is not valid together
//! with cookies.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD,
    HeaderName, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};

use crate::origin::{Foreign, Origins};

/// The longest origin that is echoed, in bytes. A DNS name has 253 at most.
const ORIGIN_BYTES_MAX: usize = 512;

/// The longest list of names of headers that a preflight is granted, in bytes.
const NAMES_BYTES_MAX: usize = 1_024;

/// How long a browser may keep what a preflight was told: two hours, which is all that Chromium does.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

/// What the answer to one request says of who may read it. Cheap to keep until there is an answer: it holds a copy of the
/// origin, and nothing else of the request.
///
/// ```
/// # use http::{Request, Response, StatusCode};
/// # use roomcast_http::{Cors, Origins};
/// fn answer(origins: &Origins, request: &Request<()>) -> Response<()> {
///     let Ok(cors) = Cors::check(origins, request) else {
///         let mut forbidden = Response::new(());
///         *forbidden.status_mut() = StatusCode::FORBIDDEN;
///         return forbidden;
///     };
///     if let Some(answer) = cors.preflight(request) {
///         return answer;
///     }
///     let mut answer = Response::new(());
///     cors.apply(answer.headers_mut());
///     answer
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Cors {
    origin: Option<HeaderValue>,
}

impl Cors {
    /// Judges a request by its `Origin`. Costs what [`Origins::check`] costs, and a copy of the origin.
    ///
    /// # Errors
    /// The page is foreign: its request is to be refused, and the refusal says nothing that lets the page read it.
    pub fn check<B>(origins: &Origins, request: &Request<B>) -> Result<Self, Foreign> {
        origins.check(request)?;
        Ok(Self { origin: request.headers().get(ORIGIN).and_then(echo) })
    }

    /// Adds what the answer must say. Every answer to an allowed request needs it, errors too, or the page cannot see what
    /// went wrong; and requests without an `Origin` as well, because a cache must not hand their answer to a page.
    pub fn apply(&self, answer: &mut HeaderMap) {
        answer.append(VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = &self.origin {
            answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            answer.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
    }

    /// The whole answer, if this request is a preflight: 204, for GET and POST, with whatever headers the page wants to send.
    /// A list of them that is no list of names, or is longer than 1,024 bytes, is not granted.
    pub fn preflight<B>(&self, request: &Request<B>) -> Option<Response<()>> {
        let headers = request.headers();
        let is_preflight = request.method() == Method::OPTIONS
            && headers.contains_key(ORIGIN)
            && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        is_preflight.then(|| {
            let mut response = Response::new(());
            *response.status_mut() = StatusCode::NO_CONTENT;
            self.apply(response.headers_mut());
            if self.origin.is_some() {
                grant(headers, response.headers_mut());
            }
            response
        })
    }
}

fn grant(request: &HeaderMap, answer: &mut HeaderMap) {
    answer.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
    answer.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    let mut lists = request.get_all(ACCESS_CONTROL_REQUEST_HEADERS).iter();
    if let (Some(list), None) = (lists.next(), lists.next())
        && is_list_of_names(list)
    {
        answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, list.clone());
    }
}

/// A copy of what can be an origin. Where all pages are allowed anything at all may stand here, and is not sent back.
fn echo(origin: &HeaderValue) -> Option<HeaderValue> {
    let bytes = origin.as_bytes();
    let is_plausible = (1..=ORIGIN_BYTES_MAX).contains(&bytes.len())
        && bytes != b"*"
        && bytes.iter().all(|byte| byte.is_ascii_graphic() && *byte != b',');
    // A clone would keep the buffer that the whole head of the request was read into.
    is_plausible.then(|| HeaderValue::from_bytes(bytes).ok()).flatten()
}

/// Names of headers with commas between. `*` is a token too, but in an answer it may mean all of them.
fn is_list_of_names(list: &HeaderValue) -> bool {
    let is_name = |name: &[u8]| name != b"*" && HeaderName::from_bytes(name).is_ok();
    let bytes = list.as_bytes();
    bytes.len() <= NAMES_BYTES_MAX && bytes.split(|byte| *byte == b',').all(|name| is_name(name.trim_ascii()))
}

#[cfg(test)]
mod tests {
    use http::header::HOST;

    use super::*;

    const PAGE: &str = "https://app.example";

    fn listed() -> Origins {
        Origins::new([PAGE]).unwrap()
    }

    fn everybody() -> Origins {
        Origins::new(["*"]).unwrap()
    }

    fn from(origin: &[u8]) -> Request<()> {
        Request::options("/").header(HOST, "a.example").header(ORIGIN, origin).body(()).unwrap()
    }

    /// A preflight for POST with these lines of wanted headers.
    fn asking(origin: &[u8], wanted: &[&str]) -> Request<()> {
        let mut request = from(origin);
        let headers = request.headers_mut();
        headers.insert(ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("POST"));
        for list in wanted {
            headers.append(ACCESS_CONTROL_REQUEST_HEADERS, HeaderValue::from_bytes(list.as_bytes()).unwrap());
        }
        request
    }

    /// All that the answer to a request says, `name: value`, sorted.
    fn said(headers: &HeaderMap) -> Vec<String> {
        let line = |(name, value): (_, &HeaderValue)| format!("{name}: {}", value.as_bytes().escape_ascii());
        let mut lines: Vec<_> = headers.iter().map(line).collect();
        lines.sort();
        lines
    }

    fn answered(origins: &Origins, request: &Request<()>) -> Vec<String> {
        let mut answer = HeaderMap::new();
        Cors::check(origins, request).unwrap().apply(&mut answer);
        said(&answer)
    }

    fn preflight(origins: &Origins, request: &Request<()>) -> HeaderMap {
        let response = Cors::check(origins, request).unwrap().preflight(request).unwrap();
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        response.headers().clone()
    }

    fn granted(wanted: &[&str]) -> Option<String> {
        let answer = preflight(&listed(), &asking(PAGE.as_bytes(), wanted));
        assert_eq!(answer[ACCESS_CONTROL_ALLOW_ORIGIN], PAGE, "whatever else is wrong");
        answer.get(ACCESS_CONTROL_ALLOW_HEADERS).map(|names| names.to_str().unwrap().to_owned())
    }

    #[test]
    fn an_allowed_page_is_named_and_may_bring_cookies() {
        for (origins, origin) in [
            (listed(), PAGE),
            (everybody(), "https://any.example:8443"),
            (everybody(), "null"),
            (everybody(), "file://"),
            (Origins::new(["null"]).unwrap(), "null"),
            (Origins::default(), "http://a.example"),
        ] {
            let want = [
                "access-control-allow-credentials: true".to_owned(),
                format!("access-control-allow-origin: {origin}"),
                "vary: Origin".to_owned(),
            ];
            assert_eq!(answered(&origins, &from(origin.as_bytes())), want);
        }
    }

    #[test]
    fn a_foreign_page_gets_nothing() {
        for origin in ["http://app.example", "https://app.example.evil.example", "null", "*", ""] {
            assert!(Cors::check(&listed(), &from(origin.as_bytes())).is_err(), "{origin}");
            assert!(Cors::check(&listed(), &asking(origin.as_bytes(), &[])).is_err(), "{origin}");
        }
    }

    #[test]
    fn two_origins_are_foreign_even_where_all_are_allowed() {
        let mut request = from(PAGE.as_bytes());
        request.headers_mut().append(ORIGIN, HeaderValue::from_static(PAGE));
        assert!(Cors::check(&everybody(), &request).is_err());
    }

    #[test]
    fn caches_are_told_even_if_there_is_no_origin() {
        assert_eq!(answered(&listed(), &Request::new(())), ["vary: Origin"]);
    }

    #[test]
    fn what_the_answer_said_before_stays() {
        let mut answer = HeaderMap::from_iter([(VARY, HeaderValue::from_static("accept-encoding"))]);
        Cors::check(&listed(), &Request::new(())).unwrap().apply(&mut answer);
        assert_eq!(said(&answer), ["vary: Origin", "vary: accept-encoding"]);
    }

    #[test]
    fn what_can_be_no_origin_is_not_echoed() {
        let long = [b"https://".to_vec(), vec![b'a'; ORIGIN_BYTES_MAX]].concat();
        let cases: [&[u8]; 7] = [b"", b"*", b"a b", b"a\tb", b"https://a,https://b", b"\xff\xfe", &long];
        for origin in cases {
            let origins = everybody();
            assert_eq!(answered(&origins, &from(origin)), ["vary: Origin"], "{}", origin.escape_ascii());
            let asked = preflight(&origins, &asking(origin, &["x-a"]));
            assert_eq!(said(&asked), ["vary: Origin"], "{}", origin.escape_ascii());
        }
    }

    #[test]
    fn a_preflight_is_told_all_at_once() {
        let answer = preflight(&listed(), &asking(PAGE.as_bytes(), &["content-type,x-token"]));
        let want = [
            "access-control-allow-credentials: true",
            "access-control-allow-headers: content-type,x-token",
            "access-control-allow-methods: GET, POST",
            "access-control-allow-origin: https://app.example",
            "access-control-max-age: 7200",
            "vary: Origin",
        ];
        assert_eq!(said(&answer), want);
    }

    #[test]
    fn other_requests_are_no_preflights() {
        let mut asked = asking(PAGE.as_bytes(), &["x-token"]);
        let cors = Cors::check(&listed(), &asked).unwrap();
        for method in [Method::GET, Method::POST, Method::HEAD] {
            let mut other = asked.clone();
            *other.method_mut() = method;
            assert!(cors.preflight(&other).is_none(), "{}", other.method());
        }
        assert!(cors.preflight(&from(PAGE.as_bytes())).is_none(), "no method is asked for");
        asked.headers_mut().remove(ORIGIN);
        assert!(cors.preflight(&asked).is_none(), "no page asks");
    }

    #[test]
    fn other_methods_are_not_granted() {
        for method in ["DELETE", "*", "\"", "GET, DELETE"] {
            let mut asked = asking(PAGE.as_bytes(), &[]);
            asked.headers_mut().insert(ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_str(method).unwrap());
            assert_eq!(preflight(&listed(), &asked)[ACCESS_CONTROL_ALLOW_METHODS], "GET, POST", "{method}");
        }
    }

    #[test]
    fn wanted_headers_are_granted_as_they_were_asked_for() {
        for list in ["x-token", "content-type,x-token", "Content-Type, X-Token", "a , b\t,c", "!#$%&'*+-.^_`|~0a"] {
            assert_eq!(granted(&[list]).as_deref(), Some(list));
        }
        let longest = "x".repeat(NAMES_BYTES_MAX);
        assert_eq!(granted(&[&longest]), Some(longest));
    }

    #[test]
    fn what_is_no_list_of_names_is_not_granted() {
        let long = "x,".repeat(NAMES_BYTES_MAX / 2) + "x";
        let cases = [
            "", " ", ",", "a,", ",a", "a,,b", "*", "a,*", "* ", "a b", "a: b", "a;b", "\"a\"", "(a)", "a=b", "é", &long,
        ];
        for list in cases {
            assert_eq!(granted(&[list]), None, "{list:?}");
        }
        assert_eq!(granted(&[]), None);
        assert_eq!(granted(&["a", "b"]), None, "browsers send one list");
    }
}
