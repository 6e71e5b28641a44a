//! Bulk: the verbs that move all members of a room at once: how long each takes to be answered, and what it costs.
//!
//! Time is taken from the request's write to its answer, while nothing else is asked. Before and after each verb the
//! rooms are counted, which also warms the caches. Once a message is sent to the room that was filled: each member
//! has to get it once.

use std::{
    fmt::Write,
    net::SocketAddr,
    time::{Duration, Instant},
};

use super::{
    Dialect, Fault, Plan, Process, Report,
    connection::Connection,
    dialect::{members, room_name},
    measure::Measure,
    stage::{STALL, Stage},
    transport::{BUFFER_BYTES, Received, Transport},
    virtual_request,
};

/// The room where all members are, and the one they are copied to.
const SOURCE: u32 = 0;
const COPY: u32 = 1;
/// Ids in one request to join: its body stays below what servers take.
const IDS_AT_ONCE: usize = 1_000;

/// The verbs of Sails that move all members of a room: how long each takes
#[derive(Debug, Clone, clap::Args)]
pub struct Bulk {
    /// Members of the room
    #[arg(long, default_value_t = 10_000)]
    pub members: usize,
    /// Repeats before the measurement
    #[arg(long, default_value_t = 2)]
    pub warm_up: usize,
    /// Repeats, of which the medians are taken
    #[arg(long, default_value_t = 7)]
    pub repeats: usize,
}

/// What a verb took.
#[derive(Debug, Clone, Copy)]
struct Spent {
    time: Duration,
    server_cpu: Duration,
}

/// What asks for the verbs, one after the other, and is in no room.
struct Caller<'a> {
    server: &'a Process,
    connection: Connection,
    buffer: Vec<u8>,
    asked: u32,
}

impl Bulk {
    pub(super) fn run(&self, address: SocketAddr, server: &Process) -> Result<Report, Fault> {
        let plan = Plan::new(self.members, 1, 1)?;
        let mut stage = Stage::<Connection>::set(address, Dialect::Sails, &plan, 64)?;
        let mut caller = Caller::connect(address, server)?;
        let measure = Measure::start(server, stage.idle())?;
        for _ in 0..self.warm_up {
            repeat(&mut stage, &mut caller, self.members)?;
        }
        let mut spent = [const { Vec::new() }; 3];
        for _ in 0..self.repeats {
            let repeat = repeat(&mut stage, &mut caller, self.members)?;
            spent.iter_mut().zip(repeat).for_each(|(all, one)| all.push(one));
        }
        let bill = measure.finish(stage.idle())?;
        let mut report = Report::new();
        let names = [("copy_ms", "copy_server_ms"), ("remove_ms", "remove_server_ms"), ("clear_ms", "clear_server_ms")];
        for ((time, server_time), spent) in names.into_iter().zip(spent) {
            let median_ms = |of: fn(&Spent) -> Duration| median(spent.iter().map(of).collect()).as_secs_f64() * 1e3;
            report.put(time, median_ms(|spent| spent.time));
            report.put(server_time, median_ms(|spent| spent.server_cpu));
        }
        bill.put_conditions(&mut report);
        Ok(report)
    }
}

/// Copies all members to another room, takes them out of it, and lets them leave all rooms; what each took. Then they
/// join again.
fn repeat(stage: &mut Stage<Connection>, caller: &mut Caller<'_>, count: usize) -> Result<[Spent; 3], Fault> {
    let copy = caller.verb("copy", &format!(r#"{{"to":["{}"]}}"#, room_name(COPY)))?;
    caller.expect_members([count, count])?;
    stage.publish_to(COPY)?;
    stage.drain()?;
    caller.expect_members([count, count])?;
    let remove = caller.verb("remove", &format!(r#"{{"from":["{}"]}}"#, room_name(COPY)))?;
    caller.expect_members([count, 0])?;
    let clear = caller.verb("clear", "{}")?;
    caller.expect_members([0, 0])?;
    for ids in stage.ids().collect::<Vec<_>>().chunks(IDS_AT_ONCE) {
        caller.grant("put", &members(SOURCE), &with_ids(ids))?;
    }
    caller.expect_members([count, 0])?;
    Ok([copy, remove, clear])
}

fn with_ids(ids: &[&str]) -> String {
    let mut data = String::from(r#"{"ids":["#);
    for (index, id) in ids.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(data, "{}\"{id}\"", if index == 0 { "" } else { "," });
    }
    data.push_str("]}");
    data
}

/// The middle one, or the later of two.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

impl<'a> Caller<'a> {
    fn connect(address: SocketAddr, server: &'a Process) -> Result<Self, Fault> {
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut connection = Connection::open(address, Dialect::Sails)?;
        connection.expect_greeting(&mut buffer)?;
        connection.set_nonblocking()?;
        Ok(Self { server, connection, buffer, asked: 0 })
    }

    /// Does `verb` to all members of the source; what it took.
    fn verb(&mut self, verb: &str, data: &str) -> Result<Spent, Fault> {
        let before = self.server.cpu_at_rest()?;
        let time = self.grant("post", &format!("/rooms/{}/{verb}", room_name(SOURCE)), data)?;
        let server_cpu = self.server.cpu_at_rest()?.saturating_sub(before);
        Ok(Spent { time, server_cpu })
    }

    fn grant(&mut self, method: &str, url: &str, data: &str) -> Result<Duration, Fault> {
        self.ask(method, url, data, r#"{"ok":true}"#)
    }

    /// The source and the copy have to have so many members.
    fn expect_members(&mut self, counts: [usize; 2]) -> Result<(), Fault> {
        for (room, count) in [SOURCE, COPY].map(room_name).iter().zip(counts) {
            let due = format!(r#"{{"room":"{room}","members":{count}}}"#);
            self.ask("get", &format!("/rooms/{room}"), "{}", &due)?;
        }
        Ok(())
    }

    /// Asks and spins until the answer is there, which has to be `due`; how long it took.
    fn ask(&mut self, method: &str, url: &str, data: &str, due: &str) -> Result<Duration, Fault> {
        self.asked += 1;
        let Self { connection, buffer, asked, .. } = self;
        let request = [virtual_request::request(*asked, method, url, data)];
        let start = Instant::now();
        connection.say(&request)?;
        let mut answered = None;
        while answered.is_none() {
            let received = connection.receive(buffer, |text| match virtual_request::answer(text) {
                Some(answer) if answer == (*asked, due.as_bytes()) && answered.is_none() => {
                    answered = Some(start.elapsed());
                    Ok(())
                }
                _ => Err(Fault::unexpected(text)),
            })?;
            if received == Received::Nothing {
                connection.flush()?;
                if start.elapsed() > STALL {
                    return Err(Fault::Missing { due: 1, came: 0 });
                }
            }
        }
        Ok(answered.unwrap_or_default())
    }
}
