//! The demo data: a project `default` with four users, an app, an assistant and a conversation with it.

use super::accounts;
use super::messages::digest;
use super::schema::{chatbots, conversations, members, messages, projects, usage_days, usage_months, users};
use super::users::NewUser;
use crate::model::account::UserRole;
use crate::model::permission::Permission;
use crate::model::quota::{Level, month_of};
use crate::model::{ChatbotId, ConversationId, Failure, MessageId, OrganizationId, ProjectId, UserId, password};
use crate::wire::shapes::{ConversationKind, MessageKind, Mode, Role};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use uuid::{Uuid, uuid};

/// The key of the lock under which only one process loads the demo data: the bytes of "demo".
const LOCK: i64 = 0x6465_6d6f;

const ORGANIZATION: &str = "demo";
const ORGANIZATION_PASSWORD: &str = "demo1234";
/// The project's name.
pub const PROJECT: &str = "default";

/// Username, password, role. The first owns the conversation with the assistant.
pub const USERS: [(&str, &str, UserRole); 4] = [
    ("khora", "test123", UserRole::Admin),
    ("alice", "alice123", UserRole::User),
    ("bob", "bob12345", UserRole::User),
    ("carol", "carol123", UserRole::Agent),
];

const APP: &str = "demo-app";
/// Fixed, so that examples can name it; known to everybody, so never outside of a demo.
const APP_KEY: &str = "demo-app-key";

const CHATBOT: &str = "WIBOT";
const MODEL: &str = "mistral-large-latest";
const PROMPT: &str = include_str!("demo_prompt.txt");

const CONVERSATION: ConversationId = ConversationId(uuid!("550e8400-e29b-41d4-a716-446655440000"));
const TITLE: &str = "Conversation de test";
const DAY: i64 = 24 * 3600;
/// Who wrote, how many seconds before now, and what.
const MESSAGES: [(Role, i64, &str); 6] = [
    (Role::User, 2 * DAY, "Bonjour WIBOT !"),
    (Role::Assistant, 2 * DAY - 2, "Bonjour ! Comment puis-je t'aider ?"),
    (Role::User, 2 * DAY - 60, "Peux-tu m'expliquer comment fonctionne PostgreSQL ?"),
    (
        Role::Assistant,
        2 * DAY - 65,
        "PostgreSQL est un système de gestion de base de données relationnelle : les données y sont rangées dans des \
         tables, on les interroge en SQL, et chaque modification est d'abord notée dans un journal (WAL), si bien que rien \
         de validé n'est perdu après une panne.",
    ),
    (Role::User, DAY, "Et comment faire un backup ?"),
    (
        Role::Assistant,
        DAY - 3,
        "Pour faire un backup PostgreSQL, tu peux utiliser pg_dump pour une seule base ou pg_basebackup pour toute \
         l'instance. Pense à tester la restauration avec pg_restore !",
    ),
];

/// Tokens that the conversation has used this month, read and written: 12 450 of the 50 000 that a user may.
const TOKENS: (i64, i64) = (10_200, 2_250);

diesel::define_sql_function! {
    /// Waits for a lock that ends with the transaction.
    fn pg_advisory_xact_lock(key: diesel::sql_types::BigInt);
}

/// Loads the demo data, if its organization is not there yet; returns whether it was loaded. `now` is what the dates of the
/// conversation and the month of the used tokens are counted from.
///
/// # Errors
/// [`Failure::NameTaken`] if there is a project `default` that is not the demo's.
pub async fn load(conn: &mut AsyncPgConnection, now: DateTime<Utc>) -> Result<bool, Failure> {
    conn.transaction(async |conn| {
        diesel::select(pg_advisory_xact_lock(LOCK)).execute(conn).await?;
        if accounts::organization_by(conn, ORGANIZATION).await?.is_some() {
            return Ok(false);
        }
        let hashes = hash_all().await?;
        let organization = OrganizationId::random();
        accounts::create_organization(conn, organization, ORGANIZATION, &hashes.organization).await?;
        let project = ProjectId::random();
        accounts::create_project(conn, project, organization, PROJECT, &[]).await?;
        accounts::create_app(conn, Uuid::new_v4(), project, APP, APP_KEY).await?;
        let owner = create_users(conn, project, &hashes.users).await?;
        let chatbot = create_assistant(conn, project).await?;
        create_conversation(conn, project, owner, chatbot, now).await?;
        note_tokens(conn, organization, project, owner, chatbot, now).await?;
        Ok(true)
    })
    .await
}

struct Hashes {
    organization: String,
    users: Vec<String>,
}

/// The hashes of all passwords, made where their slowness keeps nobody waiting.
async fn hash_all() -> Result<Hashes, Failure> {
    let hashes = tokio::task::spawn_blocking(|| {
        let organization = password::hash(ORGANIZATION_PASSWORD, rand::random())?;
        let users = USERS.iter().map(|(_, password, _)| password::hash(password, rand::random()));
        Ok(Hashes { organization, users: users.collect::<Result<_, Failure>>()? })
    });
    hashes.await.map_err(|_| Failure::Internal)?
}

/// Makes the users and returns the first.
async fn create_users(conn: &mut AsyncPgConnection, project: ProjectId, hashes: &[String]) -> QueryResult<UserId> {
    let new: Vec<NewUser<'_>> = USERS
        .iter()
        .zip(hashes)
        .map(|((username, _, role), hash)| NewUser {
            id: UserId::random(),
            project_id: project,
            username,
            password_hash: Some(hash),
            role: *role,
            name: None,
            avatar: None,
            profile: None,
        })
        .collect();
    diesel::insert_into(users::table).values(&new).execute(conn).await?;
    // Not `first`: Diesel has a method of that name for everything.
    let owner = new.iter().map(|user| user.id).next().ok_or(diesel::result::Error::NotFound)?;
    // The webhook's clients know khora as number 1. An attempt that was cut short may have used that number up: it counts on
    // whatever becomes of it.
    let used: i64 = users::table.filter(users::number.eq(1)).count().get_result(conn).await?;
    if used == 0 {
        diesel::update(users::table.filter(users::id.eq(owner))).set(users::number.eq(1)).execute(conn).await?;
    }
    Ok(owner)
}

async fn create_assistant(conn: &mut AsyncPgConnection, project: ProjectId) -> QueryResult<ChatbotId> {
    let chatbot = ChatbotId::random();
    diesel::insert_into(chatbots::table)
        .values((
            chatbots::id.eq(chatbot),
            chatbots::project_id.eq(project),
            chatbots::name.eq(CHATBOT),
            chatbots::llm.eq(MODEL),
            chatbots::prompt.eq(PROMPT.trim_end()),
        ))
        .execute(conn)
        .await?;
    diesel::update(projects::table.filter(projects::id.eq(project)))
        .set(projects::assistant_id.eq(chatbot))
        .execute(conn)
        .await?;
    Ok(chatbot)
}

async fn create_conversation(
    conn: &mut AsyncPgConnection,
    project: ProjectId,
    owner: UserId,
    chatbot: ChatbotId,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let at = |seconds_ago: i64| now - TimeDelta::seconds(seconds_ago);
    let (begun, newest) = (at(2 * DAY), MESSAGES.last().map_or(now, |(_, seconds_ago, _)| at(*seconds_ago)));
    let numbered = || (1i64..).zip(&MESSAGES);
    let last_seq = numbered().last().map_or(0, |(seq, _)| seq);

    diesel::insert_into(conversations::table)
        .values((
            conversations::id.eq(CONVERSATION),
            conversations::project_id.eq(project),
            conversations::kind.eq(ConversationKind::Assistant),
            conversations::title.eq(TITLE),
            conversations::mode.eq(Mode::Bot),
            conversations::chatbot_id.eq(chatbot),
            conversations::last_seq.eq(last_seq),
            conversations::answered_seq.eq(last_seq),
            conversations::member_count.eq(1),
            conversations::created_at.eq(begun),
            conversations::updated_at.eq(newest),
            conversations::active_at.eq(newest),
        ))
        .execute(conn)
        .await?;
    diesel::insert_into(members::table)
        .values((
            members::conversation_id.eq(CONVERSATION),
            members::user_id.eq(owner),
            members::permission.eq(Permission::Own),
            members::joined_at.eq(begun),
            members::delivered_seq.eq(last_seq),
            members::read_seq.eq(last_seq),
            members::told_delivered_seq.eq(last_seq),
            members::told_read_seq.eq(last_seq),
        ))
        .execute(conn)
        .await?;
    let rows: Vec<_> = numbered()
        .map(|(seq, (role, seconds_ago, body))| {
            let by_user = *role == Role::User;
            (
                messages::conversation_id.eq(CONVERSATION),
                messages::seq.eq(seq),
                messages::project_id.eq(project),
                messages::id.eq(MessageId::random()),
                messages::author_id.eq(by_user.then_some(owner)),
                messages::chatbot_id.eq((!by_user).then_some(chatbot)),
                messages::role.eq(*role),
                messages::body.eq(*body),
                messages::digest.eq(digest(MessageKind::Text, body, None, None, &[], None).to_vec()),
                messages::created_at.eq(at(*seconds_ago)),
            )
        })
        .collect();
    diesel::insert_into(messages::table).values(&rows).execute(conn).await?;
    Ok(())
}

/// As if the conversation had used the tokens, today.
async fn note_tokens(
    conn: &mut AsyncPgConnection,
    organization: OrganizationId,
    project: ProjectId,
    owner: UserId,
    chatbot: ChatbotId,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let (input, output) = TOKENS;
    let levels = [
        (Level::Organization, organization.0),
        (Level::Project, project.0),
        (Level::Conversation, CONVERSATION.0),
        (Level::User, owner.0),
    ];
    let rows = levels.map(|(level, subject)| {
        (
            usage_months::level.eq(level),
            usage_months::subject_id.eq(subject),
            usage_months::month.eq(month_of(now)),
            usage_months::tokens.eq(input + output),
        )
    });
    diesel::insert_into(usage_months::table).values(rows.to_vec()).execute(conn).await?;
    let answers = MESSAGES.iter().filter(|(role, ..)| *role == Role::Assistant).count();
    diesel::insert_into(usage_days::table)
        .values((
            usage_days::project_id.eq(project),
            usage_days::day.eq(now.date_naive()),
            usage_days::user_id.eq(owner.0),
            usage_days::chatbot_id.eq(chatbot.0),
            usage_days::model.eq(MODEL),
            usage_days::conversation_id.eq(CONVERSATION.0),
            usage_days::calls.eq(i64::try_from(answers).unwrap_or(0)),
            usage_days::input_tokens.eq(input),
            usage_days::output_tokens.eq(output),
            usage_days::money.eq(0),
        ))
        .execute(conn)
        .await?;
    Ok(())
}
