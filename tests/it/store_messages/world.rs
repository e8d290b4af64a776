//! A project with people and conversations, to write messages in.

use crate::support::db::TestDb;
use crate::support::wait::until_async;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use palabre::model::permission::Permission;
use palabre::model::{ConversationId, MediaId, MessageId, OrganizationId, ProjectId, UserId};
use palabre::store::messages::{NewGame, NewMessage, Outcome, digest, store_batch};
use palabre::store::schema::{contacts, conversations, media, members, messages, organizations, projects, users};
use palabre::wire::shapes::{ConversationKind, MessageKind, Role};
use serde_json::json;

/// A moment well after everything that the fixtures made; `seconds` later.
pub fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(4_000_000_000, 0).unwrap() + TimeDelta::seconds(seconds)
}

/// Waits until a connection of this database waits for a lock.
pub async fn until_one_waits(conn: &mut AsyncPgConnection) {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        count: i64,
    }
    let waiting = "SELECT count(*) AS count FROM pg_stat_activity \
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    until_async("a connection that waits for a lock", async || {
        let count = diesel::sql_query(waiting).get_result::<Count>(conn).await.unwrap().count;
        (count > 0).then_some(())
    })
    .await;
}

pub struct World {
    pub db: TestDb,
    pub conn: AsyncPgConnection,
    pub project: ProjectId,
}

impl World {
    pub async fn new() -> Self {
        let db = TestDb::new().await;
        let mut conn = db.connection().await;
        let organization = OrganizationId::random();
        diesel::insert_into(organizations::table)
            .values((
                organizations::id.eq(organization),
                organizations::name.eq("acme"),
                organizations::password_hash.eq("-"),
            ))
            .execute(&mut conn)
            .await
            .unwrap();
        let project = ProjectId::random();
        diesel::insert_into(projects::table)
            .values((projects::id.eq(project), projects::organization_id.eq(organization), projects::name.eq("p")))
            .execute(&mut conn)
            .await
            .unwrap();
        Self { db, conn, project }
    }

    pub async fn user(&mut self, name: &str) -> UserId {
        let id = UserId::random();
        diesel::insert_into(users::table)
            .values((users::id.eq(id), users::project_id.eq(self.project), users::username.eq(name)))
            .execute(&mut self.conn)
            .await
            .unwrap();
        id
    }

    pub async fn users(&mut self, count: usize) -> Vec<UserId> {
        let mut users = Vec::new();
        for number in 0..count {
            users.push(self.user(&format!("user{number}")).await);
        }
        users
    }

    pub async fn conversation(&mut self, kind: ConversationKind, of: &[UserId]) -> ConversationId {
        let id = ConversationId::random();
        diesel::insert_into(conversations::table)
            .values((
                conversations::id.eq(id),
                conversations::project_id.eq(self.project),
                conversations::kind.eq(kind),
                conversations::active_at.eq(at(-1000)),
            ))
            .execute(&mut self.conn)
            .await
            .unwrap();
        for user in of {
            diesel::insert_into(members::table)
                .values((
                    members::conversation_id.eq(id),
                    members::user_id.eq(*user),
                    members::permission.eq(Permission::Write),
                ))
                .execute(&mut self.conn)
                .await
                .unwrap();
        }
        id
    }

    pub async fn group(&mut self, of: &[UserId]) -> ConversationId {
        self.conversation(ConversationKind::Group, of).await
    }

    pub async fn block(&mut self, by: UserId, whom: UserId) {
        diesel::insert_into(contacts::table)
            .values((contacts::user_id.eq(by), contacts::peer_id.eq(whom), contacts::blocked.eq(true)))
            .execute(&mut self.conn)
            .await
            .unwrap();
    }

    pub async fn file(&mut self, owner: UserId, name: &str) -> MediaId {
        let id = MediaId::random();
        diesel::insert_into(media::table)
            .values((
                media::id.eq(id),
                media::project_id.eq(self.project),
                media::owner_id.eq(owner),
                media::name.eq(name),
                media::mime.eq("image/png"),
                media::size.eq(7_i64),
            ))
            .execute(&mut self.conn)
            .await
            .unwrap();
        id
    }

    /// What the others were told of a member.
    pub async fn told(&mut self, conversation: ConversationId, user: UserId, delivered: i64, read: i64) {
        diesel::update(members::table.find((conversation, user)))
            .set((members::told_delivered_seq.eq(delivered), members::told_read_seq.eq(read)))
            .execute(&mut self.conn)
            .await
            .unwrap();
    }

    /// A text not yet stored.
    pub fn text(&self, conversation: ConversationId, author: UserId, body: &str) -> NewMessage {
        NewMessage {
            conversation,
            version: 1,
            project: self.project,
            id: MessageId::random(),
            author,
            kind: MessageKind::Text,
            role: Role::User,
            chatbot: None,
            body: body.to_owned(),
            reply_to: None,
            tone: None,
            digest: digest(MessageKind::Text, body, None, None, &[], None),
            attachments: Vec::new(),
            game: None,
            created_at: at(0),
        }
    }

    /// An invitation not yet stored.
    pub fn invitation(&self, conversation: ConversationId, author: UserId, capacity: i32) -> NewMessage {
        let payload = json!({"board": [1, 2]});
        let game = NewGame { name: "chess".to_owned(), payload, capacity, expires_at: None, by_app: None };
        NewMessage { kind: MessageKind::Game, game: Some(game), ..self.text(conversation, author, "") }
    }

    pub async fn store(&mut self, batch: &[NewMessage]) -> Vec<Outcome> {
        store_batch(&mut self.conn, batch).await.unwrap()
    }

    /// Stores texts, one a body, and returns their ids; `seq` is then the place in `bodies`, from 1.
    pub async fn say(&mut self, conversation: ConversationId, author: UserId, bodies: &[&str]) -> Vec<MessageId> {
        let batch: Vec<_> = bodies.iter().map(|body| self.text(conversation, author, body)).collect();
        let outcomes = self.store(&batch).await;
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Stored { .. })), "{outcomes:?}");
        batch.iter().map(|message| message.id).collect()
    }

    /// `(seq, id)` of all messages of a conversation.
    pub async fn stored(&mut self, conversation: ConversationId) -> Vec<(i64, MessageId)> {
        messages::table
            .filter(messages::conversation_id.eq(conversation))
            .order(messages::seq)
            .select((messages::seq, messages::id))
            .load(&mut self.conn)
            .await
            .unwrap()
    }

    pub async fn last_seq(&mut self, conversation: ConversationId) -> i64 {
        conversations::table.find(conversation).select(conversations::last_seq).first(&mut self.conn).await.unwrap()
    }
}

/// The numbers under which a batch was stored.
pub fn seqs(outcomes: &[Outcome]) -> Vec<i64> {
    outcomes
        .iter()
        .map(|outcome| match outcome {
            Outcome::Stored { seq, .. } => *seq,
            other => panic!("not stored: {other:?}"),
        })
        .collect()
}
