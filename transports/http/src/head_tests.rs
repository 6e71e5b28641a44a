use std::sync::mpsc::{Receiver, channel};

use http::StatusCode;
use roomcast::Engine;
use roomcast_lane::{ManualConnection, ManualLane, Wire};

use super::*;

const TIMEOUT: Duration = Duration::from_secs(10);
const BYTES_MAX: usize = 1_024;
const ROOMY: usize = usize::MAX;
const ACCEPTED: &str = "HTTP/1.1 101 Switching Protocols\r\nx-answer: yes\r\n\r\nopen ";

/// Says that it is there, then sends back what comes.
struct Echo;

impl Protocol for Echo {
    fn handle_open(&mut self, cx: &mut Context<'_>) {
        cx.write(b"open ");
    }

    fn handle_input(&mut self, input: &mut [u8], cx: &mut Context<'_>) -> Result<Progress, Close> {
        cx.queue(input);
        Ok(Progress::used(input.len()))
    }
}

/// An echo at `/echo` for requests that say `x-let-me: in`, and one at `/echo/2` that panics.
struct House {
    lane: ManualLane,
    heads: Arc<Heads>,
    others: Receiver<Undirected>,
}

impl House {
    fn new() -> Self {
        let (other, others) = channel();
        let direct = vec![Direct::new("/echo", judge), Direct::new("/echo/2", |_| panic!("as asked"))];
        let others_take = Box::new(move |undirected| other.send(undirected).unwrap());
        let heads = Heads { direct, timeout: TIMEOUT, bytes_max: BYTES_MAX, others: sync(others_take) };
        Self { lane: ManualLane::new(&Engine::new()), heads: Arc::new(heads), others }
    }

    fn client(&mut self) -> ManualConnection {
        let heads = Arc::clone(&self.heads);
        self.lane.connect(&Wire::mute(), ROOMY, || Head::new(heads))
    }

    fn receive(&mut self, client: &ManualConnection) -> String {
        self.lane.run();
        client.receive_text()
    }

    /// What was given away, if anything was.
    fn given_away(&mut self) -> Option<Undirected> {
        self.lane.run();
        self.others.try_recv().ok()
    }

    fn connections(&self) -> u64 {
        self.lane.stats().connections
    }
}

type Take = Box<dyn Fn(Undirected) + Send + Sync>;

/// A `Sender` of tests is used from one thread.
fn sync(take: Box<dyn Fn(Undirected) + Send>) -> Take {
    let take = std::sync::Mutex::new(take);
    Box::new(move |undirected| (take.lock().unwrap())(undirected))
}

fn judge(request: Request<()>) -> Option<Upgrade> {
    let (head, ()) = request.into_parts();
    assert_eq!((&head.method, head.uri.path()), (&Method::GET, "/echo"));
    if head.version != Version::HTTP_11 || head.headers.get("x-let-me")? != "in" {
        return None;
    }
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().insert("x-answer", HeaderValue::from_static("yes"));
    Some(Upgrade { response, wire: Wire::mute(), protocol: Box::new(Echo) })
}

fn request(line: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: a\r\nX-Let-Me:  in \r\n\r\n")
}

#[test]
fn a_head_that_is_taken_is_answered_in_one_write() {
    for target in ["/echo", "/echo?a=b", "/echo?"] {
        let mut house = House::new();
        let client = house.client();
        client.send(request(&format!("GET {target}")));
        assert_eq!(house.receive(&client), ACCEPTED, "{target}");
        assert_eq!((house.lane.stats().writes, house.connections()), (1, 1));
        client.send("hi");
        assert_eq!(house.receive(&client), "hi");
        house.lane.advance(TIMEOUT * 2);
        assert_eq!(house.connections(), 1, "the time for its head is no matter any more");
    }
}

#[test]
fn a_body_of_no_bytes_is_none() {
    let mut house = House::new();
    let client = house.client();
    client.send(request("GET /echo").replacen("Host", "Content-Length: 0\r\nHost", 1));
    assert_eq!(house.receive(&client), ACCEPTED);
}

#[test]
fn byte_by_byte_and_with_bytes_behind_it() {
    let input = request("GET /echo") + "and more";
    let mut house = House::new();
    let client = house.client();
    for byte in input.bytes() {
        client.send([byte]);
        house.lane.run();
    }
    assert_eq!(house.receive(&client), format!("{ACCEPTED}and more"));
    for cut in 0..=input.len() {
        let client = house.client();
        client.send(&input[..cut]);
        let mut got = house.receive(&client);
        client.send(&input[cut..]);
        got += &house.receive(&client);
        assert_eq!(got, format!("{ACCEPTED}and more"), "cut at {cut}");
    }
    assert!(house.given_away().is_none());
}

#[test]
fn what_is_for_others_has_every_byte_however_it_is_cut() {
    for input in [
        request("POST /echo") + "body",
        request("GET /echo").replacen("Host", "Content-Length: 4\r\nHost", 1) + "body",
        request("GET /echo").replacen("Host", "Content-Length: 0\r\ncontent-length: 4\r\nHost", 1) + "body",
        request("GET /echo").replacen("Host", "Transfer-Encoding: chunked\r\nHost", 1) + "0\r\n\r\n",
        request("GET /other"),
        request("GET /echo/"),
        request("GET /echoes"),
        request("GET http://a/echo"),
        request("GET /echo").replacen("in", "out", 1) + "GET /echo HTTP/1.1\r\n",
        request("GET /echo").replacen("1.1", "1.0", 1),
        "\r\n".to_owned() + &request("GET /echo"),
        "GET /echo\r\n".to_owned(),
        "GET /echo HTTP/1.1\r\nno colon\r\n".to_owned(),
        "GET /echo HTTP/1.1\r\nX Y: Z\r\n\r\n".to_owned(),
        "GET /echo?\u{7f} HTTP/1.1\r\n\r\n".to_owned(),
        "\u{16}\u{3}\u{1}".to_owned(),
    ] {
        for cut in 0..=input.len() {
            let mut house = House::new();
            let client = house.client();
            let (first, second) = input.as_bytes().split_at(cut);
            client.send(first);
            let early = house.given_away();
            client.send(second);
            let given = early.or_else(|| house.given_away()).unwrap_or_else(|| panic!("{input:?}, cut at {cut}"));
            assert_eq!(house.connections(), 0, "{input:?}");
            // Whoever has it reads the rest of the stream.
            house.lane.adopt_stream(given.stream, given.read, &Wire::mute(), || Echo);
            let got = house.receive(&client);
            let got = got.strip_prefix("open ").unwrap();
            assert_eq!(got, input, "cut at {cut}");
        }
    }
}

#[test]
fn what_cannot_be_ours_is_given_away_before_it_is_whole() {
    for input in ["P", "GET /o", "GET /echo/3", "GET /echo HTTP/1.1\r\nno colon\r\n", "get", "\n"] {
        let mut house = House::new();
        let client = house.client();
        client.send(input);
        assert_eq!(house.given_away().unwrap().read, input);
    }
    for input in ["", "GE", "GET ", "GET /", "GET /echo", "GET /echo?q", "GET /echo HTTP/1.1\r\nX-Let", "GET /echo/"] {
        let mut house = House::new();
        let client = house.client();
        client.send(input);
        assert!(house.given_away().is_none(), "{input}");
    }
}

#[test]
fn a_head_that_is_too_long_is_for_the_server() {
    let head = |length: usize| {
        let head = request("GET /echo");
        let pad = "p".repeat(length - head.len() - "X: \r\n".len());
        head.replacen("Host", &format!("X: {pad}\r\nHost"), 1)
    };
    let mut house = House::new();
    let client = house.client();
    client.send(head(BYTES_MAX) + &"m".repeat(BYTES_MAX));
    assert_eq!(house.receive(&client).len(), ACCEPTED.len() + BYTES_MAX);
    let client = house.client();
    client.send(head(BYTES_MAX + 1));
    assert_eq!(house.given_away().unwrap().read.len(), BYTES_MAX + 1);
    let endless = house.client();
    endless.send(&head(2 * BYTES_MAX)[..BYTES_MAX - 1]);
    assert!(house.given_away().is_none());
    endless.send("p");
    assert_eq!(house.given_away().unwrap().read.len(), BYTES_MAX);
}

#[test]
fn too_many_headers_are_for_the_server() {
    let head = |count: usize| {
        let more: String = (2..count).map(|n| format!("x-{n}: 1\r\n")).collect();
        request("GET /echo").replacen("Host", &format!("{more}Host"), 1)
    };
    let mut house = House::new();
    let client = house.client();
    client.send(head(HEADERS_MAX));
    assert_eq!(house.receive(&client), ACCEPTED);
    let client = house.client();
    client.send(head(HEADERS_MAX + 1));
    assert!(house.given_away().is_some());
}

#[test]
fn a_head_that_does_not_come_is_not_waited_for() {
    for input in ["", "GET /echo HTTP/1.1\r\nHos"] {
        let mut house = House::new();
        let client = house.client();
        client.send(input);
        house.lane.run();
        house.lane.advance(TIMEOUT - Duration::from_millis(500));
        assert!(!client.is_ended());
        client.send("GET /echo HTTP/1.1\r\nHost: a\r\n".get(input.len()..input.len() + 1).unwrap());
        house.lane.advance(Duration::from_secs(1));
        assert!(client.is_ended());
        assert_eq!((client.receive_text().as_str(), house.connections()), ("", 0));
        assert!(house.given_away().is_none());
    }
}

#[test]
fn who_takes_a_stream_knows_until_when_its_head_has_to_be_whole() {
    let mut house = House::new();
    let client = house.client();
    house.lane.run();
    let began = house.lane.now();
    house.lane.advance(TIMEOUT / 2);
    client.send("POST");
    assert_eq!(house.given_away().unwrap().deadline, began + TIMEOUT);
}

#[test]
fn a_client_that_leaves_is_gone_and_a_drain_does_not_wait_for_those_who_stay() {
    let mut house = House::new();
    let leaver = house.client();
    leaver.send("GET /ec");
    leaver.end();
    house.lane.run();
    assert!(leaver.is_ended() && house.connections() == 0);
    let stayers = [house.client(), house.client()];
    stayers[1].send("GET /ec");
    house.lane.drain(Duration::ZERO);
    house.lane.advance(Duration::from_millis(50));
    assert!(house.lane.is_ended() && house.lane.forced() == 0);
    assert!(stayers.iter().all(ManualConnection::is_ended));
}

#[test]
fn an_endpoint_that_panics_costs_its_connection() {
    let mut house = House::new();
    let client = house.client();
    client.send(request("GET /echo/2"));
    assert_eq!(house.receive(&client), "");
    assert!(client.is_ended() && house.lane.stats().protocol_panics == 1);
    let next = house.client();
    next.send(request("GET /echo"));
    assert_eq!(house.receive(&next), ACCEPTED);
}
