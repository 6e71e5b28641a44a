//! Connects: connect, upgrade, be greeted, reset; as often as possible.

use std::net::SocketAddr;

use super::{
    Dialect, Fault, Process, Report,
    connection::Connection,
    measure::Measure,
    poller::{Poller, Wait},
    polling::Polling,
    transport::{BUFFER_BYTES, Transport},
};

/// Connect, upgrade, be greeted, reset; as often as possible.
#[derive(Debug, Clone, clap::Args)]
pub struct Connects {
    /// What is spoken with the server
    #[arg(long, value_enum, default_value_t = Dialect::Rooms)]
    pub dialect: Dialect,
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
struct Callers<T> {
    address: SocketAddr,
    dialect: Dialect,
    poller: Poller,
    places: Vec<T>,
    buffer: Vec<u8>,
    greeted: u64,
}

impl Connects {
    pub(super) fn run(&self, address: SocketAddr, server: &Process) -> Result<Report, Fault> {
        match self.dialect {
            Dialect::SioPolling => self.run_over::<Polling>(address, server),
            _ => self.run_over::<Connection>(address, server),
        }
    }

    fn run_over<T: Transport>(&self, address: SocketAddr, server: &Process) -> Result<Report, Fault> {
        let mut callers = Callers::<T>::open(address, self.dialect, self.at_once)?;
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

impl<T: Transport> Callers<T> {
    fn open(address: SocketAddr, dialect: Dialect, at_once: usize) -> Result<Self, Fault> {
        let poller = Poller::new()?;
        let places = (0..at_once).map(|place| call(address, dialect, &poller, place)).collect::<Result<_, _>>()?;
        Ok(Self { address, dialect, poller, places, buffer: vec![0; BUFFER_BYTES], greeted: 0 })
    }

    fn turn(&mut self) -> Result<(), Fault> {
        for index in 0..self.poller.wait(Wait::Spin)? {
            let place = self.poller.token(index);
            let caller = &mut self.places[place];
            caller.receive(&mut self.buffer, |text| Err(Fault::unexpected(text)))?;
            if caller.is_greeted() {
                self.greeted += 1;
                // Dropping the greeted connection resets it and takes it out of the epoll set.
                *caller = call(self.address, self.dialect, &self.poller, place)?;
            }
        }
        Ok(())
    }
}

fn call<T: Transport>(address: SocketAddr, dialect: Dialect, poller: &Poller, place: usize) -> Result<T, Fault> {
    let caller = T::open(address, dialect)?;
    caller.set_nonblocking()?;
    poller.add(caller.stream(), place)?;
    Ok(caller)
}
