//! What the server can be told: flag, else environment variable, else default.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::{ContextKind, ErrorKind};
use clap::{Arg, Command, CommandFactory, Parser};
use roomcast_websocket::Origins;

use crate::{help, units};

/// The settings of one server.
#[derive(Clone, Debug, Parser)]
#[command(name = "roomcast", version, disable_help_flag = true, disable_version_flag = true)]
pub struct Settings {
    /// address or name to listen on; 0.0.0.0: all
    #[arg(long, env = "HOST", value_name = "ADDRESS", default_value = "127.0.0.1", help_heading = "Network")]
    #[arg(value_parser = host)]
    pub host: String,

    /// port to listen on; 0 takes a free one
    #[arg(long, env = "PORT", value_name = "PORT", default_value_t = 3000, help_heading = "Network")]
    #[arg(value_parser = port)]
    pub port: u16,

    /// I/O threads; default: one per core
    #[arg(long, env = "LANES", value_name = "THREADS", help_heading = "Network")]
    #[arg(value_parser = lanes)]
    pub lanes: Option<NonZeroUsize>,

    /// how long clients are given to leave at the end
    #[arg(long, env = "DRAIN", value_name = "MS", default_value = "3000", help_heading = "Network")]
    #[arg(value_parser = drain)]
    pub drain: Duration,

    /// time from heartbeat to heartbeat
    #[arg(long, env = "PING_INTERVAL", value_name = "MS", default_value = "25000", help_heading = "Limits")]
    #[arg(value_parser = heartbeat)]
    pub ping_interval: Duration,

    /// longest time for the answer to a heartbeat
    #[arg(long, env = "PING_TIMEOUT", value_name = "MS", default_value = "20000", help_heading = "Limits")]
    #[arg(value_parser = heartbeat)]
    pub ping_timeout: Duration,

    /// longest time from handshake to connected socket
    #[arg(long, env = "CONNECT_TIMEOUT", value_name = "MS", default_value = "45000", help_heading = "Limits")]
    #[arg(value_parser = units::positive_duration)]
    pub connect_timeout: Duration,

    /// longest time for a request head, at most 10000
    #[arg(long, env = "HEAD_TIMEOUT", value_name = "MS", default_value = "10000", help_heading = "Limits")]
    #[arg(value_parser = head_timeout)]
    pub head_timeout: Duration,

    /// largest message from a client
    #[arg(long, env = "MAX_PAYLOAD", value_name = "BYTES", default_value = "1000000", help_heading = "Limits")]
    #[arg(value_parser = max_payload)]
    pub max_payload: usize,

    /// time for lost Socket.IO clients to come back; 0: none
    #[arg(long, env = "RECOVERY", value_name = "MS", default_value = "0", help_heading = "Limits")]
    #[arg(value_parser = recovery)]
    pub recovery: Duration,

    /// foreign pages that may connect; default: none
    #[arg(long, env = "ORIGINS", value_name = "LIST", default_value = "", help_heading = "Security")]
    #[arg(value_parser = origins)]
    pub origins: Origins,

    /// certificate chain, PEM; with its key: https and wss; default: none
    #[arg(long, env = "TLS_CERT", value_name = "FILE", help_heading = "Security")]
    pub tls_cert: Option<PathBuf>,

    /// its private key, PEM; SIGHUP reads both again; default: none
    #[arg(long, env = "TLS_KEY", value_name = "FILE", help_heading = "Security")]
    pub tls_key: Option<PathBuf>,

    /// what is logged: error, warn, info, debug, or a filter
    #[arg(long, env = "LOG", value_name = "FILTER", default_value = "info", help_heading = "Logs")]
    #[arg(value_parser = log)]
    pub log: String,

    /// prints this and ends
    #[arg(long, short = 'h', help_heading = "Others")]
    help: bool,

    /// prints the version and ends
    #[arg(long, short = 'V', help_heading = "Others")]
    version: bool,
}

/// What the arguments and the environment ask for.
#[derive(Clone, Debug)]
pub enum Asked {
    /// To serve.
    Serve(Box<Settings>),
    /// To print this and end well: help, version.
    Print(String),
}

impl Settings {
    /// Reads arguments (the first is the program's name) and the environment.
    ///
    /// # Errors
    /// A few lines that say which setting is wrong and what to write.
    pub fn read(args: impl IntoIterator<Item = impl Into<OsString>>) -> Result<Asked, String> {
        let command = Self::command();
        let args: Vec<OsString> = args.into_iter().map(|arg| as_flag(&command, arg.into())).collect();
        let asks = |long: &str, short: &str| args.iter().skip(1).any(|arg| *arg == *long || *arg == *short);
        // Looked for before anything is judged: help is wanted most while a setting is wrong.
        if asks("--help", "-h") {
            return Ok(Asked::Print(help::text(&command)));
        }
        if asks("--version", "-V") {
            return Ok(Asked::Print(command.render_version()));
        }
        let settings = Self::try_parse_from(args).map_err(|e| explained(&e))?;
        settings.check_together()?;
        Ok(Asked::Serve(Box::new(settings)))
    }

    /// What no setting says by itself.
    fn check_together(&self) -> Result<(), String> {
        let (there, missing) = match (&self.tls_cert, &self.tls_key) {
            (Some(_), None) => ("--tls-cert (TLS_CERT)", "--tls-key (TLS_KEY): the file of its private key"),
            (None, Some(_)) => ("--tls-key (TLS_KEY)", "--tls-cert (TLS_CERT): the file of its certificate chain"),
            _ => return Ok(()),
        };
        Err(format!("{there} is of no use alone: set {missing}, or neither for plain http\n\n{ALL_SETTINGS}\n"))
    }
}

/// Flags are written as variables too: `--PING_INTERVAL`, `--ping_interval`.
fn as_flag(command: &Command, arg: OsString) -> OsString {
    let Some(written) = arg.to_str().and_then(|text| text.strip_prefix("--")) else { return arg };
    let name = written.split('=').next().unwrap_or_default();
    let is_meant = |long: &&str| {
        let variable = long.replace('-', "_");
        name == variable || name == variable.to_uppercase()
    };
    match command.get_arguments().filter_map(Arg::get_long).find(is_meant) {
        Some(long) => format!("--{long}{}", &written[name.len()..]).into(),
        None => arg,
    }
}

const ALL_SETTINGS: &str = "--help shows all settings";

/// clap's words, and for a wrong value the variable's name too: it may have come from there.
fn explained(error: &clap::Error) -> String {
    let context = |kind| error.get(kind).map(ToString::to_string);
    let wrong_value = matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue);
    let (Some(arg), Some(value), true) =
        (context(ContextKind::InvalidArg), context(ContextKind::InvalidValue), wrong_value)
    else {
        let text = error.to_string();
        let why = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
        return format!("{why}\n\n{ALL_SETTINGS}\n");
    };
    let flag = arg.split_whitespace().next().unwrap_or_default();
    let variable = flag.trim_start_matches('-').replace('-', "_").to_uppercase();
    let source = std::error::Error::source(error).map(ToString::to_string);
    let what_to_do = source.unwrap_or_else(|| "it needs a value".into());
    format!("{flag} ({variable}) cannot be {value:?}: {what_to_do}\n\n{ALL_SETTINGS}\n")
}

fn host(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("write an address or a name, as 127.0.0.1, or 0.0.0.0 for all addresses".into()),
        host => Ok(host.into()),
    }
}

fn port(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| "write a number from 0 to 65535; 0 takes a free port".into())
}

fn lanes(text: &str) -> Result<NonZeroUsize, String> {
    const LANES_MAX: usize = 1024;
    text.parse()
        .ok()
        .filter(|lanes: &NonZeroUsize| lanes.get() <= LANES_MAX)
        .ok_or_else(|| format!("write a number of threads from 1 to {LANES_MAX}, or leave it out for one per core"))
}

fn drain(text: &str) -> Result<Duration, String> {
    const DRAIN_MAX: Duration = Duration::from_secs(60 * 60);
    let time = units::duration(text)?;
    if time > DRAIN_MAX { Err("at most 1h is allowed".into()) } else { Ok(time) }
}

fn recovery(text: &str) -> Result<Duration, String> {
    const RECOVERY_MAX: Duration = Duration::from_secs(24 * 60 * 60);
    let time = units::duration(text)?;
    if time > RECOVERY_MAX { Err("at most 24h are allowed".into()) } else { Ok(time) }
}

/// Clients add interval and timeout up, and the timers of those in JavaScript fire at once beyond 2^31 - 1 ms.
fn heartbeat(text: &str) -> Result<Duration, String> {
    const HEARTBEAT_MAX: Duration = Duration::from_millis((1 << 30) - 1);
    let time = units::positive_duration(text)?;
    if time > HEARTBEAT_MAX {
        let max = HEARTBEAT_MAX.as_millis();
        return Err(format!("at most {max} ms (about 12 days) are allowed: the timers of clients bear no more"));
    }
    Ok(time)
}

fn head_timeout(text: &str) -> Result<Duration, String> {
    const HEAD_TIMEOUT_MAX: Duration = Duration::from_secs(10);
    let time = units::positive_duration(text)?;
    if time > HEAD_TIMEOUT_MAX { Err("at most 10000 ms are allowed".into()) } else { Ok(time) }
}

fn max_payload(text: &str) -> Result<usize, String> {
    const MAX_PAYLOAD_MAX: usize = 1 << 30;
    match units::bytes(text)? {
        0 => Err("write at least 1 byte".into()),
        bytes if bytes > MAX_PAYLOAD_MAX => Err("at most 1GiB is allowed".into()),
        bytes => Ok(bytes),
    }
}

fn origins(text: &str) -> Result<Origins, String> {
    let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    Origins::new(entries).map_err(|e| e.to_string())
}

fn log(text: &str) -> Result<String, String> {
    match text.parse::<tracing_subscriber::EnvFilter>() {
        Ok(_) => Ok(text.into()),
        Err(e) => {
            Err(format!("{e}; write off, error, warn, info, debug, trace, or a filter as roomcast_lane=debug,info"))
        }
    }
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
