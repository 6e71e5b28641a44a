use proptest::prelude::*;

use super::*;

fn tokens(mut scanner: Scanner<'_>) -> Result<Vec<Token<'_>>, JsonError> {
    let mut tokens = Vec::new();
    while let Some(token) = scanner.next()? {
        tokens.push(token);
    }
    Ok(tokens)
}

fn accepts(json: &str) -> bool {
    tokens(Scanner::value(json, DEPTH_MAX)).is_ok()
}

fn is_json(json: &str) -> bool {
    serde_json::from_str::<&serde_json::value::RawValue>(json).is_ok()
}

#[test]
fn tokens_in_their_order() {
    let plain = |raw| Text::new(raw, false);
    let expected = [
        Token::ObjectStart,
        Token::Key(plain("a")),
        Token::ArrayStart,
        Token::Number("-1.5e+3"),
        Token::Null,
        Token::Bool(true),
        Token::ArrayEnd,
        Token::Key(plain("")),
        Token::String(plain("x")),
        Token::ObjectEnd,
    ];
    assert_eq!(tokens(Scanner::value(" {\"a\" : [-1.5e+3,null , true],\"\":\"x\"}\n", 2)).unwrap(), expected);
}

#[test]
fn tokens_know_where_they_stand() {
    let mut scanner = Scanner::inside_array(" 12 , [ true ]");
    let mut places = Vec::new();
    while let Some(token) = scanner.next().unwrap() {
        places.push((scanner.token_start(), scanner.token_end(), scanner.depth(), token.starts_value()));
    }
    assert_eq!(places, [(1, 3, 1, true), (6, 7, 2, true), (8, 12, 2, true), (13, 14, 1, false)]);
}

#[test]
fn what_is_json_and_what_is_not() {
    for json in ["0", "-0", "10.25E-7", "1e400", "[]", "{}", "\"\\ud800\"", "[[],{}]", " null ", "99999999999999999999"]
    {
        assert!(accepts(json) && is_json(json), "{json}");
    }
    for json in [
        "",
        " ",
        "01",
        "-",
        "1.",
        ".5",
        "1e",
        "+1",
        "[1,]",
        "[,1]",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{1:2}",
        "[1 2]",
        "1 2",
        "]",
        "[",
        "{",
        "[}",
        "{]",
        "[\"a\":1]",
        "{\"a\",1}",
        "nul",
        "nulll",
        "True",
        "'a'",
        "\"a",
        "\"\t\"",
        "\"\\x\"",
        "[1]]",
        "NaN",
        "\u{feff}1",
        "{\"a\":1 \"b\":2}",
        "--1",
        "1-1",
    ] {
        assert!(!accepts(json) && !is_json(json), "{json}");
    }
}

#[test]
fn nesting_has_a_limit_and_no_cost() {
    let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    assert!(tokens(Scanner::value(&nested(64), 64)).is_ok());
    assert_eq!(tokens(Scanner::value(&nested(65), 64)), Err(JsonError::TooDeep));
    assert_eq!(tokens(Scanner::value(&nested(1_000_000), 128)), Err(JsonError::TooDeep));
    assert!(tokens(Scanner::value(&nested(128), 128)).is_ok());
    assert!(tokens(Scanner::inside_array(&nested(64))).is_ok());
    assert_eq!(tokens(Scanner::inside_array(&nested(65))), Err(JsonError::TooDeep));
    let objects = format!("{}1{}", "{\"a\":[".repeat(32), "]}".repeat(32));
    assert!(accepts(&objects));
    assert!(!accepts(&format!("[{objects}]")));
}

#[test]
fn the_inside_of_an_array() {
    for (text, count) in [("", 0), (" ", 0), ("1", 1), ("1,2", 2), (" [1] , {} ", 5)] {
        assert_eq!(tokens(Scanner::inside_array(text)).unwrap().len(), count, "{text}");
    }
    for text in [",", "1,", ",1", "1 2", "]", "1]", "1],[2", "[", "{\"a\":1", "}"] {
        assert!(tokens(Scanner::inside_array(text)).is_err(), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn serde_json_takes_the_same(text in r#"([\[\]{},: ]|"[a\\"]{0,2}"|"a":|-?[0-9]{1,2}|[.eE+-]|null|true|fals|\t){0,12}"#) {
        prop_assert_eq!(accepts(&text), is_json(&text));
        prop_assert_eq!(tokens(Scanner::inside_array(&text)).is_ok(), is_json(&format!("[{text}]")));
    }
}
