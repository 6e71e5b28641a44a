//! By how much memory grew: the heap by what was asked of it, the process by what became resident.

use std::{alloc::System, error::Error, fmt, str::FromStr};

use stats_alloc::StatsAlloc;

use crate::report::{Figure, Findings};

#[global_allocator]
static HEAP: StatsAlloc<System> = StatsAlloc::system();

/// Bytes for each unit of a workload.
pub(crate) struct Growth {
    heap: f64,
    /// Unknown where there is no `/proc`.
    resident: Option<f64>,
}

impl Growth {
    /// What `work` leaves behind in memory, for each of its units. What it returns is kept until memory was looked at.
    pub(crate) fn of<T>(units: usize, work: impl FnOnce() -> T) -> Self {
        let (resident_before, heap_before) = (resident_bytes(), heap_bytes());
        let kept = work();
        let heap = heap_bytes() - heap_before;
        let resident = resident_bytes().zip(resident_before).map(|(after, before)| after - before);
        drop(kept);
        assert!(heap > 0.0, "the heap grew by {heap} bytes");
        let each = |bytes: f64| bytes / units as f64;
        Self { heap: each(heap), resident: resident.map(each) }
    }

    /// Adds the figures.
    pub(crate) fn add_to(&self, findings: &mut Findings, group: &'static str, system: &'static str) {
        findings.add(Figure::cost(group, "heap B"), system, self.heap);
        if let Some(resident) = self.resident {
            findings.add(Figure::cost(group, "resident B"), system, resident);
        }
    }
}

/// `HEAP` or `HEAP RESIDENT`: how a child tells its parent.
impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.heap)?;
        self.resident.map_or(Ok(()), |resident| write!(f, " {resident}"))
    }
}

impl FromStr for Growth {
    type Err = Box<dyn Error>;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut numbers = text.split_whitespace().map(str::parse);
        let heap = numbers.next().ok_or("it printed no figure")??;
        Ok(Self { heap, resident: numbers.next().transpose()? })
    }
}

/// Bytes that are allocated, without what the allocator adds to each.
fn heap_bytes() -> f64 {
    let stats = HEAP.stats();
    stats.bytes_allocated as f64 - stats.bytes_deallocated as f64
}

#[cfg(target_os = "linux")]
fn resident_bytes() -> Option<f64> {
    let own = roomcast_benches::load::Process::new(std::process::id());
    own.resident_bytes().ok().map(|bytes| bytes as f64)
}

#[cfg(not(target_os = "linux"))]
fn resident_bytes() -> Option<f64> {
    None
}
