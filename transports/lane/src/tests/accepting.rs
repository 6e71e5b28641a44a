//! What becomes of a listener's errors.

use std::io;

use crate::lanes::accept::{is_final, is_passing};

/// Whether it is the connection's, and whether it is the end.
fn judged(error: &io::Error) -> (bool, bool) {
    (is_passing(error), !is_passing(error) && is_final(error))
}

#[cfg(target_os = "linux")]
#[test]
fn only_a_listener_that_is_none_ends_accepting() {
    let passing = [
        ("ECONNABORTED", 103),
        ("ECONNRESET", 104),
        ("EINTR", 4),
        ("EPERM", 1),
        ("ETIMEDOUT", 110),
        ("ENETDOWN", 100),
        ("EPROTO", 71),
        ("ENOPROTOOPT", 92),
        ("EHOSTDOWN", 112),
        ("ENONET", 64),
        ("EHOSTUNREACH", 113),
        ("EOPNOTSUPP", 95),
        ("ENETUNREACH", 101),
    ];
    let waiting = [("EMFILE", 24), ("ENFILE", 23), ("ENOBUFS", 105), ("ENOMEM", 12), ("EIO", 5), ("ENOSR", 63)];
    let ends = [("EBADF", 9), ("EINVAL", 22), ("ENOTSOCK", 88)];
    let all = [(&passing[..], (true, false)), (&waiting, (false, false)), (&ends, (false, true))];
    for (numbers, expected) in all {
        for (name, number) in numbers {
            assert_eq!(judged(&io::Error::from_raw_os_error(*number)), expected, "{name}");
        }
    }
}

#[test]
fn what_the_system_does_not_say_ends_accepting() {
    assert_eq!(judged(&io::Error::other("the runtime is gone")), (false, true));
    assert_eq!(judged(&io::ErrorKind::ConnectionAborted.into()), (true, false));
}
