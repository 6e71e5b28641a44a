//! The limit of open files, which is the limit of connections.

/// What is assumed where the system does not say.
const LIMIT_USUAL: usize = 1024;
/// Files that are kept for what are no connections, if a quarter is more.
const KEPT_MAX: usize = 256;
/// Listener, standard streams, the runtime's reactor, signals, and some to read a file or to turn a connection away.
const NEEDED: usize = 20;
/// The reactor of a lane.
const NEEDED_PER_LANE: usize = 4;
/// With fewer connections a server is none.
const CONNECTIONS_MIN: usize = 4;

/// Raises the soft limit to the hard one; how many files may be open then.
pub(crate) fn raise_limit() -> usize {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) => usize::try_from(limit).unwrap_or(usize::MAX),
        Err(error) => {
            tracing::warn!("the limit of open files stays as it is: {error}");
            current_limit()
        }
    }
}

/// How many connections there may be when so many files may be open.
///
/// # Errors
/// What to do if they are too few.
pub(crate) fn connections_max(files: usize, lanes: usize) -> Result<usize, String> {
    let needed = NEEDED + NEEDED_PER_LANE * lanes;
    if files < needed + CONNECTIONS_MIN {
        return Err(format!(
            "no more than {files} files may be open, and the server needs {needed} beside its connections; \
             allow more, as with ulimit -n 1024, or set fewer --lanes (LANES)"
        ));
    }
    Ok(files - (files / 4).min(KEPT_MAX).max(needed))
}

#[cfg(unix)]
fn current_limit() -> usize {
    rlimit::Resource::NOFILE.get_soft().map_or(LIMIT_USUAL, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

#[cfg(not(unix))]
fn current_limit() -> usize {
    LIMIT_USUAL
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_is_kept_between_what_the_server_needs_and_256() {
        for (limit, lanes, connections) in [
            (1 << 20, 2, (1 << 20) - 256),
            (1024, 2, 768),
            (400, 2, 300),
            (256, 2, 192),
            (112, 2, 84),
            (64, 2, 36),
            (64, 8, 12),
        ] {
            assert_eq!(connections_max(limit, lanes), Ok(connections), "{limit} files, {lanes} lanes");
        }
        assert_eq!(connections_max(usize::MAX, 1024), Ok(usize::MAX - 20 - 4 * 1024));
    }

    #[test]
    fn with_too_few_it_does_not_start_and_says_what_to_do() {
        for (limit, lanes) in [(0, 1), (24, 1), (27, 1), (39, 4), (300, 1024)] {
            let why = connections_max(limit, lanes).unwrap_err();
            assert!(why.contains(&format!("{limit} files")) && why.contains("ulimit -n 1024"), "{why}");
        }
    }
}
