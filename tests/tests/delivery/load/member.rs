//! A member: connects, makes its choices, goes, and comes again.

use super::choices::{self, Manner, Pace, Reader, Scene, Step};
use super::link::Link;
use super::world::World;
use fastrand::Rng;
use std::{rc::Rc, time::Duration};
use tokio::time::sleep;

/// What the kernel keeps for a slow reader, so that the server's own queue comes into play. With a tenth of it TCP itself
/// crawls: a window smaller than a segment is filled five times a second.
const SLOW_RECEIVE_BUFFER: u32 = 32 * 1024;

/// Lives until the world stops; the connection that it has then, with nothing due.
pub(crate) async fn live(world: Rc<World>, number: usize, mut rng: Rng) -> Option<Link> {
    let reader = Reader::of(number);
    sleep(Duration::from_millis(rng.u64(..200))).await;
    while !world.stopping.get() {
        let receive_buffer = (reader != Reader::Keen).then_some(SLOW_RECEIVE_BUFFER);
        let link = match Link::open(&world, receive_buffer).await {
            Ok(link) => link,
            Err(error) => {
                world.faults.borrow_mut().push(format!("member {number} cannot connect: {error}"));
                return None;
            }
        };
        world.present.borrow_mut()[number] = Some(link.socket);
        let manner = act(&world, &link, reader, &mut rng).await;
        world.present.borrow_mut()[number] = None;
        match manner {
            _ if link.is_ended() => link.find_cut_off().await,
            Some(manner) => link.leave(manner).await,
            None => return settled(link).await,
        }
    }
    None
}

/// Does one thing after the other; how it wants to go, `None` if the world stops.
async fn act(world: &Rc<World>, link: &Link, reader: Reader, rng: &mut Rng) -> Option<Manner> {
    let window = [1, 1, 1, 2, 4, 16][rng.usize(..6)];
    while !world.stopping.get() && !link.is_ended() {
        let sockets: Vec<usize> = world.present.borrow().iter().flatten().copied().collect();
        let scene = Scene { own: link.socket, sockets: &sockets, reader };
        match choices::step(rng, &scene) {
            Step::Ask(asked) => link.ask(asked).await,
            Step::AskAlone(op) => {
                link.due_below(1).await;
                link.ask(vec![(op, None)]).await;
                link.due_below(1).await;
            }
            Step::Read(pace) => link.set_pace(pace),
            Step::Ping => link.ping().await,
            Step::Rest(time) => sleep(time).await,
            Step::Leave(manner) => {
                if manner != Manner::GoodBye {
                    // What others are in for has to be known; what is said last is not.
                    link.due_below(1).await;
                    link.ask(choices::last_words(rng, &scene)).await;
                }
                return Some(manner);
            }
        }
        link.due_below(window).await;
    }
    None
}

/// Reads until all replies have come.
async fn settled(link: Link) -> Option<Link> {
    link.set_pace(Pace::Keen);
    link.due_below(1).await;
    if !link.is_ended() {
        return Some(link);
    }
    link.find_cut_off().await;
    None
}
