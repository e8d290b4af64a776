//! A project with people, contacts and groups, put into the database as a server would have left it.

use super::db::TestDb;
use super::http::SECRET;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use palabre::model::account::UserRole;
use palabre::model::contact::Relation;
use palabre::model::permission::Permission;
use palabre::model::{ChatbotId, ConversationId, OrganizationId, ProjectId, UserId};
use palabre::store::accounts;
use palabre::store::schema::{answers, chatbots, contacts, conversations, members, messages, reservations};
use palabre::store::users::{self, NewUser, UserRow};
use palabre::wire::shapes::ConversationKind;
use palabre::wire::token::Tokens;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

/// A project of a server.
pub struct Project {
    pub id: ProjectId,
    pub name: String,
    db: Arc<TestDb>,
}

/// A user, with a token that is good for an hour.
#[derive(Clone)]
pub struct TestUser {
    pub row: UserRow,
    pub id: String,
    pub username: String,
    /// The project's name.
    pub project: String,
    pub token: String,
}

impl TestUser {
    /// As the wire shows them.
    pub fn shape(&self) -> Value {
        json!({ "id": self.id, "username": self.username })
    }

    /// A token from this moment on.
    pub fn token(&self, now: DateTime<Utc>, lifetime: Duration) -> String {
        Tokens::new(SECRET.as_bytes()).issue_user(&accounts::token_of(&self.row), now, lifetime).unwrap()
    }
}

impl Project {
    pub async fn create(db: &Arc<TestDb>, name: &str, origins: &[&str]) -> Self {
        let mut conn = db.connection().await;
        let organization = OrganizationId::random();
        accounts::create_organization(&mut conn, organization, &format!("the owner of {name}"), "-").await.unwrap();
        let id = ProjectId::random();
        let origins: Vec<String> = origins.iter().map(|origin| (*origin).to_owned()).collect();
        accounts::create_project(&mut conn, id, organization, name, &origins).await.unwrap();
        Self { id, name: name.to_owned(), db: Arc::clone(db) }
    }

    pub async fn conn(&self) -> AsyncPgConnection {
        self.db.connection().await
    }

    /// A new user without a password.
    pub async fn user(&self, username: &str) -> TestUser {
        self.user_on(&mut self.conn().await, username).await
    }

    /// New users.
    pub async fn users<const N: usize>(&self, usernames: [&str; N]) -> [TestUser; N] {
        let mut conn = self.conn().await;
        let mut users = Vec::with_capacity(N);
        for username in usernames {
            users.push(self.user_on(&mut conn, username).await);
        }
        users.try_into().ok().unwrap()
    }

    /// New users called `user0` and so on.
    pub async fn crowd(&self, count: usize) -> Vec<TestUser> {
        let mut conn = self.conn().await;
        let mut users = Vec::with_capacity(count);
        for number in 0..count {
            users.push(self.user_on(&mut conn, &format!("user{number}")).await);
        }
        users
    }

    async fn user_on(&self, conn: &mut AsyncPgConnection, username: &str) -> TestUser {
        let new = NewUser {
            id: UserId::random(),
            project_id: self.id,
            username,
            password_hash: None,
            role: UserRole::User,
            name: None,
            avatar: None,
            profile: None,
        };
        let row = users::create(conn, &new).await.unwrap();
        let mut user = TestUser {
            id: row.id.to_string(),
            username: row.username.clone(),
            project: self.name.clone(),
            token: String::new(),
            row,
        };
        user.token = user.token(Utc::now(), HOUR);
        user
    }

    /// Makes two users contacts; their private conversation.
    pub async fn befriend(&self, one: &TestUser, other: &TestUser) -> String {
        let conn = &mut self.conn().await;
        let (one, other) = (one.row.id, other.row.id);
        let row = |user: UserId, peer: UserId| {
            (contacts::user_id.eq(user), contacts::peer_id.eq(peer), contacts::relation.eq(Relation::Accepted))
        };
        let rows = vec![row(one, other), row(other, one)];
        diesel::insert_into(contacts::table).values(rows).execute(conn).await.unwrap();
        let id = ConversationId::random();
        diesel::insert_into(conversations::table)
            .values((
                conversations::id.eq(id),
                conversations::project_id.eq(self.id),
                conversations::kind.eq(ConversationKind::Private),
                conversations::pair_low.eq(one.min(other)),
                conversations::pair_high.eq(one.max(other)),
                conversations::member_count.eq(2),
            ))
            .execute(conn)
            .await
            .unwrap();
        insert_members(conn, id, &[(one, Permission::Write), (other, Permission::Write)]).await;
        id.to_string()
    }

    /// Makes a group of users with these permissions.
    pub async fn group(&self, of: &[(&TestUser, Permission)]) -> String {
        let conn = &mut self.conn().await;
        let id = ConversationId::random();
        diesel::insert_into(conversations::table)
            .values((
                conversations::id.eq(id),
                conversations::project_id.eq(self.id),
                conversations::kind.eq(ConversationKind::Group),
                conversations::member_count.eq(i32::try_from(of.len()).unwrap()),
            ))
            .execute(conn)
            .await
            .unwrap();
        let rows: Vec<_> = of.iter().map(|(user, permission)| (user.row.id, *permission)).collect();
        insert_members(conn, id, &rows).await;
        id.to_string()
    }

    /// Makes a group that its first member owns and in which the others write.
    pub async fn group_of(&self, users: &[&TestUser]) -> String {
        let permission = |index: usize| if index == 0 { Permission::Own } else { Permission::Write };
        let rows: Vec<_> = users.iter().enumerate().map(|(index, user)| (*user, permission(index))).collect();
        self.group(&rows).await
    }

    /// Lets one user block another.
    pub async fn block(&self, by: &TestUser, whom: &TestUser) {
        diesel::insert_into(contacts::table)
            .values((contacts::user_id.eq(by.row.id), contacts::peer_id.eq(whom.row.id), contacts::blocked.eq(true)))
            .on_conflict((contacts::user_id, contacts::peer_id))
            .do_update()
            .set(contacts::blocked.eq(true))
            .execute(&mut self.conn().await)
            .await
            .unwrap();
    }

    /// A new chatbot.
    pub async fn chatbot(&self, name: &str) -> String {
        let id = ChatbotId::random();
        diesel::insert_into(chatbots::table)
            .values((
                chatbots::id.eq(id),
                chatbots::project_id.eq(self.id),
                chatbots::name.eq(name),
                chatbots::llm.eq("none"),
            ))
            .execute(&mut self.conn().await)
            .await
            .unwrap();
        id.to_string()
    }
}

impl Project {
    /// A chatbot of that model with these instructions.
    pub async fn chatbot_with(&self, name: &str, llm: &str, prompt: &str) -> String {
        let id = self.chatbot(name).await;
        diesel::update(chatbots::table.find(id.parse::<ChatbotId>().unwrap()))
            .set((chatbots::llm.eq(llm), chatbots::prompt.eq(prompt)))
            .execute(&mut self.conn().await)
            .await
            .unwrap();
        id
    }

    /// Sets who answers, past the server.
    pub async fn set_mode(&self, conversation: &str, mode: &str, chatbot: Option<&str>) {
        let chatbot: Option<ChatbotId> = chatbot.map(|id| id.parse().unwrap());
        diesel::update(conversations::table.find(conversation.parse::<ConversationId>().unwrap()))
            .set((
                conversations::mode.eq(mode),
                conversations::chatbot_id.eq(chatbot),
                conversations::turn.eq(conversations::turn + 1),
                conversations::version.eq(conversations::version + 1),
            ))
            .execute(&mut self.conn().await)
            .await
            .unwrap();
    }

    /// Waits until so much of the answer under way is in the database.
    pub async fn wait_for_kept_answer(&self, conversation: &str, body: &str) {
        let id: ConversationId = conversation.parse().unwrap();
        super::wait::until_async("the answer is kept", async || {
            let kept: Option<String> =
                answers::table.find(id).select(answers::body).first(&mut self.conn().await).await.optional().unwrap();
            (kept.as_deref() == Some(body)).then_some(())
        })
        .await;
    }

    /// Some bot is at an answer, on whichever node.
    pub async fn has_answers_under_way(&self) -> bool {
        let count: i64 = answers::table.count().get_result(&mut self.conn().await).await.unwrap();
        count > 0
    }

    /// No bot is at an answer in the conversation, and none has something to answer there.
    pub async fn is_all_answered(&self, conversation: &str) -> bool {
        let (id, conn): (ConversationId, _) = (conversation.parse().unwrap(), &mut self.conn().await);
        let asked = messages::table
            .filter(messages::conversation_id.eq(id).and(messages::role.eq("user")))
            .select(diesel::dsl::max(messages::seq))
            .first::<Option<i64>>(conn)
            .await
            .unwrap();
        let answered: i64 =
            conversations::table.find(id).select(conversations::answered_seq).first(conn).await.unwrap();
        asked.is_none_or(|seq| answered >= seq) && !self.has_answers_under_way().await
    }

    /// Waits until no bot is at an answer, and nothing is reserved for any.
    pub async fn nothing_is_under_way(&self) {
        super::wait::until_async("the end of all answers", async || {
            let open = reservations::state.eq_any(["granted", "waiting"]);
            let reserved: i64 =
                reservations::table.filter(open).count().get_result(&mut self.conn().await).await.unwrap();
            (reserved == 0 && !self.has_answers_under_way().await).then_some(())
        })
        .await;
    }

    /// Lets the leases of a process that is gone be over, as the database's clock sees it.
    pub async fn end_leases(&self) {
        diesel::sql_query("UPDATE reservations SET leased_until = now() - interval '1 second'")
            .execute(&mut self.conn().await)
            .await
            .unwrap();
    }

    /// Lets the right to an answer under way run out, as the database's clock sees it.
    pub async fn let_answer_run_out(&self, conversation: &str) {
        diesel::update(answers::table.find(conversation.parse::<ConversationId>().unwrap()))
            .set(answers::held_until.eq(Utc::now() - chrono::TimeDelta::seconds(30)))
            .execute(&mut self.conn().await)
            .await
            .unwrap();
    }
}

async fn insert_members(conn: &mut AsyncPgConnection, id: ConversationId, of: &[(UserId, Permission)]) {
    let row = |(user, permission): &(UserId, Permission)| {
        (members::conversation_id.eq(id), members::user_id.eq(*user), members::permission.eq(*permission))
    };
    let rows: Vec<_> = of.iter().map(row).collect();
    diesel::insert_into(members::table).values(rows).execute(conn).await.unwrap();
}
