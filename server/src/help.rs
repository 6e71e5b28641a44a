//! The text of `--help`, made of what the settings themselves say.

use clap::{Arg, Command};

const INTRODUCTION: &str = "\
Rooms over WebSocket: clients join rooms, messages go to rooms.

Usage: roomcast-server [--SETTING VALUE]...

Each setting is a flag or an environment variable; the flag wins.
Times are milliseconds or have a unit (300ms, 25s, 2m), sizes are bytes or have a unit (1MB, 512KiB).
";

/// The settings in their groups, one a line: flag and unit, what it does, variable, default.
pub(crate) fn text(command: &Command) -> String {
    let rows: Vec<[String; 4]> = command.get_arguments().map(row).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let (flags, helps, variables) = (width(0), width(1), width(2));
    let mut text = format!("{}\n{INTRODUCTION}", command.render_version().trim_end());
    let mut group = None;
    for (arg, [flag, help, variable, default]) in command.get_arguments().zip(&rows) {
        if arg.get_help_heading() != group {
            group = arg.get_help_heading();
            text.push_str(&format!("\n{}\n", group.unwrap_or_default()));
        }
        let line = format!("  {flag:flags$}  {help:helps$}  {variable:variables$}  {default}");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn row(arg: &Arg) -> [String; 4] {
    let long = arg.get_long().unwrap_or_default();
    let unit = arg.get_value_names().filter(|_| arg.get_action().takes_values()).and_then(<[_]>::first);
    let flag = match (unit, arg.get_short()) {
        (Some(unit), _) => format!("--{long} <{unit}>"),
        (None, Some(short)) => format!("--{long}, -{short}"),
        (None, None) => format!("--{long}"),
    };
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let variable = arg.get_env().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    // A default that is computed, or the absence of a value, is told in words.
    let (help, in_words) = help.split_once("; default: ").unwrap_or((&help, ""));
    let value = arg.get_default_values().first().map(|value| value.to_string_lossy()).unwrap_or_default();
    let default = if in_words.is_empty() && arg.get_action().takes_values() { &*value } else { in_words };
    [flag, help.into(), variable, default.into()]
}
