//! Connects: connect, upgrade, be greeted, reset; as often as possible.

use std::net::SocketAddr;

use super::{
    Fault, Process, Report,
    connection::{BUFFER_BYTES, Connection},
    measure::Measure,
    poller::{Poller, Wait},
    publication::{is_hello, unexpected},
};

/// Connect, upgrade, be greeted, reset; as often as possible.
#[derive(Debug, Clone, clap::Args)]
pub struct Connects {
    /// Connections in progress
    #[arg(long, default_value_t = 64)]
    pub at_once: usize,
    /// Seconds before the measurement
    #[arg(long, default_value_t = 1.0)]
    pub warm_up: f64,
    /// Seconds of the measurement
    #[arg(long, default_value_t = 3.0)]
    pub seconds: f64,
}

/// Connections in progress, each in a place that the next one takes over.
struct Callers {
    address: SocketAddr,
    poller: Poller,
    places: Vec<Connection>,
    buffer: Vec<u8>,
    greeted: u64,
}

impl Connects {
    pub(super) fn run(&self, address: SocketAddr, server: &Process) -> Result<Report, Fault> {
        let mut callers = Callers::open(address, self.at_once)?;
        let warm_up = Measure::start(server, callers.poller.idle())?;
        while warm_up.elapsed().as_secs_f64() < self.warm_up {
            callers.turn()?;
        }
        let before = callers.greeted;
        let measure = Measure::start(server, callers.poller.idle())?;
        while measure.elapsed().as_secs_f64() < self.seconds {
            callers.turn()?;
        }
        let bill = measure.finish(callers.poller.idle())?;
        let greeted = callers.greeted - before;
        let mut report = Report::new();
        report.put("connects_per_s", greeted as f64 / bill.seconds);
        report.put("server_us_per_connect", bill.server_micros_per(greeted));
        bill.put_conditions(&mut report);
        Ok(report)
    }
}

impl Callers {
    fn open(address: SocketAddr, at_once: usize) -> Result<Self, Fault> {
        let poller = Poller::new()?;
        let places = (0..at_once).map(|place| call(address, &poller, place)).collect::<Result<_, _>>()?;
        Ok(Self { address, poller, places, buffer: vec![0; BUFFER_BYTES], greeted: 0 })
    }

    fn turn(&mut self) -> Result<(), Fault> {
        for index in 0..self.poller.wait(Wait::Spin)? {
            let place = self.poller.token(index);
            let mut greeted = false;
            self.places[place].receive(&mut self.buffer, |text| {
                greeted = is_hello(text);
                if greeted { Ok(()) } else { Err(unexpected(text)) }
            })?;
            if greeted {
                self.greeted += 1;
                // Dropping the greeted connection resets it and takes it out of the epoll set.
                self.places[place] = call(self.address, &self.poller, place)?;
            }
        }
        Ok(())
    }
}

fn call(address: SocketAddr, poller: &Poller, place: usize) -> Result<Connection, Fault> {
    let connection = Connection::open(address, "/ws")?;
    connection.set_nonblocking()?;
    poller.add(connection.stream(), place)?;
    Ok(connection)
}
