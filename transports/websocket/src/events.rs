//! The wire of an application's own events: `{"event":NAME,"data":V,"id"?:ANY}` in, `{"reply":ID,"ok":..}` out.

use roomcast_lane::{AckToken, Answer, Context, Event};

use crate::dialect::queue_text;
use crate::rooms::{self, Fields, Invalid};

/// Gives an event to the application. Text that is none is answered if it has an `id`, or no `id` can be made out.
pub(crate) fn handle_text(text: &str, cx: &mut Context<'_>) {
    let fields = match Fields::parse(text) {
        Ok(fields) => fields,
        Err(invalid) => return refuse("null", &invalid, cx),
    };
    let id = match fields.id.map(|_| fields.id()).transpose() {
        Ok(id) => id,
        Err(invalid) => return refuse("null", &invalid, cx),
    };
    match named(&fields) {
        Ok((name, data)) => {
            let ack = id.as_deref().map(AckToken::from);
            // False if the socket is being disconnected: then nobody waits for an answer either.
            let _taken = cx.event(Event::json(&name, &data), ack);
        }
        Err(invalid) => match id {
            Some(id) => refuse(&id, &invalid, cx),
            None => tracing::debug!("an event was refused: {invalid}"),
        },
    }
}

/// Writes the application's answer to the event that had this `id`.
pub(crate) fn handle_reply(ack: &AckToken, answer: Answer, cx: &mut Context<'_>) {
    let outcome = match answer {
        Ok(Some(message)) => match message.as_json() {
            Ok(json) => Ok(rooms::Answer::Data(String::from_utf8_lossy(json).into())),
            Err(error) => Err(error.to_string()),
        },
        Ok(None) => Ok(rooms::Answer::Data("null".into())),
        Err(error) => Err(error.to_string()),
    };
    let id = String::from_utf8_lossy(ack.as_bytes());
    queue_text(cx, &rooms::write_reply(&id, &outcome));
}

fn named<'a>(fields: &Fields<'a>) -> Result<(std::borrow::Cow<'a, str>, std::borrow::Cow<'a, str>), Invalid> {
    let name = fields.event()?.ok_or(Invalid::event())?;
    Ok((name, fields.data()?))
}

fn refuse(id: &str, invalid: &Invalid, cx: &mut Context<'_>) {
    queue_text(cx, &rooms::write_reply(id, &Err(invalid.to_string())));
}

#[cfg(test)]
#[path = "events_tests.rs"]
mod tests;
