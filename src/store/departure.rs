//! The end of a user: what they wrote stays, by nobody; where they were a member the others stay among themselves.

use super::presence;
use super::schema::{contacts, conversations, members, support_agents, support_requests, users};
use super::statement::statement;
use super::users::{self as people, UserRow};
use crate::model::contact::Relation;
use crate::model::permission::Permission;
use crate::model::{ConversationId, Failure, ProjectId, RequestId, UserId};
use crate::wire::shapes::ConversationKind;
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::sql_types::{Array, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};

/// What is left to be told of a user who is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Departed {
    pub user: UserRow,
    /// Who could see the user's presence.
    pub watchers: Vec<UserId>,
    /// Who had the user among their contacts, or an invitation under way.
    pub contacts: Vec<UserId>,
    /// Where the user was a member.
    pub conversations: Vec<Left>,
}

/// A conversation that somebody left for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    pub id: ConversationId,
    /// Members whose own permission changed by that.
    pub changed: Vec<UserId>,
}

/// How often a deletion begins anew because the user was taken into a conversation meanwhile: each needs somebody who does that
/// within some milliseconds.
const TRIES: usize = 5;

statement! {
    /// Gives groups whose only owner goes another: of those who may do most, who has been there longest.
    struct Inherit<'a> { conversations: &'a [ConversationId], user: UserId } -> (SqlUuid, SqlUuid);
    "UPDATE members SET permission = 'o' FROM ( \
         SELECT DISTINCT ON (conversation_id) conversation_id, user_id FROM members candidate \
         WHERE conversation_id = ANY(" [conversations as Array<SqlUuid>] ") AND user_id <> " [user as SqlUuid] " \
         AND NOT EXISTS (SELECT FROM members owner WHERE owner.conversation_id = candidate.conversation_id \
             AND owner.permission = 'o' AND owner.user_id <> " [user as SqlUuid] ") \
         ORDER BY conversation_id, strpos('rwa', permission) DESC, joined_at, user_id \
     ) heir WHERE members.conversation_id = heir.conversation_id AND members.user_id = heir.user_id \
     RETURNING members.conversation_id, members.user_id"
}

/// Deletes a user.
///
/// Private conversations stay with the other one, read-only; a group that loses its only owner gets another. Contacts, memberships,
/// reactions and answers go; messages stay and have no author.
///
/// # Errors
/// [`Failure::NotFound`] if the project has no such user, [`Failure::Unavailable`] if others take the user into conversations faster
/// than that can be looked at.
pub async fn delete(conn: &mut AsyncPgConnection, project: ProjectId, id: UserId) -> Result<Departed, Failure> {
    for _ in 0..TRIES {
        if let Some(departed) = try_delete(conn, project, id).await? {
            return Ok(departed);
        }
    }
    Err(Failure::Unavailable)
}

/// As [`delete`]; `None`, and nothing is done, where the user was taken into another conversation meanwhile.
async fn try_delete(conn: &mut AsyncPgConnection, project: ProjectId, id: UserId) -> Result<Option<Departed>, Failure> {
    const GONE: Failure = Failure::NotFound("user");
    conn.transaction(async |conn| {
        let user = people::find(conn, project, id).await?.ok_or(GONE)?;
        let watchers = presence::watchers(conn, project, id).await?;
        // Locks in their one order: contacts, the support desk's, conversations, members.
        let sides: Vec<(UserId, Relation, bool)> = contacts::table
            .filter(contacts::user_id.eq(id).or(contacts::peer_id.eq(id)))
            .order((contacts::user_id, contacts::peer_id))
            .for_update()
            .select((contacts::user_id, contacts::relation, contacts::blocked))
            .load(conn)
            .await?;
        // They stay without the user; the desk looks after those that are open.
        support_agents::table
            .find(id)
            .for_update()
            .select(support_agents::user_id)
            .first::<UserId>(conn)
            .await
            .optional()?;
        support_requests::table
            .filter(support_requests::customer_id.eq(id).or(support_requests::agent_id.eq(id)))
            .order(support_requests::id)
            .for_update()
            .select(support_requests::id)
            .load::<RequestId>(conn)
            .await?;
        let joined: Vec<ConversationId> =
            members::table.filter(members::user_id.eq(id)).select(members::conversation_id).load(conn).await?;
        let rooms: Vec<(ConversationId, ConversationKind)> = conversations::table
            .filter(conversations::project_id.eq(project).and(conversations::id.eq_any(&joined)))
            .order(conversations::id)
            .for_update()
            .select((conversations::id, conversations::kind))
            .load(conn)
            .await?;
        // Held as by who deletes it: from here on nobody can take the user into a conversation, and who did so is done.
        let held = users::table.filter(users::project_id.eq(project).and(users::id.eq(id))).for_update();
        held.select(users::id).first::<UserId>(conn).await.optional()?.ok_or(GONE)?;
        let elsewhere = members::table.filter(members::user_id.eq(id).and(members::conversation_id.ne_all(&joined)));
        if diesel::select(exists(elsewhere)).get_result::<bool>(conn).await? {
            return Ok(None);
        }
        let changed = hand_over(conn, id, &rooms).await?;
        let rooms: Vec<ConversationId> = rooms.into_iter().map(|(room, _)| room).collect();
        diesel::update(conversations::table.filter(conversations::id.eq_any(&rooms)))
            .set((
                conversations::member_count.eq(conversations::member_count - 1),
                conversations::version.eq(conversations::version + 1),
            ))
            .execute(conn)
            .await?;
        let deleted = diesel::delete(users::table.filter(users::project_id.eq(project).and(users::id.eq(id))));
        if deleted.execute(conn).await? == 0 {
            return Err(GONE);
        }
        let known = |(peer, relation, blocked): (UserId, Relation, bool)| {
            let shown = matches!(relation, Relation::Invited | Relation::Pending | Relation::Accepted) || blocked;
            (shown && peer != id).then_some(peer)
        };
        let of = |room| changed.iter().filter(|(changed, _)| *changed == room).map(|(_, member)| *member).collect();
        Ok(Some(Departed {
            user,
            watchers,
            contacts: sides.into_iter().filter_map(known).collect(),
            conversations: rooms.into_iter().map(|id| Left { id, changed: of(id) }).collect(),
        }))
    })
    .await
}

/// What the other members may do from now on. Returns whose permission changed where.
async fn hand_over(
    conn: &mut AsyncPgConnection,
    user: UserId,
    rooms: &[(ConversationId, ConversationKind)],
) -> QueryResult<Vec<(ConversationId, UserId)>> {
    let of = |wanted: fn(ConversationKind) -> bool| -> Vec<ConversationId> {
        rooms.iter().filter(|(_, kind)| wanted(*kind)).map(|(id, _)| *id).collect()
    };
    let private = of(|kind| kind == ConversationKind::Private);
    // Who may what in a conversation of support only the desk decides.
    let shared = of(|kind| !matches!(kind, ConversationKind::Private | ConversationKind::Support));
    let others = members::table
        .filter(members::conversation_id.eq_any(private).and(members::user_id.ne(user)))
        .filter(members::permission.ne(Permission::Read));
    let mut changed: Vec<(ConversationId, UserId)> = diesel::update(others)
        .set(members::permission.eq(Permission::Read))
        .returning((members::conversation_id, members::user_id))
        .get_results(conn)
        .await?;
    changed.extend(Inherit { conversations: &shared, user }.load::<(ConversationId, UserId)>(conn).await?);
    Ok(changed)
}
