//! How a session begins that speaks requests: with the token of the connection, or of a `session.auth`.

use super::{Job, OPENING_PATIENCE, Session, State};
use crate::model::Failure;
use crate::session::opening::{Opened, Ready, Refused};
use crate::wire::close::CloseCode;
use crate::wire::envelope::Request;
use crate::wire::field;
use crate::wire::outgoing::Outgoing;
use actix::prelude::*;
use serde::Deserialize;
use std::collections::VecDeque;
use std::rc::Rc;
use tokio::time::timeout;
use utoipa::ToSchema;

/// The data of `session.auth`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    pub(super) token: String,
    pub(super) project: Option<String>,
}

impl Session {
    /// Signs in with the token of a `session.auth`.
    pub(super) fn sign_in(&mut self, request: Request, ctx: &mut Context<Self>) {
        let id = request.id;
        let auth = field::from_value::<Auth>(request.data).and_then(|auth| {
            let project = match (auth.project, &self.project) {
                (Some(named), None) => named,
                (None, Some(of_address)) => of_address.clone(),
                (Some(named), Some(of_address)) if named == *of_address => named,
                (Some(_), Some(_)) => return Err(Failure::invalid("project", "is not the project of the address")),
                (None, None) => return Err(Failure::invalid("project", "is required")),
            };
            Ok((project, auth.token))
        });
        match auth {
            Ok((project, token)) => self.open(project, token, Some(id), ctx),
            Err(failure) => self.refuse(Some(id), &failure),
        }
    }

    pub(super) fn open(&mut self, project: String, token: String, re: Option<u32>, ctx: &mut Context<Self>) {
        self.state = State::Opening;
        let sign_in_by = self.channel().vigil.pause_sign_in();
        let opening = Rc::clone(&self.opening);
        let open = async move {
            let open = timeout(OPENING_PATIENCE, opening.open(&project, &token));
            open.await.unwrap_or(Err(Refused::Close(CloseCode::Overloaded)))
        };
        ctx.spawn(open.into_actor(self).map(move |result, session, ctx| {
            match result {
                Ok(opened) => session.opened(opened, re),
                Err(refused) => {
                    session.channel().vigil.sign_in_by.set(sign_in_by);
                    session.refused(refused, re);
                }
            }
            session.pump(ctx);
            session.close_if_done();
        }));
    }

    fn opened(&mut self, Opened { who, ready, events }: Opened, re: Option<u32>) {
        if let Some(figures) = self.channel().figures.get().cloned() {
            self.pass.signed_in(&figures);
        }
        let encoding = self.channel().encoding();
        if let Some(re) = re {
            let reply: Outgoing = Outgoing::new("session.auth", Ready::clone(&ready));
            self.channel().queue(reply.reply(encoding, re));
        }
        self.channel().queue(Outgoing::new("session.ready", ready).push(encoding));
        self.untold = events.into();
        self.state = State::Ready(who);
        self.tell_opening();
    }

    /// Tells what is left of the opening, as far as the client reads it; then what was published meanwhile, and from then on
    /// all that comes.
    pub(super) fn tell_opening(&mut self) {
        while !self.channel().is_half_full() {
            let Some(event) = self.untold.pop_front() else {
                self.untold = VecDeque::new();
                return self.channel().open();
            };
            self.channel().queue(event.push(self.channel().encoding()));
        }
        self.channel().flush();
        self.wait_for_room();
    }

    fn refused(&mut self, refused: Refused, re: Option<u32>) {
        self.state = State::Stranger;
        match (refused, re) {
            (Refused::Close(code), _) => self.channel().close(code),
            (Refused::Failure(failure), Some(_)) => {
                self.refuse(re, &failure);
                for (job, _) in std::mem::take(&mut self.waiting) {
                    if let Job::Request(request) = job {
                        self.refuse(Some(request.id), &Failure::Unauthorized);
                    }
                }
                self.bytes = 0;
            }
            (Refused::Failure(Failure::TokenExpired), None) => self.channel().close(CloseCode::TokenExpired),
            (Refused::Failure(Failure::Unavailable | Failure::Internal), None) => {
                self.channel().close(CloseCode::Overloaded);
            }
            (Refused::Failure(_), None) => self.channel().close(CloseCode::Unauthorized),
        }
    }
}
