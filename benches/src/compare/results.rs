//! Figures of all runs, their medians as a table, and all of them as CSV.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    io::{self, Write},
    process::ExitStatus,
};

use super::{
    machine::Machine,
    servers::Server,
    workloads::{Application, Workload},
};

/// What each server said when it started: name and version.
pub(crate) type Banners = BTreeSet<String>;

/// What came of one run.
#[derive(Debug, PartialEq)]
pub(crate) enum Outcome {
    /// Figures by name, in the order of the report.
    Figures(Vec<(String, f64)>),
    /// Why there are none.
    Failed(String),
}

impl Outcome {
    /// Reads the output of `load`.
    pub(crate) fn read(status: ExitStatus, output: &[u8], errors: &[u8]) -> Self {
        let figures = String::from_utf8_lossy(output)
            .lines()
            .filter_map(|line| line.split_once(' '))
            .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
            .collect();
        match status.code() {
            Some(0) => Self::Figures(figures),
            Some(124) => Self::Failed("took too long".to_owned()),
            _ => {
                let errors = String::from_utf8_lossy(errors);
                Self::Failed(errors.lines().last().unwrap_or("ended by a signal").to_owned())
            }
        }
    }
}

/// One run.
#[derive(Debug)]
struct Run {
    workload: &'static str,
    server: Server,
    round: usize,
    outcome: Outcome,
}

impl Run {
    fn figure(&self, wanted: &str) -> Option<f64> {
        match &self.outcome {
            Outcome::Figures(figures) => figures.iter().find(|(name, _)| name == wanted).map(|(_, value)| *value),
            Outcome::Failed(_) => None,
        }
    }
}

/// All runs.
#[derive(Debug)]
pub(crate) struct Results {
    machine: Machine,
    pub(crate) banners: Banners,
    runs: Vec<Run>,
}

impl Results {
    pub(crate) fn new(machine: Machine) -> Self {
        Self { machine, banners: Banners::new(), runs: Vec::new() }
    }

    pub(crate) fn add(&mut self, workload: &Workload, server: Server, round: usize, outcome: Outcome) {
        if let Outcome::Failed(why) = &outcome {
            eprintln!("  failed: {why}");
        }
        self.runs.push(Run { workload: workload.name, server, round, outcome });
    }

    pub(crate) fn all_passed(&self) -> bool {
        self.runs.iter().all(|run| matches!(run.outcome, Outcome::Figures(_)))
    }

    /// Medians as a Markdown table for each application, and the median ratios of ours to its rivals.
    pub(crate) fn table(&self, workloads: &[&Workload], servers: &[Server]) -> String {
        let mut table = format!("{}\n", self.conditions());
        for application in Application::ALL {
            let workloads: Vec<_> = workloads.iter().filter(|workload| workload.application == application).collect();
            let suits = |server: &&Server| workloads.iter().any(|workload| workload.suits(**server));
            let servers: Vec<Server> = servers.iter().filter(suits).copied().collect();
            if !workloads.is_empty() {
                table.push('\n');
                self.put_head(&mut table, &servers, application.rivals());
                workloads.iter().for_each(|workload| self.put_rows(&mut table, workload, &servers));
            }
        }
        table
    }

    fn put_head(&self, table: &mut String, servers: &[Server], rivals: &[Server]) {
        let names = servers.iter().map(|server| server.name().to_owned());
        let ratios = rivals.iter().map(|rival| format!("ours / {}", rival.name()));
        let columns: Vec<String> = names.chain(ratios).collect();
        let _ = writeln!(table, "| workload | figure | {} |", columns.join(" | "));
        let _ = writeln!(table, "|---|---|{}", "---:|".repeat(columns.len()));
    }

    fn put_rows(&self, table: &mut String, workload: &Workload, servers: &[Server]) {
        for figure in workload.figures {
            let medians = servers.iter().map(|server| self.cell(workload, *server, figure));
            let ratios = workload
                .application
                .rivals()
                .iter()
                .map(|rival| self.ratio(workload, figure, *rival).map_or(String::new(), ratio_rounded));
            let cells: Vec<String> = medians.chain(ratios).collect();
            let _ = writeln!(table, "| {} | {figure} | {} |", workload.name, cells.join(" | "));
        }
    }

    /// Every figure of every run, a line each, below the conditions.
    pub(crate) fn write_csv(&self, to: &mut impl Write) -> io::Result<()> {
        for line in self.conditions().lines() {
            writeln!(to, "# {line}")?;
        }
        writeln!(to, "workload,server,round,figure,value")?;
        for Run { workload, server, round, outcome } in &self.runs {
            let server = server.name();
            match outcome {
                Outcome::Figures(figures) => figures
                    .iter()
                    .try_for_each(|(name, value)| writeln!(to, "{workload},{server},{round},{name},{value}"))?,
                Outcome::Failed(why) => {
                    writeln!(to, "{workload},{server},{round},failed,\"{}\"", why.replace('"', "'"))?;
                }
            }
        }
        Ok(())
    }

    fn conditions(&self) -> String {
        let banners: Vec<&str> = self.banners.iter().map(String::as_str).collect();
        format!("{}\n{}", self.machine, banners.join(", "))
    }

    fn cell(&self, workload: &Workload, server: Server, figure: &str) -> String {
        match self.median(workload, server, figure) {
            Some(value) => rounded(value),
            None if self.failed(workload, server) => "failed".to_owned(),
            None => String::new(),
        }
    }

    fn failed(&self, workload: &Workload, server: Server) -> bool {
        self.of(workload, server).any(|run| matches!(run.outcome, Outcome::Failed(_)))
    }

    /// The median over the rounds, if every round has the figure: a server that failed one has none.
    fn median(&self, workload: &Workload, server: Server, figure: &str) -> Option<f64> {
        median(self.of(workload, server).map(|run| run.figure(figure)).collect::<Option<_>>()?)
    }

    /// The median of ours to `rival`'s, round by round: what slows the machine from one round to the next is not in it.
    fn ratio(&self, workload: &Workload, figure: &str, rival: Server) -> Option<f64> {
        let of_round = |ours: &Run| {
            let theirs = self.of(workload, rival).find(|theirs| theirs.round == ours.round)?.figure(figure)?;
            Some(ours.figure(figure)? / theirs).filter(|ratio| ratio.is_finite())
        };
        median(self.of(workload, Server::Ours).map(of_round).collect::<Option<_>>()?)
    }

    fn of<'a>(&'a self, workload: &Workload, server: Server) -> impl Iterator<Item = &'a Run> {
        let name = workload.name;
        self.runs.iter().filter(move |run| run.workload == name && run.server == server)
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}

/// Two decimals, three where they would say little.
fn ratio_rounded(ratio: f64) -> String {
    if ratio < 0.1 { format!("{ratio:.3}") } else { format!("{ratio:.2}") }
}

/// Three significant digits, large numbers in thousands and millions.
fn rounded(value: f64) -> String {
    let (scaled, unit) = match value.abs() {
        size if size >= 1e6 => (value / 1e6, " M"),
        size if size >= 1e4 => (value / 1e3, " k"),
        _ => (value, ""),
    };
    let decimals = match scaled.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    format!("{scaled:.decimals$}{unit}")
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::{
        super::{servers::Seat, workloads::WORKLOADS},
        *,
    };

    fn results(rates: &[(Server, usize, Option<f64>)]) -> Results {
        let mut results = Results::new(Machine::look(&Seat::find(0, 0, false)));
        for (server, round, rate) in rates {
            let outcome = match rate {
                Some(rate) => Outcome::Figures(vec![("deliveries_per_s".to_owned(), *rate)]),
                None => Outcome::Failed("lost \"one\"".to_owned()),
            };
            results.add(&WORKLOADS[0], *server, *round, outcome);
        }
        results
    }

    #[test]
    fn medians_and_the_median_ratio() {
        let rounds = [(3e6, 4e6), (1e6, 4e6), (2e6, 2e6)];
        let rates = (1..)
            .zip(rounds)
            .flat_map(|(round, (ours, bun))| [(Server::Ours, round, Some(ours)), (Server::Bun, round, Some(bun))]);
        let table = results(&rates.collect::<Vec<_>>()).table(&[&WORKLOADS[0]], &[Server::Ours, Server::Bun]);
        assert!(table.contains("| deliveries_per_s | 2.00 M | 4.00 M | 0.75 |"), "{table}");
    }

    #[test]
    fn each_application_has_a_table_of_its_own() {
        let events = WORKLOADS.iter().find(|workload| workload.application == Application::Events).unwrap();
        let mut results = results(&[]);
        for (server, rate) in [(Server::Ours, 6e6), (Server::Socketioxide, 2e6), (Server::SocketIo, 1e6)] {
            results.add(events, server, 1, Outcome::Figures(vec![("deliveries_per_s".to_owned(), rate)]));
        }
        let all = [Server::Ours, Server::Bun, Server::Socketioxide, Server::SocketIo];
        let table = results.table(&[&WORKLOADS[0], events], &all);
        assert!(table.contains("| workload | figure | ours | bun | ours / bun |\n"), "{table}");
        let head = "| workload | figure | ours | socketioxide | socket.io | ours / socketioxide | ours / socket.io |\n";
        assert!(table.contains(head), "{table}");
        assert!(table.contains("| deliveries_per_s | 6.00 M | 2.00 M | 1.00 M | 3.00 | 6.00 |\n"), "{table}");
    }

    #[test]
    fn a_server_that_failed_once_has_no_median() {
        let results = results(&[
            (Server::Ours, 0, Some(3e6)),
            (Server::Ours, 1, None),
            (Server::Bun, 0, Some(1e6)),
            (Server::Bun, 1, Some(1e6)),
        ]);
        assert!(!results.all_passed());
        assert!(results.table(&[&WORKLOADS[0]], &[Server::Ours]).contains("| failed |  |"), "neither median nor ratio");
        let mut csv = Vec::new();
        results.write_csv(&mut csv).unwrap();
        let csv = String::from_utf8(csv).unwrap();
        assert!(csv.contains("flood-1k-64B-w1,ours,0,deliveries_per_s,3000000\n"), "{csv}");
        assert!(csv.contains("flood-1k-64B-w1,ours,1,failed,\"lost 'one'\"\n"), "{csv}");
    }

    #[test]
    fn what_load_prints_is_read_back() {
        let figures = Outcome::read(ExitStatus::from_raw(0), b"p50_us 17.5\nconnections 3\nnoise\n", b"");
        assert_eq!(figures, Outcome::Figures(vec![("p50_us".to_owned(), 17.5), ("connections".to_owned(), 3.0)]));
        let failed = Outcome::read(ExitStatus::from_raw(1 << 8), b"", b"load: lost\n");
        assert_eq!(failed, Outcome::Failed("load: lost".to_owned()));
    }

    #[test]
    fn numbers_are_legible() {
        let shown = [8_783_111.0, 97_812.0, 9_781.0, 64.25, 3.456, 0.1069].map(rounded);
        assert_eq!(shown, ["8.78 M", "97.8 k", "9781", "64.2", "3.46", "0.107"]);
        assert_eq!([19.331, 0.981, 0.0153].map(ratio_rounded), ["19.33", "0.98", "0.015"]);
        assert_eq!(median(vec![4.0, 1.0]), Some(2.5));
        assert_eq!(median(Vec::new()), None);
    }
}
