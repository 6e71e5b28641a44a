//! What `threads` and `memory` found: medians over the rounds as a Markdown table, every round as CSV.

use std::{
    error::Error,
    fmt::Write as _,
    fs,
    path::PathBuf,
    process::{Command, ExitCode},
    thread,
};

use crate::systems::{System, dash::Dash, engine::Roomcast, locked::Locked, sioxide::Sioxide};

/// The columns; roomcast is the last, so that the rivals are the ones before.
const SYSTEMS: [&str; 4] = [Locked::NAME, Dash::NAME, Sioxide::NAME, Roomcast::NAME];

/// What both programs can be told.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Tiny sizes, one round: shows in seconds that everything runs. The figures mean nothing
    #[arg(long)]
    pub(crate) quick: bool,
    /// Where the figures of all rounds go, as CSV
    #[arg(value_name = "FILE.csv")]
    csv: Option<PathBuf>,
    /// What `cargo bench` adds
    #[arg(long, hide = true)]
    bench: bool,
}

/// One thing that is measured.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Figure {
    group: &'static str,
    name: &'static str,
    better: Better,
}

#[derive(Clone, Copy, PartialEq)]
enum Better {
    Less,
    More,
}

impl Figure {
    /// A cost: the unit stands last in the name, which has no comma, for CSV's sake.
    pub(crate) const fn cost(group: &'static str, name: &'static str) -> Self {
        Self { group, name, better: Better::Less }
    }

    /// A gain.
    pub(crate) const fn gain(group: &'static str, name: &'static str) -> Self {
        Self { group, name, better: Better::More }
    }

    /// How many times better `ours` is than the best of `rivals`.
    fn advantage(self, ours: f64, rivals: impl Iterator<Item = f64>) -> Option<f64> {
        let ratio = match self.better {
            Better::Less => rivals.min_by(f64::total_cmp)? / ours,
            Better::More => ours / rivals.max_by(f64::total_cmp)?,
        };
        Some(ratio).filter(|ratio| ratio.is_finite())
    }
}

/// All figures of all rounds, in the order in which they were found.
#[derive(Default)]
pub(crate) struct Findings(Vec<(Figure, &'static str, f64)>);

impl Findings {
    /// Adds what one round found for a system.
    pub(crate) fn add(&mut self, figure: Figure, system: &'static str, value: f64) {
        self.0.push((figure, system, value));
    }

    /// Prints the table, and writes the file if one was named.
    pub(crate) fn publish(&self, options: &Options) -> Result<(), Box<dyn Error>> {
        let conditions = conditions(options.quick);
        println!("{conditions}\n\n{}", self.table());
        match &options.csv {
            Some(path) => {
                let written = fs::write(path, self.csv(&conditions));
                written.map_err(|error| format!("{}: {error}", path.display()).into())
            }
            None => Ok(()),
        }
    }

    /// Medians, and how they compare with the best rival's.
    pub(crate) fn table(&self) -> String {
        let mut table = format!("| group | figure | {} | better by |\n", SYSTEMS.join(" | "));
        table += &format!("|---|---|{}\n", "---:|".repeat(SYSTEMS.len() + 1));
        for figure in self.figures() {
            let medians = SYSTEMS.map(|system| self.median(figure, system));
            let [rivals @ .., ours] = &medians;
            let advantage = ours.and_then(|ours| figure.advantage(ours, rivals.iter().copied().flatten()));
            let cells = medians.map(|median| median.map_or(String::new(), rounded));
            let advantage = advantage.map_or(String::new(), rounded);
            let Figure { group, name, .. } = figure;
            // Writing to a string cannot fail.
            let _ = writeln!(table, "| {group} | {name} | {} | {advantage} |", cells.join(" | "));
        }
        table
    }

    /// A line for every round.
    pub(crate) fn csv(&self, conditions: &str) -> String {
        let mut text = format!("# {conditions}\ngroup,figure,system,round,value\n");
        for (at, (figure, system, value)) in self.0.iter().enumerate() {
            let round = self.of(*figure, system, at).count() + 1;
            let _ = writeln!(text, "{},{},{system},{round},{value}", figure.group, figure.name);
        }
        text
    }

    fn figures(&self) -> Vec<Figure> {
        let mut figures = Vec::new();
        for (figure, ..) in &self.0 {
            if !figures.contains(figure) {
                figures.push(*figure);
            }
        }
        figures
    }

    fn median(&self, figure: Figure, system: &str) -> Option<f64> {
        let mut values: Vec<f64> = self.of(figure, system, self.0.len()).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    }

    /// What was found of this, among the first `before` findings.
    fn of(&self, figure: Figure, system: &str, before: usize) -> impl Iterator<Item = f64> {
        let found = self.0[..before].iter().filter(move |(found, of, _)| *found == figure && *of == system);
        found.map(|(.., value)| *value)
    }
}

/// How a program ends: with its error on standard error, if there is one.
pub(crate) fn exit(program: &str, result: Result<(), Box<dyn Error>>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{program}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The machine and the moment, without which a figure means nothing.
fn conditions(quick: bool) -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let processor = processor.map_or("unknown processor", |(_, name)| name);
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let (date, kernel) = (said("date", &["-u", "+%F %R UTC"]), said("uname", &["-sr"]));
    let caution = if quick || cfg!(debug_assertions) { "; NOT A MEASUREMENT (quick, or a debug build)" } else { "" };
    format!("{date}; {processor}, {cores} cores; {kernel}; load average at the end {}{caution}", load.trim())
}

/// What a command prints, or "unknown".
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(|_| "unknown".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Three significant digits, large numbers in thousands.
fn rounded(value: f64) -> String {
    let (scaled, unit) = if value.abs() >= 1e4 { (value / 1e3, " k") } else { (value, "") };
    let decimals = match scaled.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    format!("{scaled:.decimals$}{unit}")
}
