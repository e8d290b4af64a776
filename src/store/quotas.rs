//! Quotas: what may be used in a month, and how a month stands.

use super::schema::{conversations, users};
use super::statement::statement;
use super::usage::next_turn;
use crate::model::account::UserRole;
use crate::model::quota::{Amount, Level, Limit, MOST, next_month};
use crate::model::{ConversationId, Failure, ProjectId, UserId};
use chrono::NaiveDate;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Date, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

/// How a level stands in a month.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Balance {
    /// What the level's administrators set.
    pub own: Limit,
    /// What the organization set for its project: the lower one holds.
    pub cap: Limit,
    /// What is booked.
    pub used: Amount,
    /// What calls under way have reserved.
    pub reserved: Amount,
}

impl Balance {
    /// What holds.
    #[must_use]
    pub fn limit(&self) -> Limit {
        self.own.lower(self.cap)
    }
}

/// Who sets a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Those whom the level belongs to.
    Own,
    /// The organization, for its project.
    Cap,
}

type Columns = (BigInt, BigInt, Nullable<BigInt>, Nullable<BigInt>, Nullable<BigInt>, Nullable<BigInt>, BigInt, BigInt);

statement! {
    struct Show { level: Level, subject: Uuid, month: NaiveDate, until: NaiveDate } -> Columns;
    "SELECT COALESCE(m.tokens, 0), COALESCE(m.money, 0), q.tokens, q.money, q.cap_tokens, q.cap_money, r.tokens, r.money \
     FROM (SELECT COALESCE(SUM(tokens), 0)::bigint AS tokens, COALESCE(SUM(money), 0)::bigint AS money FROM reservations \
         WHERE state = 'granted' AND day >= " [month as Date] " AND day < " [until as Date] " \
         AND CASE " [level as Text] " WHEN 'organization' THEN organization_id WHEN 'project' THEN project_id \
             WHEN 'conversation' THEN conversation_id ELSE user_id END = " [subject as SqlUuid] ") AS r \
     LEFT JOIN usage_months m ON m.level = " [level as Text] " AND m.subject_id = " [subject as SqlUuid] " \
         AND m.month = " [month as Date] " \
     LEFT JOIN quotas q ON q.level = " [level as Text] " AND q.subject_id = " [subject as SqlUuid]
}

/// How a level stands in the month that begins on this day. What the server sets for users without a quota is not in it.
///
/// # Errors
/// Those of the database.
pub async fn balance(
    conn: &mut AsyncPgConnection,
    level: Level,
    subject: Uuid,
    month: NaiveDate,
) -> QueryResult<Balance> {
    type Row = (i64, i64, Option<i64>, Option<i64>, Option<i64>, Option<i64>, i64, i64);
    let row: Row = Show { level, subject, month, until: next_month(month) }.get_result(conn).await?;
    let (tokens, money, own_tokens, own_money, cap_tokens, cap_money, reserved_tokens, reserved_money) = row;
    let whole = |stored: i64| u64::try_from(stored).unwrap_or(0);
    let limit = |tokens: Option<i64>, money: Option<i64>| Limit { tokens: tokens.map(whole), money: money.map(whole) };
    let amount = |tokens: i64, money: i64| Amount { tokens: whole(tokens), money: whole(money) };
    Ok(Balance {
        own: limit(own_tokens, own_money),
        cap: limit(cap_tokens, cap_money),
        used: amount(tokens, money),
        reserved: amount(reserved_tokens, reserved_money),
    })
}

statement! {
    struct Put { level: Level, subject: Uuid, is_cap: bool, tokens: Option<i64>, money: Option<i64> };
    "INSERT INTO quotas AS q (level, subject_id, tokens, money, cap_tokens, cap_money) \
     SELECT " [level as Text] ", " [subject as SqlUuid] ", \
         CASE WHEN NOT side.is_cap THEN side.tokens END, CASE WHEN NOT side.is_cap THEN side.money END, \
         CASE WHEN side.is_cap THEN side.tokens END, CASE WHEN side.is_cap THEN side.money END \
     FROM (SELECT " [is_cap as Bool] " AS is_cap, " [tokens as Nullable<BigInt>] " AS tokens, "
        [money as Nullable<BigInt>] " AS money) AS side \
     ON CONFLICT (level, subject_id) DO UPDATE SET \
         tokens = CASE WHEN " [is_cap as Bool] " THEN q.tokens ELSE excluded.tokens END, \
         money = CASE WHEN " [is_cap as Bool] " THEN q.money ELSE excluded.money END, \
         cap_tokens = CASE WHEN " [is_cap as Bool] " THEN excluded.cap_tokens ELSE q.cap_tokens END, \
         cap_money = CASE WHEN " [is_cap as Bool] " THEN excluded.cap_money ELSE q.cap_money END"
}

/// Sets a quota; whoever asks looked before that there is such a subject. Calls that wait look again.
///
/// # Errors
/// Those of the database.
pub async fn set(
    conn: &mut AsyncPgConnection,
    level: Level,
    subject: Uuid,
    side: Side,
    limit: Limit,
) -> Result<(), Failure> {
    let stored = |amount: u64| i64::try_from(amount.min(MOST)).unwrap_or(i64::MAX);
    let (tokens, money) = (limit.tokens.map(stored), limit.money.map(stored));
    conn.transaction(async |conn| {
        Put { level, subject, is_cap: side == Side::Cap, tokens, money }.execute(conn).await?;
        Ok(next_turn(conn).await?)
    })
    .await
}

/// Whether the project has this conversation.
///
/// # Errors
/// Those of the database.
pub async fn has_conversation(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    id: ConversationId,
) -> QueryResult<bool> {
    let found = conversations::table.filter(conversations::project_id.eq(project).and(conversations::id.eq(id)));
    diesel::select(diesel::dsl::exists(found)).get_result(conn).await
}

/// The project's administrators, up to so many.
///
/// # Errors
/// Those of the database.
pub async fn administrators(conn: &mut AsyncPgConnection, project: ProjectId, most: i64) -> QueryResult<Vec<UserId>> {
    users::table
        .filter(users::project_id.eq(project).and(users::role.eq(UserRole::Admin)))
        .filter(users::deactivated_at.is_null())
        .limit(most)
        .select(users::id)
        .load(conn)
        .await
}
