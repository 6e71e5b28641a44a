//! What the servers of this folder have in common: where they listen, and how they say so.

use std::io;

use tokio::net::TcpListener;

/// Versions of all that is compiled in.
const LOCK: &str = include_str!("../Cargo.lock");

/// Listens on `HOST:PORT` of the environment, and prints the line that `compare` waits for.
pub async fn listen(package: &str) -> io::Result<TcpListener> {
    let variable = |name: &str, otherwise: &str| std::env::var(name).unwrap_or_else(|_| otherwise.to_owned());
    let address = format!("{}:{}", variable("HOST", "127.0.0.1"), variable("PORT", "3000"));
    let listener = TcpListener::bind(address).await?;
    println!("{package} {} on http://{}", version(package), listener.local_addr()?);
    Ok(listener)
}

/// The version of `package` in the lock file.
fn version(package: &str) -> &'static str {
    let entry = LOCK.split_once(&format!("name = \"{package}\"\nversion = \"")).map_or("", |parts| parts.1);
    entry.split('"').next().unwrap_or_default()
}
