//! The server's life: listening, telling so, serving, draining.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use roomcast::Engine;
use roomcast_lane::Lanes;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::connections::Connections;
use crate::serve::{Front, serve_on};
use crate::settings::Settings;
use crate::signals::{self, Hangups};
use crate::tls::TlsIdentity;
use crate::{app, banner, files};

/// Long for any client that is there.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);

/// How much longer than the clients of lanes those of HTTP are given to leave: the last of the former may poll, and has to get
/// its answer.
const LAST_REQUESTS: Duration = Duration::from_millis(300);

/// 400 characters of any script have a place, at 4 bytes each, and some more.
const ROOM_NAME_BYTES_MAX: usize = 2048;

/// Runs the server until SIGTERM or SIGINT; then clients are told to leave, at random times within the setting `drain`. With
/// TLS, SIGHUP reads certificate and key again.
///
/// # Errors
/// One line that says why it did not start, or what ended it.
pub async fn run(settings: &Settings) -> Result<(), String> {
    let threads = settings.lanes.map_or_else(|| thread::available_parallelism().map_or(1, usize::from), usize::from);
    let connections_max = files::connections_max(files::raise_limit(), threads)?;
    let stop = signals::stop().map_err(|e| format!("cannot watch for signals: {e}"))?;
    // Ends with this function.
    let mut reloading = JoinSet::new();
    let identity = identity(settings)?;
    if let Some(identity) = &identity {
        let hangups = Hangups::watch().map_err(|e| format!("cannot watch for signals: {e}"))?;
        reloading.spawn(reload_at(hangups, identity.clone()));
    }
    let (listener, address) = listen(settings).await?;
    let engine = Engine::builder().room_name_bytes_max(ROOM_NAME_BYTES_MAX).build();
    let lanes = Lanes::builder().threads(threads).start(&engine).map_err(|e| format!("cannot start the lanes: {e}"))?;
    let connections = Connections::new(&lanes);
    let (router, direct) = app::endpoints(&lanes, &connections, settings);
    let drain = settings.drain + LAST_REQUESTS;
    let (head_timeout, stall_timeout) = (settings.head_timeout, STALL_TIMEOUT);
    let front = Front { head_timeout, stall_timeout, drain, connections_max, connections, direct };
    print(&banner::text(address, lanes.threads(), identity.as_ref().map(TlsIdentity::certificate)));

    let (stopped, when_stopped) = tokio::sync::oneshot::channel();
    let serving = tokio::spawn(serve_on(listener, identity, router, front, async move {
        stop.await;
        let _nobody_waits_if_it_failed = stopped.send(());
    }));
    tokio::pin!(serving);
    tokio::select! {
        // Told to stop, both may be ready.
        biased;
        _ = when_stopped => {}
        ended = &mut serving => return Err(format!("cannot accept connections any more: {}", why(ended))),
    }
    tracing::info!("stopping: clients are told to leave within {} ms", settings.drain.as_millis());
    let forced = lanes.drain(settings.drain).await;
    let _whatever_it_says_by_now = serving.await;
    tracing::info!("stopped; {forced} connections had to be cut off");
    Ok(())
}

async fn listen(settings: &Settings) -> Result<(TcpListener, SocketAddr), String> {
    let Settings { host, port, .. } = settings;
    let cannot = |error: io::Error| {
        let (reason, cure) = match error.kind() {
            io::ErrorKind::AddrInUse => ("address in use".to_owned(), "set --port or PORT"),
            io::ErrorKind::PermissionDenied => ("permission denied".to_owned(), "set --port or PORT to 1024 or more"),
            io::ErrorKind::AddrNotAvailable => ("no address of this machine".to_owned(), "set --host or HOST"),
            _ => (error.to_string(), "set --host or HOST, --port or PORT"),
        };
        format!("cannot listen on {}: {reason}; {cure}", banner::authority(host, *port))
    };
    let listener = TcpListener::bind((host.as_str(), *port)).await.map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    Ok((listener, address))
}

fn identity(settings: &Settings) -> Result<Option<TlsIdentity>, String> {
    let (Some(certificate), Some(key)) = (&settings.tls_cert, &settings.tls_key) else { return Ok(None) };
    let loaded = TlsIdentity::from_pem_files(certificate, key);
    loaded.map(Some).map_err(|error| format!("no TLS with --tls-cert (TLS_CERT) and --tls-key (TLS_KEY): {error}"))
}

/// Reads the certificate again at each SIGHUP.
async fn reload_at(mut hangups: Hangups, identity: TlsIdentity) {
    loop {
        hangups.next().await;
        let again = identity.clone();
        match tokio::task::spawn_blocking(move || again.reload()).await {
            Ok(Ok(())) => tracing::info!(
                "read {} again: new connections get the certificate with SHA-256 {}",
                identity.certificate().display(),
                identity.fingerprint()
            ),
            Ok(Err(error)) => tracing::error!("the certificate stays as it was: {error}"),
            Err(error) => tracing::error!("the certificate stays as it was: {error}"),
        }
    }
}

fn why(ended: Result<io::Result<()>, tokio::task::JoinError>) -> String {
    match ended {
        Ok(Ok(())) => "it ended without a reason".into(),
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    }
}

/// To stdout, whoever reads it or not: a closed pipe is no reason to die.
fn print(text: &str) {
    let mut stdout = io::stdout().lock();
    if let Err(error) = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        tracing::debug!("nobody reads the banner: {error}");
    }
}
