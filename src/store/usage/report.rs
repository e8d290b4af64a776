//! What was used, for reports: by day, user, chatbot, model and conversation.

use super::super::paging::truncate;
use super::super::schema::usage_days;
use super::super::statement::statement;
use crate::model::{ChatbotId, ConversationId, ProjectId, UserId};
use chrono::NaiveDate;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Date, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

/// What a report has a row for each of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Grouping {
    pub day: bool,
    pub user: bool,
    pub chatbot: bool,
    pub model: bool,
    pub conversation: bool,
}

/// Which use, and how it is summed up.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    pub project: ProjectId,
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
    pub user: Option<UserId>,
    pub chatbot: Option<ChatbotId>,
    pub model: Option<&'a str>,
    pub conversation: Option<ConversationId>,
    pub by: Grouping,
}

/// Where a row stands in its report. What the report has no rows for each of is the first of days, the nil UUID or empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub day: NaiveDate,
    pub user: Uuid,
    pub chatbot: Uuid,
    pub model: String,
    pub conversation: Uuid,
}

/// A row of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportRow {
    pub key: Key,
    /// What the user is called, where there is one still.
    pub username: Option<String>,
    /// What the chatbot is called, where there is one still.
    pub chatbot_name: Option<String>,
    pub calls: i64,
    pub input_tokens: i64,
    pub output_tokens: i64,
    /// In millionths of the currency.
    pub money: i64,
}

type Columns = (Date, SqlUuid, SqlUuid, Text, SqlUuid, Nullable<Text>, Nullable<Text>, BigInt, BigInt, BigInt, BigInt);

statement! {
    struct Report<'a> {
        project: ProjectId, from: NaiveDate, to: NaiveDate, user: Option<UserId>, chatbot: Option<ChatbotId>, model: Option<&'a str>,
        conversation: Option<ConversationId>, by_day: bool, by_user: bool, by_chatbot: bool, by_model: bool, by_conversation: bool,
        has_after: bool, after_day: NaiveDate, after_user: Uuid, after_chatbot: Uuid, after_model: &'a str, after_conversation: Uuid,
        limit: i64,
    } -> Columns;
    "SELECT grouped.day, grouped.user_id, grouped.chatbot_id, grouped.model, grouped.conversation_id, u.username, b.name, \
         grouped.calls, grouped.input_tokens, grouped.output_tokens, grouped.money \
     FROM (SELECT CASE WHEN " [by_day as Bool] " THEN day ELSE '0001-01-01' END AS day, \
             CASE WHEN " [by_user as Bool] " THEN user_id ELSE '00000000-0000-0000-0000-000000000000' END AS user_id, \
             CASE WHEN " [by_chatbot as Bool] " THEN chatbot_id ELSE '00000000-0000-0000-0000-000000000000' END AS chatbot_id, \
             CASE WHEN " [by_model as Bool] " THEN model ELSE '' END COLLATE \"C\" AS model, \
             CASE WHEN " [by_conversation as Bool] " THEN conversation_id ELSE '00000000-0000-0000-0000-000000000000' END \
                 AS conversation_id, \
             SUM(calls)::bigint AS calls, SUM(input_tokens)::bigint AS input_tokens, \
             SUM(output_tokens)::bigint AS output_tokens, SUM(money)::bigint AS money \
         FROM usage_days WHERE project_id = " [project as SqlUuid] " \
             AND day BETWEEN " [from as Date] " AND " [to as Date] " \
             AND COALESCE(user_id = " [user as Nullable<SqlUuid>] ", TRUE) \
             AND COALESCE(chatbot_id = " [chatbot as Nullable<SqlUuid>] ", TRUE) \
             AND COALESCE(model = " [model as Nullable<Text>] ", TRUE) \
             AND COALESCE(conversation_id = " [conversation as Nullable<SqlUuid>] ", TRUE) \
         GROUP BY 1, 2, 3, 4, 5) AS grouped \
     LEFT JOIN users u ON u.id = grouped.user_id AND u.project_id = " [project as SqlUuid] " \
     LEFT JOIN chatbots b ON b.id = grouped.chatbot_id AND b.project_id = " [project as SqlUuid] " \
     WHERE NOT " [has_after as Bool] " OR (grouped.day, grouped.user_id, grouped.chatbot_id, grouped.model, grouped.conversation_id) \
         > (" [after_day as Date] ", " [after_user as SqlUuid] ", " [after_chatbot as SqlUuid] ", "
            [after_model as Text] ", " [after_conversation as SqlUuid] ") \
     ORDER BY 1, 2, 3, grouped.model, 5 LIMIT " [limit as BigInt]
}

/// A page of a report, the rows behind `after`, and whether more follow.
///
/// # Errors
/// Those of the database.
pub async fn report(
    conn: &mut AsyncPgConnection,
    question: Question<'_>,
    after: Option<&Key>,
    limit: i64,
) -> QueryResult<(Vec<ReportRow>, bool)> {
    let Question { project, from, to, user, chatbot, model, conversation, by } = question;
    let query = Report {
        project,
        from,
        to,
        user,
        chatbot,
        model,
        conversation,
        by_day: by.day,
        by_user: by.user,
        by_chatbot: by.chatbot,
        by_model: by.model,
        by_conversation: by.conversation,
        has_after: after.is_some(),
        after_day: after.map_or(from, |key| key.day),
        after_user: after.map_or(Uuid::nil(), |key| key.user),
        after_chatbot: after.map_or(Uuid::nil(), |key| key.chatbot),
        after_model: after.map_or("", |key| &key.model),
        after_conversation: after.map_or(Uuid::nil(), |key| key.conversation),
        limit: limit.saturating_add(1),
    };
    type Found = (NaiveDate, Uuid, Uuid, String, Uuid, Option<String>, Option<String>, i64, i64, i64, i64);
    let rows: Vec<Found> = query.load(conn).await?;
    let row =
        |(day, user, chatbot, model, conversation, username, chatbot_name, calls, input, output, money): Found| {
            let key = Key { day, user, chatbot, model, conversation };
            ReportRow { key, username, chatbot_name, calls, input_tokens: input, output_tokens: output, money }
        };
    let mut rows: Vec<ReportRow> = rows.into_iter().map(row).collect();
    let more = truncate(&mut rows, limit);
    Ok((rows, more))
}

/// What a user used on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Queryable)]
pub struct Day {
    pub day: NaiveDate,
    pub calls: i64,
    pub input_tokens: i64,
    pub output_tokens: i64,
    /// In millionths of the currency.
    pub money: i64,
}

/// What a user used from the first of these days until before the second, on each day on which it was anything.
///
/// # Errors
/// Those of the database.
pub async fn by_day(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    user: UserId,
    from: NaiveDate,
    until: NaiveDate,
) -> QueryResult<Vec<Day>> {
    usage_days::table
        .filter(usage_days::project_id.eq(project).and(usage_days::user_id.eq(user)))
        .filter(usage_days::day.ge(from).and(usage_days::day.lt(until)))
        .group_by(usage_days::day)
        .order(usage_days::day)
        .select((
            usage_days::day,
            sql::<BigInt>("SUM(calls)::bigint"),
            sql::<BigInt>("SUM(input_tokens)::bigint"),
            sql::<BigInt>("SUM(output_tokens)::bigint"),
            sql::<BigInt>("SUM(usage_days.money)::bigint"),
        ))
        .load(conn)
        .await
}
