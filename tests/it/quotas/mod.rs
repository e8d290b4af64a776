//! Quotas: two processes on one database, each with a pool of its own.

mod booking;
mod deaths;
mod limits;
mod months;
mod waiting;
mod warnings;

use crate::support::db::TestDb;
use crate::support::project::{Project, TestUser};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use palabre::assistant::quota::{Call, Quota, Reservation, Settings};
use palabre::model::quota::{Level, Limit, Price, Used, Wish, month_of};
use palabre::model::{Clock, ConversationId, Failure, OrganizationId};
use palabre::store::quotas::{self, Balance, Side};
use palabre::store::schema::{projects, reservations, usage_days};
use palabre::store::usage::Warning;
use std::sync::{Arc, Mutex};
use uuid::Uuid;

/// A project with a user, a conversation and its own time.
struct World {
    db: Arc<TestDb>,
    project: Project,
    user: TestUser,
    conversation: ConversationId,
    organization: OrganizationId,
    now: Arc<Mutex<DateTime<Utc>>>,
}

impl World {
    async fn new() -> Self {
        let db = Arc::new(TestDb::new().await);
        let project = Project::create(&db, "p", &[]).await;
        let user = project.user("alice").await;
        let conversation = project.group_of(&[&user]).await.parse().unwrap();
        let organization = projects::table
            .find(project.id)
            .select(projects::organization_id)
            .first(&mut project.conn().await)
            .await
            .unwrap();
        let now = Arc::new(Mutex::new("2026-11-20T12:00:00Z".parse().unwrap()));
        Self { db, project, user, conversation, organization, now }
    }

    /// A process of its own on the database.
    fn process(&self, set: impl FnOnce(&mut Settings)) -> Quota {
        let mut settings = Settings { user_tokens: 1_000, ..Settings::default() };
        set(&mut settings);
        let now = Arc::clone(&self.now);
        Quota::new(self.db.pool(), Clock::from_fn(move || *now.lock().unwrap()), settings)
    }

    fn one(&self) -> Quota {
        self.process(|_| {})
    }

    fn set_time(&self, now: &str) {
        *self.now.lock().unwrap() = now.parse().unwrap();
    }

    fn call(&self, input: u64, output: u64) -> Call {
        Call {
            project: self.project.id,
            user: Some(self.user.row.id),
            conversation: Some(self.conversation),
            chatbot: None,
            model: "m".to_owned(),
            wish: Wish { input, output, price: None },
        }
    }

    fn priced(&self, input: u64, output: u64, price: (u64, u64)) -> Call {
        let mut call = self.call(input, output);
        call.wish.price = Some(Price { input: price.0, output: price.1 });
        call
    }

    fn subject(&self, level: Level) -> Uuid {
        match level {
            Level::Organization => self.organization.0,
            Level::Project => self.project.id.0,
            Level::Conversation => self.conversation.0,
            Level::User => self.user.row.id.0,
        }
    }

    async fn set(&self, level: Level, tokens: Option<u64>, money: Option<u64>) {
        let conn = &mut self.project.conn().await;
        quotas::set(conn, level, self.subject(level), Side::Own, Limit { tokens, money }).await.unwrap();
    }

    async fn balance(&self, level: Level) -> Balance {
        let month = month_of(*self.now.lock().unwrap());
        quotas::balance(&mut self.project.conn().await, level, self.subject(level), month).await.unwrap()
    }

    /// Tokens that are booked for the user this month.
    async fn used(&self) -> u64 {
        self.balance(Level::User).await.used.tokens
    }

    /// Tokens that are reserved for the user.
    async fn reserved(&self) -> u64 {
        self.balance(Level::User).await.reserved.tokens
    }

    /// Answers, input, output and money in the ledger.
    async fn ledger(&self) -> (i64, i64, i64, i64) {
        let rows: Vec<(i64, i64, i64, i64)> = usage_days::table
            .select((usage_days::calls, usage_days::input_tokens, usage_days::output_tokens, usage_days::money))
            .load(&mut self.project.conn().await)
            .await
            .unwrap();
        rows.into_iter().fold((0, 0, 0, 0), |sum, row| (sum.0 + row.0, sum.1 + row.1, sum.2 + row.2, sum.3 + row.3))
    }

    /// Calls of this state.
    async fn calls(&self, state: &str) -> i64 {
        reservations::table
            .filter(reservations::state.eq(state))
            .count()
            .get_result(&mut self.project.conn().await)
            .await
            .unwrap()
    }

    /// Lets all leases end, as the database's clock sees it.
    async fn end_leases(&self) {
        diesel::sql_query("UPDATE reservations SET leased_until = now() - interval '1 second'")
            .execute(&mut self.project.conn().await)
            .await
            .unwrap();
    }
}

fn used(input: u64, output: u64) -> Used {
    Used { input, output }
}

async fn granted(quota: &Quota, call: Call) -> Reservation {
    quota.reserve(call).await.unwrap_or_else(|failure| panic!("not granted: {failure}"))
}

async fn refused(quota: &Quota, call: Call) -> Failure {
    match quota.reserve(call).await {
        Err(failure) => failure,
        Ok(reservation) => panic!("granted {}", reservation.output_tokens()),
    }
}

/// Does something while these processes look after their calls; what they warned of comes with it.
async fn beside<T>(processes: &[&Quota], work: impl Future<Output = T>) -> (T, Vec<Warning>) {
    let warnings = Mutex::new(Vec::new());
    let keepers = processes.iter().map(|quota| quota.keep(|warning| warnings.lock().unwrap().push(warning)));
    let result = tokio::select! {
        result = work => result,
        _ = futures_util::future::join_all(keepers) => unreachable!("they go on for ever"),
    };
    (result, warnings.into_inner().unwrap())
}
