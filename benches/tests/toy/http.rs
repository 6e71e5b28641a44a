//! HTTP/1.1, as far as the load generator speaks it.

use std::io::{self, BufRead};

pub(super) struct Request {
    /// Path and query.
    pub(super) target: String,
    /// What is posted; `None` for a GET.
    pub(super) posted: Option<String>,
}

pub(super) fn read_request(stream: &mut impl BufRead) -> io::Result<Request> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let mut words = head.split(' ');
    let posts = words.next() == Some("POST");
    let target = words.next().unwrap_or_default().to_owned();
    let length = super::between(&head, "Content-Length: ", "\r\n").parse().unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    let posted = posts.then(|| String::from_utf8_lossy(&body).into_owned());
    Ok(Request { target, posted })
}

pub(super) fn answer(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}
