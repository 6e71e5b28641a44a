//! The limit of open files, which is the limit of connections.

/// What is assumed where the system does not say.
const LIMIT_USUAL: usize = 1024;

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

#[cfg(unix)]
fn current_limit() -> usize {
    rlimit::Resource::NOFILE.get_soft().map_or(LIMIT_USUAL, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

#[cfg(not(unix))]
fn current_limit() -> usize {
    LIMIT_USUAL
}
