//! A look at JSON text that builds nothing.
//!
//! A packet's arguments travel as text: they are validated once, cut into name and arguments, and go on as they were
//! sent. All of it is one walk over tokens that borrow from the text. The walk keeps its place in 128 bits, one for each
//! open array or object, instead of on the stack, so nesting costs no recursion and has a limit.
//!
//! The grammar is that of [RFC 8259](https://www.rfc-editor.org/rfc/rfc8259), as `serde_json` and `JSON.parse` take
//! it: escapes of lone surrogates are legal, numbers may have any size. Tests hold it against serde_json.

pub(crate) mod string;

use string::Text;

/// How deep arrays and objects may be nested in an argument of an event or of an answer, and in what a client gives at
/// CONNECT. What is passed on ends in the recursive parser of some other client.
pub const DEPTH_MAX: usize = 64;

/// What stands next in JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    Null,
    Bool(bool),
    /// As it was written.
    Number(&'a str),
    String(Text<'a>),
    /// The name of an object's member; its value is next.
    Key(Text<'a>),
    ArrayStart,
    ArrayEnd,
    ObjectStart,
    ObjectEnd,
}

impl Token<'_> {
    /// Whether a value starts here.
    pub(crate) fn starts_value(&self) -> bool {
        !matches!(self, Self::Key(_) | Self::ArrayEnd | Self::ObjectEnd)
    }
}

/// Why a text is not looked at further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JsonError {
    /// It is no JSON from this byte on.
    Syntax(usize),
    /// It is nested deeper than allowed.
    TooDeep,
}

/// A walk over the tokens of one text.
#[derive(Clone, Debug)]
pub(crate) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    token_start: usize,
    depth: usize,
    depth_max: usize,
    /// A bit for each open container, the innermost lowest: 1 for an object.
    objects: u128,
    next: Next,
    /// The text is the inside of an array: its end stands for the bracket.
    inside: bool,
}

/// What the grammar allows next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    CommaOrEnd,
    Nothing,
}

impl<'a> Scanner<'a> {
    /// A walk over one value, nested at most `depth_max` (up to 128) deep, with whitespace around it.
    pub(crate) fn value(text: &'a str, depth_max: usize) -> Self {
        debug_assert!(depth_max <= 128);
        Self { text, at: 0, token_start: 0, depth: 0, depth_max, objects: 0, next: Next::Value, inside: false }
    }

    /// A walk over values with commas between them, as they stand in an array, each nested at most [`DEPTH_MAX`] deep.
    /// [`Self::depth`] counts that array.
    pub(crate) fn inside_array(text: &'a str) -> Self {
        Self { depth: 1, next: Next::ValueOrEnd, inside: true, ..Self::value(text, DEPTH_MAX + 1) }
    }

    /// What is walked over.
    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    /// Where the last token starts.
    pub(crate) fn token_start(&self) -> usize {
        self.token_start
    }

    /// Where the last token ends. For a key that is behind the colon.
    pub(crate) fn token_end(&self) -> usize {
        self.at
    }

    /// How many arrays and objects are open after the last token.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// The next token; `None` when the text is used up and was whole.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<Token<'a>>, JsonError> {
        if self.next == Next::CommaOrEnd && self.skip_whitespace() == Some(b',') {
            self.at += 1;
            self.next = if self.in_object() { Next::Key } else { Next::Value };
        }
        let byte = self.skip_whitespace();
        self.token_start = self.at;
        let Some(byte) = byte else { return self.end_of_text() };
        match (self.next, byte) {
            (Next::Value | Next::ValueOrEnd, b'"') => self.string().map(|text| Some(self.scalar(Token::String(text)))),
            (Next::Value | Next::ValueOrEnd, b'[') => self.open(Token::ArrayStart),
            (Next::Value | Next::ValueOrEnd, b'{') => self.open(Token::ObjectStart),
            (Next::Value | Next::ValueOrEnd, b'-' | b'0'..=b'9') => self.number(),
            (Next::Value | Next::ValueOrEnd, b't') => self.word("true", Token::Bool(true)),
            (Next::Value | Next::ValueOrEnd, b'f') => self.word("false", Token::Bool(false)),
            (Next::Value | Next::ValueOrEnd, b'n') => self.word("null", Token::Null),
            (Next::Key | Next::KeyOrEnd, b'"') => self.key(),
            (Next::ValueOrEnd | Next::CommaOrEnd, b']') if !self.in_object() => self.close(Token::ArrayEnd),
            (Next::KeyOrEnd | Next::CommaOrEnd, b'}') if self.in_object() => self.close(Token::ObjectEnd),
            _ => Err(JsonError::Syntax(self.at)),
        }
    }

    fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    fn in_object(&self) -> bool {
        self.depth > 0 && self.objects & 1 == 1
    }

    /// The byte that stands next.
    fn skip_whitespace(&mut self) -> Option<u8> {
        loop {
            let byte = *self.bytes().get(self.at)?;
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    fn end_of_text(&self) -> Result<Option<Token<'a>>, JsonError> {
        let whole = match self.next {
            Next::Nothing => true,
            Next::ValueOrEnd | Next::CommaOrEnd => self.inside && self.depth == 1,
            Next::Value | Next::Key | Next::KeyOrEnd => false,
        };
        if whole { Ok(None) } else { Err(JsonError::Syntax(self.at)) }
    }

    fn after_value(&self) -> Next {
        if self.depth == 0 { Next::Nothing } else { Next::CommaOrEnd }
    }

    fn scalar(&mut self, token: Token<'a>) -> Token<'a> {
        self.next = self.after_value();
        token
    }

    fn open(&mut self, token: Token<'a>) -> Result<Option<Token<'a>>, JsonError> {
        if self.depth >= self.depth_max {
            return Err(JsonError::TooDeep);
        }
        let object = token == Token::ObjectStart;
        self.depth += 1;
        self.objects = self.objects << 1 | u128::from(object);
        self.next = if object { Next::KeyOrEnd } else { Next::ValueOrEnd };
        self.at += 1;
        Ok(Some(token))
    }

    fn close(&mut self, token: Token<'a>) -> Result<Option<Token<'a>>, JsonError> {
        if self.depth == usize::from(self.inside) {
            return Err(JsonError::Syntax(self.at));
        }
        self.depth -= 1;
        self.objects >>= 1;
        self.at += 1;
        Ok(Some(self.scalar(token)))
    }

    fn key(&mut self) -> Result<Option<Token<'a>>, JsonError> {
        let text = self.string()?;
        if self.skip_whitespace() != Some(b':') {
            return Err(JsonError::Syntax(self.at));
        }
        self.at += 1;
        self.next = Next::Value;
        Ok(Some(Token::Key(text)))
    }

    fn word(&mut self, word: &str, token: Token<'a>) -> Result<Option<Token<'a>>, JsonError> {
        if !self.bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(JsonError::Syntax(self.at));
        }
        self.at += word.len();
        Ok(Some(self.scalar(token)))
    }

    fn number(&mut self) -> Result<Option<Token<'a>>, JsonError> {
        let start = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        match self.peek() {
            Some(b'0') => self.at += 1, // Nothing follows a leading 0.
            _ => self.digits()?,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(Some(self.scalar(Token::Number(&self.text[start..self.at]))))
    }

    fn peek(&self) -> Option<u8> {
        self.bytes().get(self.at).copied()
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let count = self.bytes()[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count == 0 { Err(JsonError::Syntax(self.at)) } else { Ok(()) }
    }

    fn string(&mut self) -> Result<Text<'a>, JsonError> {
        let start = self.at + 1;
        let len = string::len(&self.bytes()[start..]).map_err(|at| JsonError::Syntax(start + at))?;
        self.at = start + len.bytes + 1;
        Ok(Text::new(&self.text[start..start + len.bytes], len.escaped))
    }
}

#[cfg(test)]
mod tests;
