//! Just enough HTTP/1.1 to read an answer byte by byte.

use std::io::{self, Read};

/// An answer: its head, and the body if its length was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Names in lower case, values trimmed, in the order they came.
    pub headers: Vec<(String, String)>,
    /// The body, of as many bytes as `Content-Length` says; empty without it.
    pub body: Vec<u8>,
}

impl Response {
    /// Reads one answer and not a byte more.
    ///
    /// # Errors
    /// The stream ended or failed first.
    ///
    /// # Panics
    /// If what comes is not HTTP.
    pub fn read(from: &mut impl Read) -> io::Result<Self> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            from.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).expect("a head is ASCII");
        let mut lines = head.trim_end().split("\r\n");
        let first = lines.next().unwrap_or_default();
        let status = first.strip_prefix("HTTP/1.1 ").or(first.strip_prefix("HTTP/1.0 "));
        let status =
            status.and_then(|rest| rest.get(..3)?.parse().ok()).unwrap_or_else(|| panic!("no status: {first}"));
        let header = |line: &str| {
            let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("no header: {line}"));
            (name.to_ascii_lowercase(), value.trim().to_owned())
        };
        let mut response = Self { status, headers: lines.map(header).collect(), body: Vec::new() };
        let length = response.header("content-length").map_or(0, |length| length.parse().expect("a length"));
        response.body.resize(length, 0);
        from.read_exact(&mut response.body)?;
        Ok(response)
    }

    /// The value of a header, its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|header| header.0 == name).map(|header| header.1.as_str())
    }

    /// The body as text.
    ///
    /// # Panics
    /// If it is not UTF-8.
    #[must_use]
    pub fn text(&self) -> &str {
        str::from_utf8(&self.body).expect("a body of text")
    }
}
