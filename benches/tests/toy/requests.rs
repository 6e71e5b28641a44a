//! Virtual requests, and the verbs that the load generator asks for by them.

use std::{
    io,
    sync::{Arc, atomic::Ordering},
};

use super::{Manner, Member, SPECIAL, Server, between, dialect::Dialect};

const DONE: &str = r#"{"ok":true}"#;

/// Connects the client, or answers it.
pub(super) fn handle(server: &Server, text: &str, from: &Arc<dyn Member>) -> io::Result<()> {
    if text == "40" {
        let id = enter(server, from);
        from.send(format!(r#"40{{"sid":"{id}"}}"#).as_bytes())?;
        return from.send(br#"42["auth",{}]"#);
    }
    let Some((number, asked)) = text.strip_prefix("42").and_then(|event| event.split_once('[')) else { return Ok(()) };
    let url = between(asked, r#""url":""#, "\"");
    let data = between(asked, r#""data":"#, r#","url":"#);
    let answer = |body: &str, status| {
        let text = format!(r#"43{number}[{{"body":{body},"headers":{{}},"statusCode":{status}}}]"#);
        from.send(text.as_bytes())
    };
    match url.split('/').skip(1).collect::<Vec<_>>()[..] {
        ["me"] => tell(server, from, answer),
        ["rooms", room] => {
            let members = server.rooms.lock().unwrap().get(room).map_or(0, Vec::len);
            answer(&format!(r#"{{"room":"{room}","members":{members}}}"#), 200)
        }
        ["rooms", room, "messages"] => {
            server.publish(Dialect::Sails, room, between(data, r#"{"data":""#, "\""))?;
            answer(DONE, if server.refuses_this_publication() { 403 } else { 200 })
        }
        ["rooms", room, verb] => {
            change(server, room, verb, data, from);
            answer(DONE, if server.manner == Manner::Refuses && verb != "members" { 403 } else { 200 })
        }
        _ => answer("\"Not Found\"", 404),
    }
}

fn enter(server: &Server, socket: &Arc<dyn Member>) -> usize {
    let mut sockets = server.sockets.lock().unwrap();
    sockets.push(Arc::clone(socket));
    sockets.len() - 1
}

/// Tells the client its id; the twenty-first that asks is told so in the server's manner.
fn tell(server: &Server, from: &Arc<dyn Member>, answer: impl Fn(&str, u16) -> io::Result<()>) -> io::Result<()> {
    let id = server.sockets.lock().unwrap().iter().position(|socket| Arc::ptr_eq(socket, from)).unwrap();
    let body = format!(r#"{{"id":"{id}"}}"#);
    let special = server.told.fetch_add(1, Ordering::Relaxed) == SPECIAL;
    match server.manner {
        Manner::Loses if special => Ok(()),
        Manner::Garbles if special => answer(&format!(r#"{{"id":"{}"}}"#, id + 1), 200),
        Manner::Refuses if special => answer(&body, 403),
        Manner::Doubles if special => {
            answer(&body, 200)?;
            answer(&body, 200)
        }
        _ => answer(&body, 200),
    }
}

fn change(server: &Server, room: &str, verb: &str, data: &str, from: &Arc<dyn Member>) {
    let sockets = server.sockets.lock().unwrap();
    let mut rooms = server.rooms.lock().unwrap();
    let members = rooms.get(room).cloned().unwrap_or_default();
    let names = between(data, ":[", "]").split(',').map(|name| name.trim_matches('"'));
    let names: Vec<&str> = names.filter(|name| !name.is_empty()).collect();
    match verb {
        "members" if data == "{}" => rooms.entry(room.to_owned()).or_default().push(Arc::clone(from)),
        "members" => {
            let joining = names.iter().map(|id| Arc::clone(&sockets[id.parse::<usize>().unwrap()]));
            rooms.entry(room.to_owned()).or_default().extend(joining);
        }
        "copy" => {
            let lost = usize::from(server.manner == Manner::Loses);
            names.iter().for_each(|to| rooms.entry((*to).to_owned()).or_default().extend_from_slice(&members[lost..]));
        }
        // Nobody else is there.
        "remove" => rooms.retain(|name, _| !names.contains(&name.as_str())),
        "clear" if server.manner == Manner::Delays => {}
        _ => rooms.clear(),
    }
}
