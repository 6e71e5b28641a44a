//! Polls: GETs that wait, and what they are answered with.

use roomcast_lane::Context;
use roomcast_socketio_protocol::engineio::{Answer, BodyLimits, PayloadBuilder, Waiting};

use crate::connection::Connection;
use crate::input::Get;

impl Connection {
    pub(super) fn handle_get(&mut self, get: Get) {
        match self.session.handle_get() {
            Ok(()) => {
                if let Some(polling) = &mut self.polling {
                    polling.get = Some(get);
                }
            }
            // Who asked may have left.
            Err(refusal) => drop(get.answer.send(Err(refusal))),
        }
    }

    pub(super) fn handle_get_lost(&mut self) {
        let Some(polling) = &mut self.polling else { return };
        // It may have been answered at the same moment, and another one may wait now.
        if polling.get.take_if(|get| get.answer.is_closed()).is_some() {
            self.session.handle_get_lost();
        }
    }

    /// Tells the session what waits.
    pub(crate) fn offer_output(&mut self, cx: &Context<'_>) {
        let waiting = Waiting { packets: 0, bytes: cx.output_bytes() };
        self.session.handle_output(waiting, &self.mount.options.session);
    }

    /// Answers the poll that waits. What it carries is taken only once it is handed over: the client may leave at any moment.
    pub(crate) fn answer_get(&mut self, answer: Answer, cx: &mut Context<'_>) {
        let Some(get) = self.polling.as_mut().and_then(|polling| polling.get.take()) else { return };
        if answer.ping || answer.pong {
            self.listen_anew(cx);
        }
        let mut body = PayloadBuilder::new(self.framing(get.base64), get.jsonp, BodyLimits::default());
        let mut used = 0;
        let answered = answer.write(&mut body, |body| {
            cx.read_output(|records| {
                let taken = body.push_records(records);
                used += taken;
                taken
            });
            Waiting { packets: 0, bytes: cx.output_bytes().saturating_sub(used) }
        });
        if get.answer.send(Ok(body.finish())).is_err() {
            return self.session.handle_answer_lost(answer);
        }
        if let Some(polling) = &mut self.polling {
            polling.taken.add(used);
        }
        cx.take_output(|records| {
            let taken = records.len().min(used);
            used -= taken;
            taken
        });
        if self.has_rest() {
            cx.go_on();
        }
        self.session.handle_answered(answered, cx.now(), &self.mount.options.session);
    }
}
