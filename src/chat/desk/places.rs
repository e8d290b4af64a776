//! Who waits is told their place in the queue, and what changes of it.

use super::super::Chat;
use crate::cluster::Publication;
use crate::model::support::expected_wait;
use crate::model::{Failure, ProjectId, RequestId};
use crate::store::support::queue::{self, Standing};
use crate::wire::outgoing::Outgoing;
use crate::wire::support::Place;
use std::collections::HashMap;

/// The places that were told to who is connected here: as many as customers wait with a session on this node.
#[derive(Debug, Default)]
pub struct Told(HashMap<RequestId, i64>);

impl Told {
    /// Looks at the queues of the projects in use, once for all of them, and tells each place that is another one than was told.
    pub async fn follow(&mut self, chat: &Chat) -> Result<(), Failure> {
        let projects = chat.projects();
        let places = chat.run(async |conn| Ok(queue::places(conn, &projects).await?)).await?;
        // Who is not here is told as soon as they are.
        let here: Vec<Standing> =
            places.into_iter().filter(|standing| chat.bus.users.mask(standing.customer) != 0).collect();
        let moved = here.iter().filter(|standing| self.0.get(&standing.request) != Some(&standing.place));
        let mut by_project: HashMap<ProjectId, Vec<&Standing>> = HashMap::new();
        for standing in moved {
            by_project.entry(standing.project).or_default().push(standing);
        }
        for (project, moved) in by_project {
            let now = chat.now();
            let taken = chat.run(async |conn| Ok(queue::recent_takes(conn, project, now).await?)).await?;
            for Standing { request, customer, place, .. } in moved {
                let wait_s = expected_wait(*place, &taken);
                let event = Outgoing::new("support.queue", Place { request: *request, place: *place, wait_s });
                if let Some(backlog) = chat.bus.publish(Publication::to_users(vec![*customer], event)) {
                    backlog.await;
                }
                self.0.insert(*request, *place);
            }
        }
        // Who waits no longer, or is not here: told when they are back.
        self.0 = here.iter().map(|standing| (standing.request, standing.place)).collect();
        Ok(())
    }
}
