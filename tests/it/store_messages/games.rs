//! Invitations: one winner a seat, answers that confirm, and the end by time.

use super::world::{World, at};
use palabre::model::game::{Answer, State};
use palabre::model::{ConversationId, Failure, MessageId, UserId};
use palabre::store::games::{answer, expire};
use palabre::store::messages::{NewGame, NewMessage, Page, delete, page};
use palabre::wire::shapes::{ConversationKind, Game};
use std::collections::HashSet;

impl World {
    async fn invite(&mut self, place: ConversationId, author: UserId, capacity: i32, end: Option<i64>) -> MessageId {
        let mut message = self.invitation(place, author, capacity);
        message.game = message.game.map(|game| NewGame { expires_at: end.map(at), ..game });
        self.store(std::slice::from_ref(&message)).await;
        message.id
    }

    async fn answer(
        &mut self,
        (place, id): (ConversationId, MessageId),
        user: UserId,
        with: Answer,
        second: i64,
    ) -> Result<(bool, Game), Failure> {
        let (changed, message) = answer(&mut self.conn, self.project, place, id, user, with, at(second)).await?;
        Ok((changed, message.game.unwrap()))
    }
}

#[tokio::test]
async fn seats_fill_in_order_and_then_it_is_full() {
    let mut world = World::new().await;
    let users = world.users(5).await;
    let place = world.group(&users).await;
    let game = (place, world.invite(place, users[0], 2, None).await);
    let (changed, shape) = world.answer(game, users[2], Answer::Accept, 1).await.unwrap();
    assert_eq!((changed, shape.state), (true, State::Offered));
    let (changed, shape) = world.answer(game, users[3], Answer::Decline, 2).await.unwrap();
    assert_eq!((changed, shape.declined[0].id), (true, users[3]));
    let (changed, shape) = world.answer(game, users[1], Answer::Accept, 3).await.unwrap();
    assert_eq!((changed, shape.state), (true, State::Full));
    assert_eq!(shape.seats.iter().map(|user| user.id).collect::<Vec<_>>(), [users[2], users[1]]);
    assert_eq!(world.answer(game, users[2], Answer::Accept, 4).await.unwrap(), (false, shape), "twice confirms");
    assert_eq!(world.answer(game, users[4], Answer::Accept, 5).await, Err(Failure::Full));
}

#[tokio::test]
async fn a_private_invitation_is_accepted_or_declined() {
    let mut world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let place = world.conversation(ConversationKind::Private, &[alice, bob]).await;
    let (one, two) = (world.invite(place, alice, 1, None).await, world.invite(place, alice, 1, None).await);
    let (_, shape) = world.answer((place, one), bob, Answer::Accept, 1).await.unwrap();
    assert_eq!(shape.state, State::Accepted);
    let (_, shape) = world.answer((place, two), bob, Answer::Decline, 1).await.unwrap();
    assert_eq!(shape.state, State::Declined);
}

#[tokio::test]
async fn a_change_of_mind_moves_the_answer() {
    let mut world = World::new().await;
    let users = world.users(4).await;
    let place = world.group(&users).await;
    let game = (place, world.invite(place, users[0], 2, None).await);
    world.answer(game, users[1], Answer::Accept, 1).await.unwrap();
    let (_, shape) = world.answer(game, users[1], Answer::Decline, 2).await.unwrap();
    assert_eq!((shape.seats.len(), shape.declined.len()), (0, 1));
    let (_, shape) = world.answer(game, users[1], Answer::Accept, 3).await.unwrap();
    assert_eq!((shape.seats.len(), shape.declined.len()), (1, 0));
}

#[tokio::test]
async fn only_the_author_withdraws_and_then_it_is_over() {
    let mut world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let place = world.group(&[alice, bob]).await;
    let game = (place, world.invite(place, alice, 1, None).await);
    assert!(matches!(world.answer(game, bob, Answer::Withdraw, 1).await, Err(Failure::Forbidden(_))));
    let (changed, shape) = world.answer(game, alice, Answer::Withdraw, 1).await.unwrap();
    assert_eq!((changed, shape.state), (true, State::Withdrawn));
    assert!(matches!(world.answer(game, bob, Answer::Accept, 2).await, Err(Failure::Conflict(_))));
}

#[tokio::test]
async fn what_is_no_standing_invitation_is_not_answered() {
    let mut world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let place = world.group(&[alice, bob]).await;
    let text = world.say(place, alice, &["hi"]).await[0];
    let game = world.invite(place, alice, 1, None).await;
    delete(&mut world.conn, world.project, place, game, alice, false, at(1)).await.unwrap();
    for id in [text, game] {
        assert!(matches!(world.answer((place, id), bob, Answer::Accept, 2).await, Err(Failure::Conflict(_))));
    }
    let unknown = world.answer((place, MessageId::random()), bob, Answer::Accept, 2).await;
    assert_eq!(unknown, Err(Failure::NotFound("message")));
}

#[tokio::test]
async fn time_ends_an_invitation_before_and_by_the_sweep() {
    let mut world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let place = world.group(&[alice, bob]).await;
    let game = world.invite(place, alice, 2, Some(10)).await;
    let later = world.invite(place, alice, 2, Some(20)).await;
    world.invite(place, alice, 2, None).await;

    let (conn, project) = (&mut world.conn, world.project);
    for (second, expected) in [(9, State::Offered), (10, State::Expired)] {
        let (messages, _) = page(conn, project, place, bob, Page::AfterSeq(0), 1, at(second)).await.unwrap();
        assert_eq!(messages[0].game.as_ref().unwrap().state, expected);
    }
    assert!(matches!(world.answer((place, game), bob, Answer::Accept, 10).await, Err(Failure::Conflict(_))));

    let (conn, project) = (&mut world.conn, world.project);
    assert_eq!(expire(conn, at(9), 10).await.unwrap(), []);
    assert_eq!(expire(conn, at(10), 10).await.unwrap(), [(project, place, game, 1)]);
    assert_eq!(expire(conn, at(10), 10).await.unwrap(), []);
    assert_eq!(expire(conn, at(20), 10).await.unwrap(), [(project, place, later, 2)]);
}

#[tokio::test]
async fn answers_of_blocked_users_are_not_shown() {
    let mut world = World::new().await;
    let users = world.users(4).await;
    let place = world.group(&users).await;
    let game = (place, world.invite(place, users[0], 3, None).await);
    world.answer(game, users[1], Answer::Accept, 1).await.unwrap();
    world.answer(game, users[2], Answer::Decline, 1).await.unwrap();
    world.block(users[3], users[1]).await;
    world.block(users[3], users[2]).await;
    for (viewer, expected) in [(users[3], 0), (users[0], 1)] {
        let (messages, _) = page(&mut world.conn, world.project, place, viewer, Page::Latest, 1, at(2)).await.unwrap();
        let shape = messages[0].game.as_ref().unwrap();
        assert_eq!((shape.seats.len(), shape.declined.len()), (expected, expected));
    }
}

/// Everybody takes a seat at once, through as many connections: exactly as many get one as there are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simultaneous_answers_have_one_winner_a_seat() {
    const SEATS: usize = 3;
    let mut world = World::new().await;
    let users = world.users(9).await;
    let place = world.group(&users).await;
    for _ in 0..5 {
        let id = world.invite(place, users[0], 3, None).await;
        let project = world.project;
        let mut tasks = Vec::new();
        for user in users.iter().skip(1).copied() {
            let mut conn = world.db.connection().await;
            tasks.push(tokio::spawn(async move {
                (user, answer(&mut conn, project, place, id, user, Answer::Accept, at(1)).await)
            }));
        }
        let mut winners = HashSet::new();
        for task in tasks {
            match task.await.unwrap() {
                (user, Ok((changed, _))) => assert!(changed && winners.insert(user)),
                (_, Err(failure)) => assert_eq!(failure, Failure::Full),
            }
        }
        assert_eq!(winners.len(), SEATS);
        let (_, shape) = world.answer((place, id), *winners.iter().next().unwrap(), Answer::Accept, 2).await.unwrap();
        assert_eq!(shape.seats.iter().map(|user| user.id).collect::<HashSet<_>>(), winners);
    }
}

/// Sweeps of several nodes at once return every invitation to one of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sweeps_at_once_share_the_work() {
    let mut world = World::new().await;
    let alice = world.user("alice").await;
    let place = world.group(&[alice]).await;
    let game = NewGame { expires_at: Some(at(1)), ..world.invitation(place, alice, 1).game.unwrap() };
    let batch: Vec<_> =
        (0..60).map(|_| NewMessage { game: Some(game.clone()), ..world.invitation(place, alice, 1) }).collect();
    world.store(&batch).await;
    let mut sweeps = Vec::new();
    for _ in 0..3 {
        let mut conn = world.db.connection().await;
        sweeps.push(tokio::spawn(async move {
            let mut found = Vec::new();
            loop {
                let some = expire(&mut conn, at(1), 7).await.unwrap();
                if some.is_empty() {
                    return found;
                }
                found.extend(some);
            }
        }));
    }
    let mut found = Vec::new();
    for sweep in sweeps {
        found.extend(sweep.await.unwrap().into_iter().map(|(.., seq)| seq));
    }
    found.extend(expire(&mut world.conn, at(1), 100).await.unwrap().into_iter().map(|(.., seq)| seq));
    found.sort_unstable();
    assert_eq!(found, (1..=60).collect::<Vec<_>>());
}
