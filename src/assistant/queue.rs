//! Places for answers: so many on the server, so many in a project, and a queue that is fair between projects.
//!
//! Projects that wait take turns, each with its oldest: a project that asks a thousand times at once waits for itself only.

use crate::model::ProjectId;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Answers of one project that may wait for a place; beyond that they are refused at once.
const WAITING_PER_PROJECT: usize = 256;
/// Answers that may wait in all.
const WAITING: usize = 4_096;
/// How long an answer may wait for its place.
const PATIENCE: Duration = Duration::from_secs(60);

/// The places of a server.
#[derive(Debug, Clone)]
pub struct Queue(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    most: usize,
    most_per_project: usize,
    taken: usize,
    taken_by: HashMap<ProjectId, usize>,
    waiting: HashMap<ProjectId, VecDeque<oneshot::Sender<Place>>>,
    /// Projects in which somebody waits, each once, in the order of their turns.
    turns: VecDeque<ProjectId>,
    waiting_count: usize,
}

/// A place for one answer; free again when it is dropped.
#[derive(Debug)]
pub struct Place {
    queue: Queue,
    project: ProjectId,
}

impl Drop for Place {
    fn drop(&mut self) {
        let granted = {
            let mut state = self.queue.lock();
            state.leave(self.project);
            state.grant(&self.queue)
        };
        // Outside of the lock: one whose waiter has gone is dropped, and comes back here.
        for (place, waiter) in granted {
            let _ = waiter.send(place);
        }
    }
}

impl Queue {
    /// So many places, and so many for one project.
    #[must_use]
    pub fn new(most: usize, most_per_project: usize) -> Self {
        Self(Arc::new(Mutex::new(State {
            most,
            most_per_project,
            taken: 0,
            taken_by: HashMap::new(),
            waiting: HashMap::new(),
            turns: VecDeque::new(),
            waiting_count: 0,
        })))
    }

    /// Waits for a place. `None` if too many wait already, or too long.
    pub async fn enter(&self, project: ProjectId) -> Option<Place> {
        let granted = {
            let mut state = self.lock();
            let waits = state.waiting.get(&project).map_or(0, VecDeque::len);
            if waits == 0 && state.has_room(project) {
                state.take(project);
                return Some(Place { queue: self.clone(), project });
            }
            if waits >= WAITING_PER_PROJECT || state.waiting_count >= WAITING {
                return None;
            }
            let (waiter, granted) = oneshot::channel();
            if waits == 0 {
                state.turns.push_back(project);
            }
            state.waiting.entry(project).or_default().push_back(waiter);
            state.waiting_count += 1;
            granted
        };
        timeout(PATIENCE, granted).await.ok()?.ok()
    }

    /// Places that are taken, and answers that wait for one.
    #[must_use]
    pub fn figures(&self) -> (usize, usize) {
        let state = self.lock();
        (state.taken, state.waiting_count)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn has_room(&self, project: ProjectId) -> bool {
        self.taken < self.most && self.taken_by.get(&project).is_none_or(|taken| *taken < self.most_per_project)
    }

    fn take(&mut self, project: ProjectId) {
        self.taken += 1;
        *self.taken_by.entry(project).or_default() += 1;
    }

    fn leave(&mut self, project: ProjectId) {
        self.taken = self.taken.saturating_sub(1);
        if let Some(taken) = self.taken_by.get_mut(&project) {
            *taken = taken.saturating_sub(1);
            if *taken == 0 {
                self.taken_by.remove(&project);
            }
        }
    }

    /// Gives the free places to those whose turn it is.
    fn grant(&mut self, queue: &Queue) -> Vec<(Place, oneshot::Sender<Place>)> {
        let mut granted = Vec::new();
        let mut passed = 0;
        while self.taken < self.most && passed < self.turns.len() {
            let Some(project) = self.turns.pop_front() else { break };
            if !self.has_room(project) {
                // It keeps its turn until one of its own leaves.
                self.turns.push_back(project);
                passed += 1;
                continue;
            }
            let Some(waiters) = self.waiting.get_mut(&project) else { continue };
            let waiter = loop {
                match waiters.pop_front() {
                    None => break None,
                    Some(waiter) => {
                        self.waiting_count -= 1;
                        if !waiter.is_closed() {
                            break Some(waiter);
                        }
                    }
                }
            };
            if waiters.is_empty() {
                self.waiting.remove(&project);
            } else {
                self.turns.push_back(project);
            }
            if let Some(waiter) = waiter {
                self.take(project);
                granted.push((Place { queue: queue.clone(), project }, waiter));
                passed = 0;
            }
        }
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use uuid::Uuid;

    fn project(number: u128) -> ProjectId {
        ProjectId(Uuid::from_u128(number))
    }

    #[tokio::test]
    async fn projects_take_turns() {
        let queue = Queue::new(1, 1);
        let first = queue.enter(project(1)).await.unwrap();
        // Four of one project are there before one of another.
        let mut waiting: Vec<_> =
            [1, 1, 1, 1, 2].into_iter().map(|number| (number, Box::pin(queue.enter(project(number))))).collect();
        for (_, place) in &mut waiting {
            assert!(place.as_mut().now_or_never().is_none());
        }
        drop(first);
        let mut order = Vec::new();
        while !waiting.is_empty() {
            let at = waiting.iter_mut().position(|(_, place)| {
                place.as_mut().now_or_never().is_some_and(|it| {
                    // Its place is free again at once.
                    drop(it);
                    true
                })
            });
            let Some(at) = at else { panic!("nobody's turn after {order:?}") };
            order.push(waiting.remove(at).0);
        }
        assert_eq!(order, [1, 2, 1, 1, 1]);
    }

    #[tokio::test]
    async fn a_project_has_its_share_at_most() {
        let queue = Queue::new(3, 2);
        let _one = queue.enter(project(1)).await.unwrap();
        let two = queue.enter(project(1)).await.unwrap();
        let mut third = Box::pin(queue.enter(project(1)));
        assert!(third.as_mut().now_or_never().is_none());
        let _other = queue.enter(project(2)).await.unwrap();
        drop(two);
        assert!(third.as_mut().now_or_never().flatten().is_some());
    }

    #[tokio::test]
    async fn who_no_longer_waits_is_passed_over() {
        let queue = Queue::new(1, 1);
        let first = queue.enter(project(1)).await.unwrap();
        let mut gone = Box::pin(queue.enter(project(1)));
        let mut stays = Box::pin(queue.enter(project(1)));
        assert!(gone.as_mut().now_or_never().is_none() && stays.as_mut().now_or_never().is_none());
        drop(gone);
        drop(first);
        drop(stays.as_mut().now_or_never().flatten().unwrap());
        let state = queue.lock();
        assert_eq!((state.taken, state.waiting_count, state.turns.len()), (0, 0, 0));
    }

    #[tokio::test]
    async fn too_many_are_refused_at_once() {
        let queue = Queue::new(1, 1);
        let _first = queue.enter(project(1)).await.unwrap();
        let mut waiting: Vec<_> = (0..WAITING_PER_PROJECT).map(|_| Box::pin(queue.enter(project(1)))).collect();
        assert!(waiting.iter_mut().all(|place| place.as_mut().now_or_never().is_none()));
        assert!(queue.enter(project(1)).now_or_never().unwrap().is_none());
    }
}
