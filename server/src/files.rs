//! The limit of open files, which is the limit of connections.

/// Raises the soft limit to the hard one; how many files may be open then.
pub(crate) fn raise_limit() -> usize {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) => usize::try_from(limit).unwrap_or(usize::MAX),
        Err(error) => {
            tracing::warn!("the limit of open files stays as it is: {error}");
            rlimit::Resource::NOFILE.get_soft().map_or(1024, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
        }
    }
}
