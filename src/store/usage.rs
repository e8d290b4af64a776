//! What calls of models use up: reserved before, booked afterwards, once.
//!
//! - [`attempt`] reserves what a call may take on every level, or puts it among those who wait.
//! - [`note`] keeps what it has used so far, [`renew`] says that its process lives.
//! - [`settle`] books what it used and gives back the rest; [`take_back`] does so for a process that was not heard of.
//!
//! **Exactly once.** A call is one row in `reservations`, and whoever books it takes that row away in the same transaction. One that was
//! taken back stays for a day with what was booked of it, so that a process that was only paused books the rest and nothing twice.
//!
//! **Locks**, in this order: the reservation, the project (key share), `usage_months` by level. Everybody locks the row of the
//! organization first of those, so reservations of one organization are decided one after the other, on all nodes.

mod report;
mod reserve;

pub use report::{Day, Grouping, Key, Question, ReportRow, by_day, report};
pub use reserve::{Attempt, Call, Terms, attempt};

use super::schema::{reservations, usage_months};
use super::statement::statement;
use crate::model::quota::{Alarm, Amount, Level, Limit, MOST, Price, Standing, Used, alarm, first_of};
use crate::model::{ConversationId, Failure, OrganizationId, ProjectId, UserId};
use chrono::NaiveDate;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Date, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use std::time::Duration;
use uuid::Uuid;

/// How long a call that was taken back is remembered, for a process that was paused: longer than any answer may take.
const REMEMBERED: Duration = Duration::from_secs(24 * 3600);

/// People are to be warned: most of a quota is used up. Told once a month and level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Warning {
    /// Where the call was made that reached it.
    pub project: ProjectId,
    pub level: Level,
    pub subject: Uuid,
    pub alarm: Alarm,
}

/// A call as the database has it.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = reservations, check_for_backend(diesel::pg::Pg))]
struct Row {
    id: Uuid,
    organization_id: OrganizationId,
    project_id: ProjectId,
    conversation_id: Option<ConversationId>,
    user_id: Option<UserId>,
    chatbot_id: Option<Uuid>,
    model: String,
    day: NaiveDate,
    state: String,
    input_price: Option<i64>,
    output_price: Option<i64>,
    input_used: i64,
    output_used: i64,
    input_booked: i64,
    output_booked: i64,
}

impl Row {
    fn noted(&self) -> Used {
        Used { input: whole(self.input_used), output: whole(self.output_used) }
    }

    fn booked(&self) -> Used {
        Used { input: whole(self.input_booked), output: whole(self.output_booked) }
    }

    fn cost(&self, used: Used) -> u64 {
        let price = self.input_price.zip(self.output_price);
        price.map_or(0, |(input, output)| Price { input: whole(input), output: whole(output) }.cost(used))
    }
}

/// A number of the database, none of which is below 0.
fn whole(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or(0)
}

/// A number for the database.
fn stored(amount: u64) -> i64 {
    i64::try_from(amount.min(MOST)).unwrap_or(i64::MAX)
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

statement! {
    /// The project's organization, and whether user and conversation are the project's. It can't be deleted meanwhile.
    struct Place { project: ProjectId, user: Option<UserId>, conversation: Option<ConversationId> } -> (SqlUuid, Bool, Bool);
    "SELECT p.organization_id, \
         EXISTS (SELECT FROM users u WHERE u.id = " [user as Nullable<SqlUuid>] " AND u.project_id = p.id), \
         EXISTS (SELECT FROM conversations c WHERE c.id = " [conversation as Nullable<SqlUuid>] " AND c.project_id = p.id) \
     FROM projects p WHERE p.id = " [project as SqlUuid] " FOR KEY SHARE OF p"
}

/// The rows that a call counts in.
#[derive(Debug)]
struct Subjects {
    levels: Vec<Level>,
    ids: Vec<Uuid>,
}

impl Subjects {
    /// Of a project that is there. A conversation that is not there yet has no quota and counts in none.
    fn new(
        organization: OrganizationId,
        project: ProjectId,
        conversation: Option<ConversationId>,
        user: Option<UserId>,
    ) -> Self {
        let all = [
            Some((Level::Organization, organization.0)),
            Some((Level::Project, project.0)),
            conversation.map(|id| (Level::Conversation, id.0)),
            user.map(|id| (Level::User, id.0)),
        ];
        let (levels, ids) = all.into_iter().flatten().unzip();
        Self { levels, ids }
    }
}

statement! {
    struct Ensure<'a> { levels: &'a [Level], subjects: &'a [Uuid], month: NaiveDate };
    "INSERT INTO usage_months (level, subject_id, month) \
     SELECT wanted.level, wanted.subject_id, " [month as Date] " \
     FROM unnest(" [levels as Array<Text>] ", " [subjects as Array<SqlUuid>] ") WITH ORDINALITY \
         AS wanted (level, subject_id, position) ORDER BY wanted.position ON CONFLICT DO NOTHING"
}

type Counted = (Text, SqlUuid, BigInt, BigInt, Bool, Nullable<BigInt>, Nullable<BigInt>);

statement! {
    struct Lock<'a> { levels: &'a [Level], subjects: &'a [Uuid], month: NaiveDate } -> Counted;
    "SELECT m.level, m.subject_id, m.tokens, m.money, m.warned_at IS NOT NULL, \
         LEAST(q.tokens, q.cap_tokens), LEAST(q.money, q.cap_money) \
     FROM unnest(" [levels as Array<Text>] ", " [subjects as Array<SqlUuid>] ") WITH ORDINALITY \
         AS wanted (level, subject_id, position) \
     JOIN usage_months m ON m.level = wanted.level AND m.subject_id = wanted.subject_id AND m.month = " [month as Date] " \
     LEFT JOIN quotas q ON q.level = m.level AND q.subject_id = m.subject_id \
     ORDER BY wanted.position FOR UPDATE OF m"
}

/// A month of one level, locked.
#[derive(Debug, Clone, Copy)]
struct Month {
    subject: Uuid,
    standing: Standing,
    warned: bool,
}

/// Locks the months that a call counts in, in the order of their levels. Nothing is reserved in what it returns.
async fn lock(
    conn: &mut AsyncPgConnection,
    subjects: &Subjects,
    month: NaiveDate,
    user_tokens: u64,
) -> QueryResult<Vec<Month>> {
    let Subjects { levels, ids } = subjects;
    Ensure { levels, subjects: ids, month }.execute(conn).await?;
    type Columns = (Level, Uuid, i64, i64, bool, Option<i64>, Option<i64>);
    let rows: Vec<Columns> = Lock { levels, subjects: ids, month }.load(conn).await?;
    let month = |(level, subject, tokens, money, warned, most_tokens, most_money): Columns| {
        let default = (level == Level::User).then_some(user_tokens);
        let limit = Limit { tokens: most_tokens.map(whole).or(default), money: most_money.map(whole) };
        let used = Amount { tokens: whole(tokens), money: whole(money) };
        Month { subject, warned, standing: Standing { level, limit, used, reserved: Amount::default() } }
    };
    Ok(rows.into_iter().map(month).collect())
}

statement! {
    struct Raise<'a> { levels: &'a [Level], subjects: &'a [Uuid], month: NaiveDate, tokens: i64, money: i64 };
    "UPDATE usage_months m SET tokens = m.tokens + " [tokens as BigInt] ", money = m.money + " [money as BigInt] " \
     FROM unnest(" [levels as Array<Text>] ", " [subjects as Array<SqlUuid>] ") AS wanted (level, subject_id) \
     WHERE m.level = wanted.level AND m.subject_id = wanted.subject_id AND m.month = " [month as Date]
}

statement! {
    struct Enter<'a> {
        project: ProjectId, day: NaiveDate, user: Uuid, chatbot: Uuid, model: &'a str, conversation: Uuid,
        calls: i64, input: i64, output: i64, money: i64,
    };
    "INSERT INTO usage_days (project_id, day, user_id, chatbot_id, model, conversation_id, calls, input_tokens, output_tokens, money) \
     VALUES (" [project as SqlUuid] ", " [day as Date] ", " [user as SqlUuid] ", " [chatbot as SqlUuid] ", " [model as Text] ", "
        [conversation as SqlUuid] ", " [calls as BigInt] ", " [input as BigInt] ", " [output as BigInt] ", " [money as BigInt] ") \
     ON CONFLICT (project_id, day, user_id, chatbot_id, model, conversation_id) DO UPDATE SET \
         calls = usage_days.calls + excluded.calls, input_tokens = usage_days.input_tokens + excluded.input_tokens, \
         output_tokens = usage_days.output_tokens + excluded.output_tokens, money = usage_days.money + excluded.money"
}

statement! {
    struct NextTurn {} -> BigInt;
    "SELECT nextval('quota_turns')"
}

statement! {
    struct Turn {} -> BigInt;
    "SELECT last_value + CASE WHEN is_called THEN 1 ELSE 0 END FROM quota_turns"
}

/// A number that is another one whenever something was given back since, on any node.
///
/// # Errors
/// Those of the database.
pub async fn turn(conn: &mut AsyncPgConnection) -> QueryResult<i64> {
    Turn {}.get_result(conn).await
}

/// Those who wait are to look again. In the transaction that gives something back, after its locks.
pub(super) async fn next_turn(conn: &mut AsyncPgConnection) -> QueryResult<()> {
    NextTurn {}.get_result::<i64>(conn).await.map(|_| ())
}

/// Books what a call used beyond what was booked of it.
async fn book(conn: &mut AsyncPgConnection, row: &Row, used: Used, user_tokens: u64) -> QueryResult<Vec<Warning>> {
    let booked = row.booked();
    let used = used.at_least(booked);
    let extra = used.beyond(booked);
    let money = row.cost(used).saturating_sub(row.cost(booked));
    let place = Place { project: row.project_id, user: row.user_id, conversation: row.conversation_id };
    let place = place.get_result::<(OrganizationId, bool, bool)>(conn).await.optional()?;
    let mut subjects = match place {
        Some((organization, user, conversation)) => Subjects::new(
            organization,
            row.project_id,
            row.conversation_id.filter(|_| conversation),
            row.user_id.filter(|_| user),
        ),
        // The project is gone: its organization has used it all the same.
        None => Subjects { levels: vec![Level::Organization], ids: vec![row.organization_id.0] },
    };
    let month = first_of(row.day);
    let months = lock(conn, &subjects, month, user_tokens).await?;
    let mut warnings = Vec::new();
    if extra.tokens() > 0 || money > 0 {
        let (tokens, spent) = (stored(extra.tokens()), stored(money));
        let Subjects { levels, ids } = &subjects;
        Raise { levels, subjects: ids, month, tokens, money: spent }.execute(conn).await?;
        if place.is_some() {
            let nobody = Uuid::nil();
            let entry = Enter {
                project: row.project_id,
                day: row.day,
                user: row.user_id.map_or(nobody, |id| id.0),
                chatbot: row.chatbot_id.unwrap_or(nobody),
                model: &row.model,
                conversation: row.conversation_id.map_or(nobody, |id| id.0),
                calls: i64::from(booked == Used::default()),
                input: stored(extra.input),
                output: stored(extra.output),
                money: spent,
            };
            entry.execute(conn).await?;
        }
        let extra = Amount { tokens: extra.tokens(), money };
        let due = |month: &Month| {
            let Standing { level, limit, used, .. } = month.standing;
            let alarm = alarm(limit, used.plus(extra)).filter(|_| !month.warned)?;
            Some(Warning { project: row.project_id, level, subject: month.subject, alarm })
        };
        warnings = months.iter().filter_map(due).collect();
        if !warnings.is_empty() {
            subjects.levels = warnings.iter().map(|warning| warning.level).collect();
            subjects.ids = warnings.iter().map(|warning| warning.subject).collect();
            warned(conn, &subjects, month).await?;
        }
    }
    next_turn(conn).await?;
    Ok(warnings)
}

/// Remembers that these were warned.
async fn warned(conn: &mut AsyncPgConnection, subjects: &Subjects, month: NaiveDate) -> QueryResult<()> {
    for (level, subject) in subjects.levels.iter().zip(&subjects.ids) {
        diesel::update(usage_months::table.find((level, subject, month)))
            .set(usage_months::warned_at.eq(diesel::dsl::now))
            .execute(conn)
            .await?;
    }
    Ok(())
}

/// Ends a call: books what it used, or without a word what it had noted, and gives back the rest. Again, it does nothing.
///
/// # Errors
/// Those of the database; nothing is booked then.
pub async fn settle(
    conn: &mut AsyncPgConnection,
    id: Uuid,
    used: Option<Used>,
    user_tokens: u64,
) -> Result<Vec<Warning>, Failure> {
    conn.transaction(async |conn| {
        let row = diesel::delete(reservations::table.find(id)).returning(Row::as_returning());
        let Some(row) = row.get_result(conn).await.optional()? else { return Ok(Vec::new()) };
        if row.state == "waiting" {
            next_turn(conn).await?;
            return Ok(Vec::new());
        }
        Ok(book(conn, &row, used.unwrap_or_else(|| row.noted()), user_tokens).await?)
    })
    .await
}

statement! {
    struct Note { id: Uuid, input: i64, output: i64 };
    "UPDATE reservations SET input_used = GREATEST(input_used, " [input as BigInt] "), \
         output_used = GREATEST(output_used, " [output as BigInt] ") WHERE id = " [id as SqlUuid]
}

/// Keeps what a call has used so far: what is booked if nothing more is heard of it.
///
/// # Errors
/// Those of the database.
pub async fn note(conn: &mut AsyncPgConnection, id: Uuid, used: Used) -> QueryResult<()> {
    Note { id, input: stored(used.input), output: stored(used.output) }.execute(conn).await.map(|_| ())
}

statement! {
    struct Renew<'a> { ids: &'a [Uuid], lease: i64 };
    "UPDATE reservations SET leased_until = clock_timestamp() + " [lease as BigInt] " * interval '1 millisecond' \
     WHERE id = ANY(" [ids as Array<SqlUuid>] ") AND state <> 'taken_back'"
}

/// The process of these calls lives.
///
/// # Errors
/// Those of the database.
pub async fn renew(conn: &mut AsyncPgConnection, ids: &[Uuid], lease: Duration) -> QueryResult<()> {
    Renew { ids, lease: millis(lease) }.execute(conn).await.map(|_| ())
}

statement! {
    struct Remember { id: Uuid, remembered: i64 };
    "UPDATE reservations SET state = 'taken_back', tokens = 0, money = 0, \
         input_booked = GREATEST(input_booked, input_used), output_booked = GREATEST(output_booked, output_used), \
         leased_until = clock_timestamp() + " [remembered as BigInt] " * interval '1 millisecond' \
     WHERE id = " [id as SqlUuid]
}

/// Takes one call back whose lease has ended by the database's clock: what it had noted is booked. `None`: there is none.
///
/// # Errors
/// Those of the database.
pub async fn take_back(conn: &mut AsyncPgConnection, user_tokens: u64) -> Result<Option<Vec<Warning>>, Failure> {
    conn.transaction(async |conn| {
        let expired = reservations::table
            .filter(reservations::leased_until.lt(diesel::dsl::now))
            .order(reservations::leased_until)
            .select(Row::as_select())
            .for_update()
            .skip_locked()
            .first(conn)
            .await
            .optional()?;
        let Some(row) = expired else { return Ok(None) };
        let warnings = match row.state.as_str() {
            "waiting" => {
                next_turn(conn).await?;
                Vec::new()
            }
            _ => book(conn, &row, row.noted(), user_tokens).await?,
        };
        if row.state == "granted" {
            Remember { id: row.id, remembered: millis(REMEMBERED) }.execute(conn).await?;
        } else {
            diesel::delete(reservations::table.find(row.id)).execute(conn).await?;
        }
        Ok(Some(warnings))
    })
    .await
}
