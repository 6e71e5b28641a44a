//! The figures of a run, one a line.

use std::{fmt, time::Duration};

/// Named figures, the unit last in the name.
#[derive(Debug, Default, Clone)]
pub struct Report(Vec<(&'static str, f64)>);

impl Report {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a figure.
    pub(crate) fn put(&mut self, name: &'static str, value: f64) {
        self.0.push((name, value));
    }

    /// Adds a duration under a name that ends in `_us`.
    pub(crate) fn put_micros(&mut self, name: &'static str, duration: Duration) {
        self.put(name, duration.as_secs_f64() * 1e6);
    }

    /// The figures in the order they were taken.
    pub fn figures(&self) -> &[(&'static str, f64)] {
        &self.0
    }
}

/// `name value` a line, with four significant digits: what `compare` reads back.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.0 {
            let decimals = (3 - value.abs().max(1e-9).log10().floor() as i32).clamp(0, 9) as usize;
            writeln!(f, "{name} {value:.decimals$}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_significant_digits() {
        let mut report = Report::new();
        report.put("deliveries_per_s", 8_780_123.4);
        report.put("server_us_per_delivery", 0.106_987);
        report.put_micros("p50_us", Duration::from_micros(1_770));
        report.put("nothing", 0.0);
        assert_eq!(
            report.to_string(),
            "deliveries_per_s 8780123\nserver_us_per_delivery 0.1070\np50_us 1770\nnothing 0.000000000\n"
        );
    }
}
