//! Resourceful pubsub: rooms for the records of a model, and what is told when one changes.

mod notice;

use std::fmt::{self, Display};
use std::sync::Arc;

use roomcast::Sent;
use serde::Serialize;

use crate::error::Error;
use crate::sockets::{Broadcast, Scope, Sockets};
use crate::who::Who;
use notice::{Notice, json};

/// A model whose records sockets subscribe to: what `User` is in `User.publish(ids, data)`.
///
/// Each record has a room, and all watchers of the model share one, its class room; the names are those of Sails. What is
/// told is an event with the model's identity as its name. No database is involved: ids are whatever displays as text.
/// Clone it into the state of a router.
///
/// ```
/// use roomcast::{Engine, MemoryLane};
/// use roomcast_sails::{Resource, Sockets};
/// use serde_json::json;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let engine = Engine::new();
/// # let lane = MemoryLane::new(&engine);
/// # let (ann, ben) = (lane.connect()?, lane.connect()?);
/// let users = Resource::new(&Sockets::new(&engine), "user");
/// users.subscribe([&ann, &ben], [47])?;
/// users.publish([47], &json!({"typing": true}))?;
/// users.omit(&ann).updated(47, &json!({"hobby": "kickin"}), &json!({"hobby": "pickin"}))?;
/// assert_eq!((lane.received(&ann).len(), lane.received(&ben).len()), (1, 2));
/// # Ok(())
/// # }
/// ```
///
/// | Sails | roomcast |
/// |---|---|
/// | `User.subscribe(req, [1, 2])` | `users.subscribe(&req, [1, 2])?` |
/// | `User.unsubscribe(req, [1])` | `users.unsubscribe(&req, [1])?` |
/// | `User.publish([1], data)` | `users.publish([1], &data)?` |
/// | `User.publish([1], data, req)` | `users.omit(&req).publish([1], &data)?` |
/// | `User.getRoomName(1)` | `users.room_name(1)` |
/// | what the blueprint actions tell | [`created`](Self::created), [`updated`](Self::updated), [`destroyed`](Self::destroyed), [`added_to`](Self::added_to), [`removed_from`](Self::removed_from) |
/// | the `find` blueprint with `autoWatch` | [`watch`](Self::watch) |
#[derive(Clone)]
pub struct Resource {
    sockets: Sockets,
    identity: Arc<str>,
    scope: Scope,
}

impl Resource {
    /// The model with this identity: in Sails the model's name in small letters. It is the name of the event, so it must not
    /// be one of those that [`Sockets::broadcast`] refuses.
    pub fn new(sockets: &Sockets, identity: &str) -> Self {
        Self { sockets: sockets.clone(), identity: identity.into(), scope: Scope::default() }
    }

    /// The model's identity.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// The room of a record: `sails_model_user_1:user`.
    pub fn room_name(&self, id: impl Display) -> String {
        format!("sails_model_{0}_{id}:{0}", self.identity)
    }

    /// The room of those who watch the model: `sails_model_create_user`.
    pub fn class_room_name(&self) -> String {
        format!("sails_model_create_{}", self.identity)
    }

    /// The same model, where these sockets are left out of what is told: the last argument of `publish` in Sails. A request
    /// that came by plain HTTP: nobody is left out, so that one handler serves both.
    #[must_use]
    pub fn omit<'w>(&self, who: impl Into<Who<'w>>) -> Self {
        let mut other = self.clone();
        other.scope.omit(&self.sockets, &who.into());
        other
    }

    /// The same model, where each socket gets one copy of a `publish`, in however many of its records' rooms it is.
    #[must_use]
    pub fn once(&self) -> Self {
        let mut other = self.clone();
        other.scope.once();
        other
    }

    /// Sockets hear what is told about these records from now on; how many memberships are new.
    ///
    /// | Sails | roomcast |
    /// |---|---|
    /// | `User.subscribe(req, [1, 2])` | `users.subscribe(&req, [1, 2])?` |
    ///
    /// Sails takes one request or socket; plain HTTP is logged and ignored there.
    ///
    /// # Errors
    /// As [`Sockets::join`].
    pub fn subscribe<'w, I>(&self, who: impl Into<Who<'w>>, ids: I) -> Result<usize, Error>
    where
        I: IntoIterator,
        I::Item: Display,
    {
        self.sockets.join(who, self.rooms(ids))
    }

    /// Sockets hear no more of these records; how many memberships ended.
    ///
    /// | Sails | roomcast |
    /// |---|---|
    /// | `User.unsubscribe(req, [1, 2])` | `users.unsubscribe(&req, [1, 2])?` |
    ///
    /// # Errors
    /// As [`Sockets::leave`].
    pub fn unsubscribe<'w, I>(&self, who: impl Into<Who<'w>>, ids: I) -> Result<usize, Error>
    where
        I: IntoIterator,
        I::Item: Display,
    {
        self.sockets.leave(who, self.rooms(ids))
    }

    /// Tells the subscribers of records anything. As in Sails one who subscribed to two of them gets two copies;
    /// [`Self::once`] asks for one.
    ///
    /// | Sails | roomcast |
    /// |---|---|
    /// | `User.publish([1, 2], data)` | `users.publish([1, 2], &data)?` |
    /// | `User.publish([1], data, req)` | `users.omit(&req).publish([1], &data)?` |
    ///
    /// # Errors
    /// As [`Sockets::broadcast`].
    pub fn publish<I, T>(&self, ids: I, data: &T) -> Result<Sent, Error>
    where
        I: IntoIterator,
        I::Item: Display,
        T: Serialize + ?Sized,
    {
        self.broadcast(self.rooms(ids), data)
    }

    /// Sockets hear of new records from now on, and subscribe to each as it is created; how many of them did not watch yet.
    ///
    /// # Errors
    /// As [`Sockets::join`].
    pub fn watch<'w>(&self, who: impl Into<Who<'w>>) -> Result<usize, Error> {
        self.sockets.join(who, self.class_room_name())
    }

    /// Sockets hear no more of new records; how many of them watched.
    ///
    /// # Errors
    /// As [`Sockets::leave`].
    pub fn unwatch<'w>(&self, who: impl Into<Who<'w>>) -> Result<usize, Error> {
        self.sockets.leave(who, self.class_room_name())
    }

    /// Tells those who watch the model of a new record, and subscribes them to it, as the blueprint `create` does:
    /// `{"verb":"created","id":47,"data":{..}}`.
    ///
    /// # Errors
    /// As [`Sockets::broadcast`]; and, when all have been told, as [`Sockets::add_room_members_to_rooms`].
    pub fn created<T>(&self, id: impl Display + Serialize, data: &T) -> Result<Sent, Error>
    where
        T: Serialize + ?Sized,
    {
        let class_room = self.class_room_name();
        let (id_json, data) = (json(&id)?, json(data)?);
        let sent = self.broadcast(vec![class_room.clone()], &Notice::Created { id: &id_json, data: &data })?;
        self.sockets.add_room_members_to_rooms(class_room, self.room_name(id))?;
        Ok(sent)
    }

    /// Tells the subscribers of a record what changed, as the blueprint `update` does:
    /// `{"verb":"updated","id":47,"data":{..},"previous":{..}}`. `previous` is the record as it was; what is `null` as JSON,
    /// such as `&()` or `&None::<User>`, is left out.
    ///
    /// # Errors
    /// As [`Sockets::broadcast`].
    pub fn updated<T, P>(&self, id: impl Display + Serialize, data: &T, previous: &P) -> Result<Sent, Error>
    where
        T: Serialize + ?Sized,
        P: Serialize + ?Sized,
    {
        let (id_json, data, previous) = (json(&id)?, json(data)?, json(previous)?);
        self.tell(id, &Notice::Updated { id: &id_json, data: &data, previous: &previous })
    }

    /// Tells the subscribers of a record that it is gone, as the blueprint `destroy` does:
    /// `{"verb":"destroyed","id":47,"previous":{..}}`; `previous` as with [`Self::updated`]. Then nobody is subscribed to it
    /// any more; Sails forgets only those who watch the model.
    ///
    /// # Errors
    /// As [`Sockets::broadcast`].
    pub fn destroyed<P>(&self, id: impl Display + Serialize, previous: &P) -> Result<Sent, Error>
    where
        P: Serialize + ?Sized,
    {
        let (id_json, previous) = (json(&id)?, json(previous)?);
        let sent = self.tell(&id, &Notice::Destroyed { id: &id_json, previous: &previous })?;
        let room = self.room_name(id);
        self.sockets.remove_room_members_from_rooms(&room, &room);
        Ok(sent)
    }

    /// Tells the subscribers of a record that another one was added to one of its collections, as the blueprint `add` does:
    /// `{"verb":"addedTo","id":7,"attribute":"purchases","addedId":47,"addedIds":[47]}`. Sails sends `addedId` and documents
    /// `addedIds`; here are both.
    ///
    /// The other side of the association is told by another call; there are no models here that know it.
    ///
    /// # Errors
    /// As [`Sockets::broadcast`].
    pub fn added_to(
        &self,
        id: impl Display + Serialize,
        attribute: &str,
        added: impl Serialize,
    ) -> Result<Sent, Error> {
        let (id_json, added) = (json(&id)?, json(&added)?);
        self.tell(id, &Notice::AddedTo { id: &id_json, attribute, added_id: &added, added_ids: [&added] })
    }

    /// Tells the subscribers of a record that another one was removed from one of its collections, as the blueprint `remove`
    /// does: `{"verb":"removedFrom","id":7,"attribute":"purchases","removedId":47,"removedIds":[47]}`.
    ///
    /// # Errors
    /// As [`Sockets::broadcast`].
    pub fn removed_from(
        &self,
        id: impl Display + Serialize,
        attribute: &str,
        removed: impl Serialize,
    ) -> Result<Sent, Error> {
        let (id_json, removed) = (json(&id)?, json(&removed)?);
        self.tell(id, &Notice::RemovedFrom { id: &id_json, attribute, removed_id: &removed, removed_ids: [&removed] })
    }

    fn tell(&self, id: impl Display, notice: &Notice<'_>) -> Result<Sent, Error> {
        self.broadcast(vec![self.room_name(id)], notice)
    }

    fn broadcast<T: Serialize + ?Sized>(&self, rooms: Vec<String>, data: &T) -> Result<Sent, Error> {
        Broadcast::scoped(&self.sockets, self.scope.clone()).broadcast(rooms, &*self.identity, data)
    }

    fn rooms<I>(&self, ids: I) -> Vec<String>
    where
        I: IntoIterator,
        I::Item: Display,
    {
        ids.into_iter().map(|id| self.room_name(id)).collect()
    }
}

impl fmt::Debug for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resource").field("identity", &self.identity).finish_non_exhaustive()
    }
}
