//! Reserving: whether a call may begin, decided under the locks of all levels that it counts in.

use super::super::statement::statement;
use super::{Place, Subjects, lock, millis, next_turn, stored, whole};
use crate::model::quota::{Amount, Decision, Level, Standing, Wish, decide, first_of, next_month};
use crate::model::{ChatbotId, ConversationId, Failure, OrganizationId, ProjectId, UserId};
use chrono::NaiveDate;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Date, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use std::time::Duration;
use uuid::Uuid;

/// A call of a model, as it is to be counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub project: ProjectId,
    /// Who asks; `None` for a back end that asks for itself.
    pub user: Option<UserId>,
    /// Where the answer goes; it need not be there yet, but only when it is settled does it count there.
    pub conversation: Option<ConversationId>,
    pub chatbot: Option<ChatbotId>,
    pub model: String,
    pub wish: Wish,
}

/// What holds for all calls.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// The quota of users for whom none is set.
    pub user_tokens: u64,
    /// How long a call stands without a word of its process.
    pub lease: Duration,
    /// Calls of an organization that may wait, on all nodes.
    pub waiting: usize,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// The call may begin, and the model write so many tokens.
    Granted { output: u64 },
    /// It has a place among those who wait, and is to try again when something was given back.
    Waiting,
}

/// Another call of the organization.
type Other = (Uuid, i64, String, ProjectId, Option<ConversationId>, Option<UserId>, i64, i64);

statement! {
    struct Others { organization: OrganizationId, from: NaiveDate, to: NaiveDate }
        -> (SqlUuid, BigInt, Text, SqlUuid, Nullable<SqlUuid>, Nullable<SqlUuid>, BigInt, BigInt);
    "SELECT id, ticket, state, project_id, conversation_id, user_id, tokens, money FROM reservations \
     WHERE organization_id = " [organization as SqlUuid] " AND day >= " [from as Date] " AND day < " [to as Date] " \
     AND (state = 'granted' OR (state = 'waiting' AND leased_until > clock_timestamp()))"
}

statement! {
    struct Put<'a> {
        id: Uuid, organization: OrganizationId, project: ProjectId, conversation: Option<ConversationId>, user: Option<UserId>,
        chatbot: Option<ChatbotId>, model: &'a str, day: NaiveDate, state: &'a str, tokens: i64, money: i64,
        input_price: Option<i64>, output_price: Option<i64>, lease: i64,
    };
    "INSERT INTO reservations (id, organization_id, project_id, conversation_id, user_id, chatbot_id, model, day, state, tokens, \
         money, input_price, output_price, leased_until) \
     VALUES (" [id as SqlUuid] ", " [organization as SqlUuid] ", " [project as SqlUuid] ", " [conversation as Nullable<SqlUuid>] ", "
        [user as Nullable<SqlUuid>] ", " [chatbot as Nullable<SqlUuid>] ", " [model as Text] ", " [day as Date] ", " [state as Text] ", "
        [tokens as BigInt] ", " [money as BigInt] ", " [input_price as Nullable<BigInt>] ", " [output_price as Nullable<BigInt>] ", \
         clock_timestamp() + " [lease as BigInt] " * interval '1 millisecond') \
     ON CONFLICT (id) DO UPDATE SET day = excluded.day, state = excluded.state, tokens = excluded.tokens, money = excluded.money, \
         leased_until = excluded.leased_until"
}

/// Tries to reserve what a call may take, on `day`; the same `id` again for one that waits.
///
/// Those who wait go in the order in which they came: what they wait for counts as reserved for those behind them, so nobody
/// is overtaken by smaller calls for ever, and who asks for what nobody else waits for goes at once.
///
/// # Errors
/// - [`Failure::NotFound`] if there is no such project, or the user is none of it.
/// - [`Failure::QuotaExceeded`] if what is booked has reached a quota.
/// - [`Failure::Unavailable`] if too many of the organization wait already.
pub async fn attempt(
    conn: &mut AsyncPgConnection,
    id: Uuid,
    call: &Call,
    day: NaiveDate,
    terms: Terms,
) -> Result<Attempt, Failure> {
    conn.transaction(async |conn| {
        let place = Place { project: call.project, user: call.user, conversation: call.conversation };
        let place = place.get_result::<(OrganizationId, bool, bool)>(conn).await.optional()?;
        let (organization, has_user, has_conversation) = place.ok_or(Failure::NotFound("project"))?;
        if call.user.is_some() && !has_user {
            return Err(Failure::NotFound("user"));
        }
        let conversation = call.conversation.filter(|_| has_conversation);
        let subjects = Subjects::new(organization, call.project, conversation, call.user);
        let month = first_of(day);
        let months = lock(conn, &subjects, month, terms.user_tokens).await?;
        // A statement of its own: only what was committed before the locks were had is all that counts.
        let others: Vec<Other> = Others { organization, from: month, to: next_month(month) }.load(conn).await?;
        let ticket = others.iter().find(|other| other.0 == id).map(|own| own.1);
        let standings: Vec<Standing> = months
            .iter()
            .map(|month| Standing {
                reserved: reserved(month.standing.level, call, id, ticket, &others),
                ..month.standing
            })
            .collect();
        let (state, takes, attempt) = match decide(call.wish, &standings) {
            Decision::Exceeded(level) => return Err(Failure::QuotaExceeded(level.as_str())),
            Decision::Go { output, takes } => ("granted", takes, Attempt::Granted { output }),
            Decision::Wait(takes) => {
                let waiting = others.iter().filter(|other| other.0 != id && other.2 == "waiting").count();
                if ticket.is_none() && waiting >= terms.waiting {
                    return Err(Failure::Unavailable);
                }
                ("waiting", takes, Attempt::Waiting)
            }
        };
        let put = Put {
            id,
            organization,
            project: call.project,
            conversation: call.conversation,
            user: call.user,
            chatbot: call.chatbot,
            model: &call.model,
            day,
            state,
            tokens: stored(takes.tokens),
            money: stored(takes.money),
            input_price: call.wish.price.map(|price| stored(price.input)),
            output_price: call.wish.price.map(|price| stored(price.output)),
            lease: millis(terms.lease),
        };
        put.execute(conn).await?;
        if ticket.is_some() && state == "granted" {
            // It may take less than it waited for.
            next_turn(conn).await?;
        }
        Ok(attempt)
    })
    .await
}

/// What others hold of a level that the call counts in: those under way, and those who wait and came before.
fn reserved(level: Level, call: &Call, id: Uuid, ticket: Option<i64>, others: &[Other]) -> Amount {
    let shares = |project: &ProjectId, conversation: &Option<ConversationId>, user: &Option<UserId>| match level {
        Level::Organization => true,
        Level::Project => *project == call.project,
        Level::Conversation => *conversation == call.conversation,
        Level::User => *user == call.user,
    };
    others
        .iter()
        .filter(|(other, place, state, project, conversation, user, ..)| {
            let counts = state != "waiting" || ticket.is_none_or(|own| *place < own);
            *other != id && counts && shares(project, conversation, user)
        })
        .fold(Amount::default(), |sum, (.., tokens, money)| {
            sum.plus(Amount { tokens: whole(*tokens), money: whole(*money) })
        })
}
