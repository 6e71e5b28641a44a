#![doc = include_str!("../../../docs/sails-users.md")]
