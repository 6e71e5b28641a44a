//! What `/proc` knows of the server, of the load generator itself, and of the machine.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use super::Fault;

/// Without CPU time for so long a process is at rest.
const REST: Duration = Duration::from_millis(1);
/// How long it may take to come to rest.
const REST_WITHIN: Duration = Duration::from_millis(200);

/// A process whose bill is read.
#[derive(Debug, Clone)]
pub struct Process {
    pid: u32,
}

impl Process {
    /// The process with this id; it is looked for at the first question.
    pub fn new(pid: u32) -> Self {
        Self { pid }
    }

    /// CPU time of all its threads, in user and kernel, to a hundredth of a second. On loopback this
    /// contains the receivers' TCP input, which runs inside the sender's system calls.
    ///
    /// # Errors
    /// [`Fault::Process`] if it has ended.
    pub fn cpu(&self) -> Result<Duration, Fault> {
        let stat = self.read("stat")?;
        // The name in parentheses may contain anything; utime and stime are the 14th and 15th field.
        let fields: Vec<&str> = stat.rsplit_once(") ").map_or("", |parts| parts.1).split(' ').collect();
        let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok());
        match (ticks(11), ticks(12)) {
            (Some(user), Some(kernel)) => Ok(from_ticks(user + kernel)),
            _ => Err(self.unreadable("stat")),
        }
    }

    /// CPU time of all its threads to the nanosecond, once it is at rest or 200 milliseconds passed. What ran in threads that
    /// have ended is not in it.
    ///
    /// # Errors
    /// [`Fault::Process`] if it has ended.
    pub fn cpu_at_rest(&self) -> Result<Duration, Fault> {
        let start = Instant::now();
        let mut before = self.cpu_of_threads()?;
        loop {
            thread::sleep(REST);
            let cpu = self.cpu_of_threads()?;
            if cpu == before || start.elapsed() > REST_WITHIN {
                return Ok(cpu);
            }
            before = cpu;
        }
    }

    fn cpu_of_threads(&self) -> Result<Duration, Fault> {
        let threads = fs::read_dir(format!("/proc/{}/task", self.pid)).map_err(|_| self.unreadable("task"))?;
        let nanos = threads.flatten().filter_map(|thread| {
            // A thread may end while it is looked at.
            let schedstat = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            schedstat.split(' ').next()?.parse::<u64>().ok()
        });
        Ok(Duration::from_nanos(nanos.sum()))
    }

    /// Resident memory in bytes, exactly (`smaps_rollup`; the sum in `status` lags behind). What the
    /// kernel keeps for its sockets is not in it.
    ///
    /// # Errors
    /// [`Fault::Process`] if it has ended, or is another user's.
    pub fn resident_bytes(&self) -> Result<u64, Fault> {
        let rollup = self.read("smaps_rollup")?;
        let kib =
            rollup.lines().find_map(|line| line.strip_prefix("Rss:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        kib.map(|kib| kib * 1024).ok_or_else(|| self.unreadable("smaps_rollup"))
    }

    /// Open file descriptors: how a client that does not read learns that it was dropped.
    ///
    /// # Errors
    /// [`Fault::Process`] if it has ended, or is another user's.
    pub fn open_files(&self) -> Result<usize, Fault> {
        Ok(fs::read_dir(format!("/proc/{}/fd", self.pid)).map_err(|_| self.unreadable("fd"))?.count())
    }

    fn read(&self, name: &str) -> Result<String, Fault> {
        fs::read_to_string(format!("/proc/{}/{name}", self.pid)).map_err(|_| self.unreadable(name))
    }

    fn unreadable(&self, name: &str) -> Fault {
        Fault::Process(format!("{name} of process {}", self.pid))
    }
}

/// CPU time of the whole machine since its start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Machine {
    /// Time that any process or interrupt had.
    pub(crate) busy: Duration,
    /// Time that a virtual machine wanted and its host did not give.
    pub(crate) stolen: Duration,
}

impl Machine {
    pub(crate) fn now() -> Result<Self, Fault> {
        let unreadable = || Fault::Process("/proc/stat".to_owned());
        let stat = fs::read_to_string("/proc/stat").map_err(|_| unreadable())?;
        let line = stat.lines().next().and_then(|line| line.strip_prefix("cpu ")).ok_or_else(unreadable)?;
        let ticks: Vec<u64> = line.split_whitespace().filter_map(|field| field.parse().ok()).collect();
        // user nice system idle iowait irq softirq steal
        let [user, nice, system, _, _, irq, softirq, steal, ..] = ticks[..] else { return Err(unreadable()) };
        Ok(Self { busy: from_ticks(user + nice + system + irq + softirq), stolen: from_ticks(steal) })
    }
}

fn from_ticks(ticks: u64) -> Duration {
    Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn this_process_has_a_bill() {
        let own = Process::new(std::process::id());
        let (before, machine) = (own.cpu().unwrap(), Machine::now().unwrap());
        let start = Instant::now();
        while own.cpu().unwrap() < before + Duration::from_millis(50) {
            assert!(start.elapsed() < Duration::from_secs(60), "CPU time does not advance");
        }
        assert!(Machine::now().unwrap().busy > machine.busy);
        assert!(own.resident_bytes().unwrap() > 100_000);
        let file = fs::File::open("/proc/self/stat").unwrap();
        assert!(own.open_files().unwrap() >= 4, "{file:?} and the standard three");
    }

    #[test]
    fn the_time_of_a_process_is_known_even_if_it_never_rests() {
        // It ends by itself after five seconds of CPU time.
        let mut child = Command::new("sh").args(["-c", "ulimit -t 5; while :; do :; done"]).spawn().unwrap();
        let (server, start) = (Process::new(child.id()), Instant::now());
        let seen = loop {
            let cpu = server.cpu_at_rest();
            let done = !matches!(&cpu, Ok(cpu) if *cpu < Duration::from_millis(10));
            if done || start.elapsed() > Duration::from_secs(60) {
                break cpu;
            }
        };
        child.kill().unwrap();
        child.wait().unwrap();
        assert!((Duration::from_millis(10)..Duration::from_secs(6)).contains(&seen.unwrap()));
    }

    #[test]
    fn a_process_that_is_not_there_is_a_fault() {
        let nobody = Process::new(u32::MAX);
        assert!(matches!(nobody.cpu(), Err(Fault::Process(_))));
        assert!(matches!(nobody.cpu_at_rest(), Err(Fault::Process(_))));
        assert!(matches!(nobody.resident_bytes(), Err(Fault::Process(_))));
        assert!(matches!(nobody.open_files(), Err(Fault::Process(_))));
    }
}
