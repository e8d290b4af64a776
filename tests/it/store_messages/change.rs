//! Edits, deletion and reactions: who may, what stays, and many at once.

use super::world::{World, at};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use palabre::model::game::State;
use palabre::model::{Failure, MessageId};
use palabre::store::messages::{NewMessage, Outcome, by_id, delete, edit, react};
use palabre::store::schema::{attachments, games, reactions};
use palabre::wire::limits;

const MISSING: Failure = Failure::NotFound("message");

#[tokio::test]
async fn only_the_author_edits_and_only_texts_that_are_there() {
    let mut world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let (place, other) = (world.group(&[alice, bob]).await, world.group(&[alice]).await);
    let id = world.say(place, alice, &["hi"]).await[0];
    let game = world.invitation(place, alice, 1);
    world.store(std::slice::from_ref(&game)).await;
    let (conn, project) = (&mut world.conn, world.project);

    let edited = edit(conn, project, place, id, alice, "hello", at(5)).await.unwrap();
    assert_eq!((edited.body.as_str(), edited.edited_at), ("hello", Some(at(5).into())));
    let again = edit(conn, project, place, id, alice, "hello", at(9)).await.unwrap();
    assert_eq!(again, edited, "the same body changes nothing");

    let forbidden = edit(conn, project, place, id, bob, "mine", at(9)).await;
    assert!(matches!(forbidden, Err(Failure::Forbidden(_))));
    assert_eq!(edit(conn, project, other, id, alice, "x", at(9)).await, Err(MISSING));
    assert_eq!(edit(conn, project, place, MessageId::random(), alice, "x", at(9)).await, Err(MISSING));
    assert!(matches!(edit(conn, project, place, game.id, alice, "x", at(9)).await, Err(Failure::Conflict(_))));
    delete(conn, project, place, id, alice, false, at(9)).await.unwrap();
    assert!(matches!(edit(conn, project, place, id, alice, "x", at(9)).await, Err(Failure::Conflict(_))));
}

#[tokio::test]
async fn a_deleted_message_keeps_its_place_and_nothing_else() {
    let mut world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let place = world.group(&[alice, bob]).await;
    let file = world.file(alice, "picture").await;
    let first = world.say(place, bob, &["first"]).await[0];
    let message = NewMessage {
        attachments: vec![file],
        reply_to: Some(first),
        tone: Some("/s".to_owned()),
        ..world.text(place, alice, "secret")
    };
    world.store(std::slice::from_ref(&message)).await;
    let (conn, project) = (&mut world.conn, world.project);
    react(conn, project, place, message.id, bob, "👍", true, at(0)).await.unwrap();

    assert!(matches!(delete(conn, project, place, message.id, bob, false, at(1)).await, Err(Failure::Forbidden(_))));
    let left = delete(conn, project, place, message.id, alice, false, at(1)).await.unwrap();
    assert_eq!((left.seq, left.body.as_str(), left.deleted_at), (2, "", Some(at(1).into())));
    assert!(left.reply_to.is_none() && left.tone.is_none());
    assert!(left.attachments.is_empty() && left.reactions.is_empty() && left.reaction_counts.is_empty());
    assert_eq!(attachments::table.count().get_result::<i64>(conn).await.unwrap(), 0);
    assert_eq!(reactions::table.count().get_result::<i64>(conn).await.unwrap(), 0);

    assert_eq!(delete(conn, project, place, message.id, bob, true, at(9)).await, Ok(left.clone()), "twice confirms");
    let by_other = delete(conn, project, place, first, alice, true, at(1)).await.unwrap();
    assert_eq!(by_other.deleted_at, Some(at(1).into()));
    assert_eq!(delete(conn, project, place, MessageId::random(), alice, true, at(1)).await, Err(MISSING));
    // Sent once more it is not stored anew: what it was is still known.
    let outcomes = world.store(&[message]).await;
    assert_eq!(outcomes, [Outcome::Confirmed(Box::new(left))]);
}

#[tokio::test]
async fn a_deleted_invitation_is_withdrawn() {
    let mut world = World::new().await;
    let alice = world.user("alice").await;
    let place = world.group(&[alice]).await;
    let message = world.invitation(place, alice, 1);
    world.store(std::slice::from_ref(&message)).await;
    let (conn, project) = (&mut world.conn, world.project);
    let left = delete(conn, project, place, message.id, alice, false, at(1)).await.unwrap();
    assert_eq!(left.game, None);
    let state = games::table.select(games::state).first::<State>(conn).await.unwrap();
    assert_eq!(state, State::Withdrawn);
}

#[tokio::test]
async fn a_reaction_counts_once_and_can_be_taken_back() {
    let mut world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let place = world.group(&[alice, bob]).await;
    let id = world.say(place, alice, &["hi"]).await[0];
    let (conn, project) = (&mut world.conn, world.project);
    let steps = [
        (bob, true, (true, 1)),
        (bob, true, (false, 1)),
        (alice, true, (true, 2)),
        (bob, false, (true, 1)),
        (bob, false, (false, 1)),
        (alice, false, (true, 0)),
    ];
    for (user, on, expected) in steps {
        let reacted = react(conn, project, place, id, user, "👍", on, at(1)).await.unwrap();
        assert_eq!((reacted.changed, reacted.count), expected);
        assert_eq!(reacted.message.reaction_counts.get("👍").copied().unwrap_or(0), reacted.count);
    }
    let missing = react(conn, project, place, MessageId::random(), bob, "👍", true, at(1)).await;
    assert_eq!(missing, Err(MISSING));
    delete(conn, project, place, id, alice, false, at(2)).await.unwrap();
    let late = react(conn, project, place, id, bob, "👍", true, at(3)).await;
    assert!(matches!(late, Err(Failure::Conflict(_))));
}

#[tokio::test]
async fn of_many_reactions_some_are_listed_and_all_are_counted() {
    let mut world = World::new().await;
    let users = world.users(limits::REACTIONS_LISTED + 2).await;
    let place = world.group(&users).await;
    let id = world.say(place, users[0], &["hi"]).await[0];
    let (conn, project) = (&mut world.conn, world.project);
    for (second, user) in (0..).zip(&users) {
        react(conn, project, place, id, *user, "👍", true, at(second)).await.unwrap();
    }
    for n in 0..limits::REACTIONS_LISTED + 3 {
        react(conn, project, place, id, users[0], &format!("e{n}"), true, at(0)).await.unwrap();
    }
    let shape = by_id(conn, project, place, id, None, at(0)).await.unwrap().unwrap();
    assert_eq!(shape.reactions.len(), limits::REACTIONS_LISTED);
    let listed: Vec<_> = shape.reactions["👍"].iter().map(|user| user.id).collect();
    assert_eq!(listed, users[..limits::REACTIONS_LISTED], "the first to react");
    assert_eq!(shape.reaction_counts["👍"], i64::try_from(users.len()).unwrap());
    assert_eq!(shape.reaction_counts.len(), limits::REACTIONS_LISTED + 4);
}

/// Users who react at once with emoji of their own can't bring more kinds onto the message than the limit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reactions_at_once_respect_the_limit() {
    let mut world = World::new().await;
    let users = world.users(4).await;
    let place = world.group(&users).await;
    let id = world.say(place, users[0], &["hi"]).await[0];
    let project = world.project;
    let mut tasks = Vec::new();
    for (n, user) in users.into_iter().enumerate() {
        let mut conn = world.db.connection().await;
        tasks.push(tokio::spawn(async move {
            let mut added = 0;
            for emoji in 0..limits::EMOJI_PER_MESSAGE / 4 + 5 {
                match react(&mut conn, project, place, id, user, &format!("{n}-{emoji}"), true, at(0)).await {
                    Ok(_) => added += 1,
                    Err(failure) => assert!(matches!(failure, Failure::Conflict(_)), "{failure:?}"),
                }
            }
            added
        }));
    }
    let mut added = 0;
    for task in tasks {
        added += task.await.unwrap();
    }
    assert_eq!(added, limits::EMOJI_PER_MESSAGE);
    // One more of a kind that is there is no new kind.
    let kind: String = reactions::table.select(reactions::emoji).first(&mut world.conn).await.unwrap();
    let late = world.user("late").await;
    let reacted = react(&mut world.conn, project, place, id, late, &kind, true, at(0)).await.unwrap();
    assert_eq!((reacted.changed, reacted.count), (true, 2));
}
