//! Sessions: what is known of a client between its requests.
//!
//! A cookie has the session's id, signed ([`cookie`], [`secrets`]); a [`store`] has its values. [`SessionLayer`] gives each
//! request its [`Session`], and saves it before the answer leaves. Virtual requests pass through the same layer as plain HTTP:
//! they have the cookie of their socket's handshake. What begins over a socket is noted there ([`own`]).

pub(crate) mod cookie;
pub(crate) mod id;
pub(crate) mod layer;
pub(crate) mod memory;
pub(crate) mod own;
pub(crate) mod secrets;
pub(crate) mod store;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::{RawValue, to_raw_value};
use tokio::sync::{Mutex, MutexGuard};

use cookie::{Brought, Cookie};
use id::SessionId;
use own::{Attaching, Own};
use secrets::Secrets;
use store::{Changes, Entries, Save, SessionStore, StoreError};

/// The session of one request: values by name, any that serde can make JSON of.
///
/// It is loaded when it is first used, and saved after the handler if anything changed: a request that does not use it costs
/// neither the store nor a signature. It begins with the first value; before, there is nothing in the store and the client gets
/// no cookie. It ends when it was not used for its time to live (see [`SessionLayerBuilder::time_to_live`]).
///
/// Requests of one client may run at the same time, over a socket they often do. Each loads the session for itself, and saves
/// what *it* changed, name by name: both changes stand, of two to one name the later one, and what one request changed the
/// other does not see. Changes to a session that another request destroyed or renewed are lost. Of two requests at once that
/// both begin one over plain HTTP, the browser keeps one; over a socket they begin the same.
///
/// A handler takes it as `Extension<Session>`, or as `Session` (feature `axum`). What is changed after the handler
/// has returned, in a task or in a streamed body, has to be saved with [`Self::save`], and can give no cookie any more.
///
/// [`SessionLayerBuilder::time_to_live`]: crate::SessionLayerBuilder::time_to_live
#[derive(Clone)]
pub struct Session(Arc<Inner>);

struct Inner {
    settings: Arc<Settings>,
    cookies: Vec<HeaderValue>,
    owner: Owner,
    /// The client wants none: what is set is there for this request only.
    is_off: bool,
    state: Mutex<State>,
}

/// Where the session is noted, beside the cookie.
enum Owner {
    /// A request of plain HTTP.
    Nobody,
    Socket(roomcast::Socket),
    /// A socket that may be gone, and with it its data.
    Former(Arc<Own>),
}

/// What all sessions of a layer have in common.
pub(crate) struct Settings {
    pub(crate) store: Box<dyn SessionStore>,
    pub(crate) secrets: Secrets,
    pub(crate) cookie: Cookie,
    pub(crate) time_to_live: Duration,
    pub(crate) bytes_max: usize,
    pub(crate) attaching: Attaching,
}

#[derive(Default)]
struct State {
    /// The store was asked, or need not be.
    is_loaded: bool,
    brought: Option<Brought>,
    /// The id under which the store has it.
    id: Option<SessionId>,
    /// The socket's own id, which led nowhere.
    dead: Option<SessionId>,
    /// As the store has them.
    entries: Option<Arc<Entries>>,
    changes: Changes,
    /// Names and values, changes included.
    bytes: usize,
    /// It begins even without a value.
    begins: bool,
    /// Half of its life is over.
    is_aging: bool,
    was_saved: bool,
    was_destroyed: bool,
    /// It got its id in this request.
    is_new_id: bool,
}

/// Why a session could not be read or changed.
#[derive(Debug)]
#[non_exhaustive]
pub enum SessionError {
    /// The store failed.
    Store(StoreError),
    /// The value cannot be JSON, or is of another type than was asked for.
    Json(serde_json::Error),
    /// The session would hold more than it may.
    TooLarge {
        /// What it may hold, in bytes.
        bytes_max: usize,
    },
    /// The operating system has no random numbers.
    Random(getrandom::Error),
}

impl Session {
    /// The id under which it is stored; `None` before it is. Treat it as a password.
    ///
    /// # Errors
    /// The store failed.
    pub async fn id(&self) -> Result<Option<SessionId>, SessionError> {
        Ok(self.loaded().await?.id.clone())
    }

    /// A value; `None` if there is none of this name.
    ///
    /// # Errors
    /// The store failed, or the value is of another type.
    pub async fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, SessionError> {
        let state = self.loaded().await?;
        state.value(name).map(|json| serde_json::from_str(json.get())).transpose().map_err(SessionError::Json)
    }

    /// Sets a value. What does not change anything is not saved.
    ///
    /// # Errors
    /// The store failed, the value cannot be JSON, or the session would be too large.
    pub async fn insert<T: Serialize + ?Sized>(&self, name: impl Into<String>, value: &T) -> Result<(), SessionError> {
        let (name, json) = (name.into(), to_raw_value(value).map_err(SessionError::Json)?);
        let bytes_max = self.0.settings.bytes_max;
        let mut state = self.loaded().await?;
        if state.value(&name).is_some_and(|former| former.get() == json.get()) {
            return Ok(());
        }
        let bytes = state.bytes - state.bytes_of(&name) + name.len() + json.get().len();
        if bytes > bytes_max.max(state.bytes) {
            return Err(SessionError::TooLarge { bytes_max });
        }
        state.bytes = bytes;
        state.changes.insert(name, Some(json));
        Ok(())
    }

    /// Removes a value; whether there was one.
    ///
    /// # Errors
    /// The store failed.
    pub async fn remove(&self, name: &str) -> Result<bool, SessionError> {
        let mut state = self.loaded().await?;
        if state.value(name).is_none() {
            return Ok(false);
        }
        state.bytes -= state.bytes_of(name);
        state.changes.insert(name.to_owned(), None);
        Ok(true)
    }

    /// Begins it even without a value: it will be stored, and the client gets its cookie.
    pub async fn begin(&self) {
        self.0.state.lock().await.begins = true;
    }

    /// Gives it another id, under which it goes on with its values; the former id leads nowhere from now on. For the moment
    /// when a client becomes somebody, a login, so that an id which somebody else brought into its browser is worth nothing
    /// (session fixation). What changed is saved with it. One that another request destroyed meanwhile stays destroyed.
    ///
    /// Other sockets of the client that came with the former id are without a session from then on: they have to connect again.
    /// So are its requests that are under way.
    ///
    /// # Errors
    /// The store failed: the session is as it was.
    pub async fn renew(&self) -> Result<(), SessionError> {
        let Inner { settings, owner, .. } = &*self.0;
        let mut state = self.loaded().await?;
        let Some(former) = state.id.clone() else { return Ok(()) };
        let fresh = SessionId::random().map_err(SessionError::Random)?;
        let own = owner.note(settings);
        let changing = Own::changing(own.as_deref()).await;
        let save = Save::new(state.changes.clone(), settings.time_to_live);
        if !settings.store.rename(&former, &fresh, save).await? {
            state.lose(former);
            return Ok(());
        }
        changing.becomes(&fresh);
        state.id = Some(fresh);
        state.is_new_id = true;
        state.settle();
        Ok(())
    }

    /// Ends it: all values are gone, its id leads nowhere, and the client is told to forget its cookie. A value that is set
    /// afterwards begins another one. Over a socket it also ends what other requests have begun or renewed there meanwhile.
    ///
    /// # Errors
    /// The store failed: the session is as it was.
    pub async fn destroy(&self) -> Result<(), SessionError> {
        let Inner { settings, owner, is_off, .. } = &*self.0;
        let mut state = self.loaded().await?;
        let own = owner.note(settings);
        let changing = Own::changing(own.as_deref()).await;
        let noted = changing.id().filter(|_| !is_off);
        // If it is not the noted one any more, it leads nowhere already: so it stays as it was if either call fails.
        let other = noted.as_ref().filter(|id| Some(*id) != state.id.as_ref());
        for id in state.id.iter().chain(other) {
            settings.store.destroy(id).await?;
        }
        let (brought, former) = (state.brought.take(), state.id.take());
        let dead = noted.or(former).or(state.dead.take());
        *state = State { is_loaded: true, brought, dead, was_destroyed: true, ..State::default() };
        Ok(())
    }

    /// Saves what changed, now. Not needed in a handler: what it leaves is saved before the answer leaves.
    ///
    /// # Errors
    /// The store failed: the changes are kept, and saved by the next call.
    pub async fn save(&self) -> Result<(), SessionError> {
        let mut state = self.0.state.lock().await;
        self.save_locked(&mut state).await
    }

    /// Saves, and says what cookie the answer is to set.
    pub(crate) async fn finish(&self) -> Result<Option<HeaderValue>, SessionError> {
        let mut state = self.0.state.lock().await;
        self.save_locked(&mut state).await?;
        Ok(state.cookie(&self.0.settings))
    }

    fn new(settings: Arc<Settings>, cookies: Vec<HeaderValue>, owner: Owner, is_off: bool) -> Self {
        Self(Arc::new(Inner { settings, cookies, owner, is_off, state: Mutex::default() }))
    }

    async fn loaded(&self) -> Result<MutexGuard<'_, State>, SessionError> {
        let mut state = self.0.state.lock().await;
        self.load_locked(&mut state).await?;
        Ok(state)
    }

    async fn load_locked(&self, state: &mut State) -> Result<(), SessionError> {
        let Inner { settings, cookies, owner, is_off, .. } = &*self.0;
        if state.is_loaded || *is_off {
            return Ok(());
        }
        state.brought = settings.cookie.read(cookies, &settings.secrets);
        let own = owner.id();
        let id = own.clone().or_else(|| state.brought.as_ref().map(|brought| brought.id.clone()));
        let stored = match &id {
            Some(id) => settings.store.load(id).await?,
            None => None,
        };
        match stored {
            Some(stored) => {
                state.id = id;
                state.bytes = stored.entries.iter().map(|(name, json)| name.len() + json.get().len()).sum();
                state.is_aging = stored.expires_in < settings.time_to_live / 2;
                state.entries = Some(stored.entries);
            }
            None => state.dead = own,
        }
        state.is_loaded = true;
        Ok(())
    }

    async fn save_locked(&self, state: &mut State) -> Result<(), SessionError> {
        let Inner { settings, is_off, .. } = &*self.0;
        if *is_off || !(state.is_loaded || state.begins) {
            return Ok(());
        }
        self.load_locked(state).await?;
        match state.id.clone() {
            Some(_) if state.changes.is_empty() && !state.is_aging => Ok(()),
            Some(id) => {
                let save = Save::new(state.changes.clone(), settings.time_to_live);
                match settings.store.save(&id, save).await? {
                    true => state.settle(),
                    false => state.lose(id),
                }
                Ok(())
            }
            None if !state.begins && state.changes.values().all(Option::is_none) => Ok(()),
            None => self.begin_locked(state).await,
        }
    }

    /// Begins it. Over a socket, where another request was faster, this is the session of that one.
    async fn begin_locked(&self, state: &mut State) -> Result<(), SessionError> {
        let Inner { settings, owner, .. } = &*self.0;
        let own = owner.note(settings);
        let changing = Own::changing(own.as_deref()).await;
        let joined = changing.id().filter(|id| Some(id) != state.dead.as_ref());
        let save = Save::new(state.changes.clone(), settings.time_to_live);
        let (id, save) = match joined {
            // It has begun already: if it is not there any more, somebody ended it.
            Some(id) => (id, save),
            None => (SessionId::random().map_err(SessionError::Random)?, save.begin()),
        };
        if settings.store.save(&id, save).await? {
            changing.becomes(&id);
            state.id = Some(id);
            state.is_new_id = true;
            state.settle();
        } else {
            state.lose(id);
        }
        Ok(())
    }
}

impl State {
    fn value(&self, name: &str) -> Option<&RawValue> {
        match self.changes.get(name) {
            Some(change) => change.as_deref(),
            None => self.entries.as_ref()?.get(name).map(|json| &**json),
        }
    }

    fn bytes_of(&self, name: &str) -> usize {
        self.value(name).map_or(0, |json| name.len() + json.get().len())
    }

    /// It was destroyed or has expired meanwhile: what it held is gone, and what was changed with it.
    fn lose(&mut self, id: SessionId) {
        tracing::debug!("{id:?} was destroyed or has expired meanwhile: its changes are lost");
        *self = Self { is_loaded: true, brought: self.brought.take(), dead: Some(id), ..Self::default() };
    }

    /// What was changed is stored now.
    fn settle(&mut self) {
        let changes = std::mem::take(&mut self.changes);
        if !changes.is_empty() {
            let entries = Arc::make_mut(self.entries.get_or_insert_default());
            for (name, change) in changes {
                match change {
                    Some(json) => drop(entries.insert(name, json)),
                    None => drop(entries.remove(&name)),
                }
            }
        }
        (self.begins, self.is_aging, self.was_saved) = (false, false, true);
    }

    /// What the client is to be told: another id, its own one again because it is signed with a former secret or has a time
    /// to live, that there is none any more, or nothing.
    fn cookie(&self, settings: &Settings) -> Option<HeaderValue> {
        match (&self.id, &self.brought) {
            (Some(id), Some(brought)) if brought.id == *id => {
                let lives_longer = self.was_saved && settings.cookie.max_age.is_some();
                (lives_longer || !brought.is_current).then(|| settings.cookie.set(id, &settings.secrets))?
            }
            // A socket's own session has no cookie, and its client gets none but when it begins.
            (Some(id), _) => self.is_new_id.then(|| settings.cookie.set(id, &settings.secrets))?,
            (None, Some(_)) if self.was_destroyed => settings.cookie.remove(),
            (None, _) => None,
        }
    }
}

impl Owner {
    fn id(&self) -> Option<SessionId> {
        match self {
            Self::Nobody => None,
            Self::Socket(socket) => socket.get::<Own>()?.id(),
            Self::Former(own) => own.id(),
        }
    }

    fn note(&self, settings: &Settings) -> Option<Arc<Own>> {
        match self {
            Self::Nobody => None,
            Self::Socket(socket) => Some(settings.attaching.note(socket)),
            Self::Former(own) => Some(Arc::clone(own)),
        }
    }
}

impl From<StoreError> for SessionError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Json(error) => write!(f, "a value of the session: {error}"),
            Self::TooLarge { bytes_max } => {
                write!(f, "a session may hold {bytes_max} bytes: keep less in it, or raise session_bytes_max")
            }
            Self::Random(error) => write!(f, "no random numbers for a session's id: {error}"),
        }
    }
}

impl std::error::Error for SessionError {}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Its values may be secrets.
        f.debug_struct("Session").finish_non_exhaustive()
    }
}
