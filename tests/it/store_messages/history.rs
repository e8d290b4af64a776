//! Reading back: pages, ranges, summaries; what a block hides; how far a message has come.

use super::world::{World, at};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use palabre::model::{ConversationId, Failure, MediaId, MessageId, ProjectId, UserId};
use palabre::store::messages::{
    NewMessage, Page, by_id, check_attachments, delete, exists_in, find, last_of, page, range, react,
};
use palabre::store::schema::{messages, users};
use palabre::wire::limits;
use palabre::wire::shapes::{Message, MessageStatus};

fn numbers(messages: &[Message]) -> Vec<i64> {
    messages.iter().map(|message| message.seq).collect()
}

impl World {
    async fn page(&mut self, place: ConversationId, viewer: UserId, from: Page, limit: i64) -> (Vec<i64>, bool) {
        let (messages, more) = page(&mut self.conn, self.project, place, viewer, from, limit, at(0)).await.unwrap();
        (numbers(&messages), more)
    }

    async fn shape(&mut self, place: ConversationId, id: MessageId, viewer: Option<UserId>) -> Message {
        by_id(&mut self.conn, self.project, place, id, viewer, at(0)).await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn pages_ascend_exclude_their_bounds_and_tell_of_more() {
    let mut world = World::new().await;
    let alice = world.user("alice").await;
    let place = world.group(&[alice]).await;
    assert_eq!(world.page(place, alice, Page::Latest, 3).await, (vec![], false));
    world.say(place, alice, &["1", "2", "3", "4", "5", "6"]).await;

    let cases = [
        (Page::Latest, 3, vec![4, 5, 6], true),
        (Page::Latest, 6, vec![1, 2, 3, 4, 5, 6], false),
        (Page::BeforeSeq(4), 2, vec![2, 3], true),
        (Page::BeforeSeq(4), 3, vec![1, 2, 3], false),
        (Page::BeforeSeq(1), 3, vec![], false),
        (Page::BeforeSeq(i64::MAX), 1, vec![6], true),
        (Page::AfterSeq(0), 2, vec![1, 2], true),
        (Page::AfterSeq(4), 2, vec![5, 6], false),
        (Page::AfterSeq(6), 2, vec![], false),
        (Page::AfterSeq(i64::MIN), 1, vec![1], true),
    ];
    for (from, limit, expected, more) in cases {
        assert_eq!(world.page(place, alice, from, limit).await, (expected, more), "{from:?}");
    }
    world.project = ProjectId::random();
    assert_eq!(world.page(place, alice, Page::Latest, 3).await, (vec![], false), "of another project");
}

#[tokio::test]
async fn a_page_before_a_date_ends_right_before_it() {
    let mut world = World::new().await;
    let alice = world.user("alice").await;
    let place = world.group(&[alice]).await;
    assert_eq!(world.page(place, alice, Page::Before(at(0)), 3).await, (vec![], false));
    // Several with one date, and holes between dates.
    let dates = [0, 0, 3, 5, 5, 5, 6, 9, 20, 20, 21];
    let batch: Vec<_> =
        dates.map(|seconds| NewMessage { created_at: at(seconds), ..world.text(place, alice, "hi") }).into();
    world.store(&batch).await;
    for moment in -1..=22 {
        let before: Vec<i64> = (1..).zip(dates).filter(|(_, date)| *date < moment).map(|(seq, _)| seq).collect();
        let (found, more) = world.page(place, alice, Page::Before(at(moment)), 4).await;
        assert_eq!(found, before[before.len().saturating_sub(4)..], "before {moment}");
        assert_eq!(more, before.len() > 4);
    }
}

#[tokio::test]
async fn what_a_blocked_user_wrote_or_did_is_not_there() {
    let mut world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let place = world.group(&[alice, bob]).await;
    world.block(alice, bob).await;
    let own = world.say(place, alice, &["1"]).await[0];
    world.say(place, bob, &["2", "3"]).await;
    world.say(place, alice, &["4"]).await;
    world.say(place, bob, &["5"]).await;
    for user in [alice, bob] {
        react(&mut world.conn, world.project, place, own, user, "👍", true, at(0)).await.unwrap();
    }
    react(&mut world.conn, world.project, place, own, bob, "🎉", true, at(0)).await.unwrap();

    assert_eq!(world.page(place, alice, Page::Latest, 2).await, (vec![1, 4], false));
    assert_eq!(world.page(place, alice, Page::AfterSeq(0), 1).await, (vec![1], true));
    assert_eq!(world.page(place, bob, Page::Latest, 5).await, (vec![1, 2, 3, 4, 5], false));
    let newest = last_of(&mut world.conn, alice, &[place], at(0)).await.unwrap();
    assert_eq!(newest[&place].seq, 4);

    let seen = world.shape(place, own, Some(alice)).await;
    assert_eq!(seen.reaction_counts.into_iter().collect::<Vec<_>>(), [("👍".to_owned(), 1)]);
    assert_eq!(seen.reactions["👍"].iter().map(|user| user.id).collect::<Vec<_>>(), [alice]);
    let seen = world.shape(place, own, Some(bob)).await;
    assert_eq!(seen.reaction_counts["👍"], 2);
    assert_eq!(seen.reactions.len(), 2);
}

#[tokio::test]
async fn ranges_are_for_everybody_and_name_the_authors() {
    let mut world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let place = world.group(&[alice, bob]).await;
    world.block(alice, bob).await;
    world.say(place, alice, &["1", "2"]).await;
    world.say(place, bob, &["3", "4"]).await;
    let found = range(&mut world.conn, world.project, place, 2, 3, at(0)).await.unwrap();
    let found: Vec<_> = found.into_iter().map(|(author, message)| (author, message.seq)).collect();
    assert_eq!(found, [(Some(alice), 2), (Some(bob), 3)]);
}

#[tokio::test]
async fn the_newest_messages_of_many_conversations_come_shortened() {
    let mut world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let (one, two, empty) =
        (world.group(&[alice, bob]).await, world.group(&[alice]).await, world.group(&[alice]).await);
    let long = "ß".repeat(limits::SUMMARY_BODY_CHARS + 1);
    world.say(one, bob, &["first", &long]).await;
    world.say(two, alice, &["short"]).await;
    let newest = last_of(&mut world.conn, alice, &[one, two, empty], at(0)).await.unwrap();
    assert_eq!(newest.len(), 2);
    assert_eq!((newest[&one].seq, newest[&one].author.username.as_str()), (2, "bob"));
    assert_eq!(newest[&one].body, "ß".repeat(limits::SUMMARY_BODY_CHARS));
    assert_eq!(newest[&two].body, "short");
    assert!(last_of(&mut world.conn, alice, &[], at(0)).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_message_is_found_only_in_its_conversation_and_project() {
    let mut world = World::new().await;
    let alice = world.user("alice").await;
    let (place, other) = (world.group(&[alice]).await, world.group(&[alice]).await);
    let id = world.say(place, alice, &["hi"]).await[0];
    let row = find(&mut world.conn, world.project, place, id).await.unwrap().unwrap();
    assert_eq!((row.seq, row.author, row.body.as_str()), (1, Some(alice), "hi"));
    assert_eq!(find(&mut world.conn, world.project, other, id).await.unwrap(), None);
    assert_eq!(find(&mut world.conn, ProjectId::random(), place, id).await.unwrap(), None);
    assert_eq!(by_id(&mut world.conn, world.project, other, id, None, at(0)).await.unwrap(), None);

    let missing = Err(Failure::NotFound("message"));
    assert_eq!(exists_in(&mut world.conn, world.project, place, id).await, Ok(()));
    assert_eq!(exists_in(&mut world.conn, world.project, other, id).await, missing);
    delete(&mut world.conn, world.project, place, id, alice, false, at(1)).await.unwrap();
    assert_eq!(exists_in(&mut world.conn, world.project, place, id).await, Ok(()), "deleted ones count");
}

#[tokio::test]
async fn a_message_has_come_as_far_as_the_last_of_the_others() {
    let mut world = World::new().await;
    let users = world.users(4).await;
    let [author, near, far, outsider] = users[..] else { panic!() };
    let place = world.group(&[author, near, far]).await;
    let ids = world.say(place, author, &["1", "2", "3", "4"]).await;
    world.told(place, near, 4, 2).await;
    world.told(place, far, 3, 3).await;

    let statuses = |messages: Vec<Message>| messages.iter().map(|message| message.status).collect::<Vec<_>>();
    use MessageStatus::{Delivered, Read, Sent};
    // The author's own watermarks stand at nothing and do not count.
    for viewer in [author, near] {
        let (messages, _) = page(&mut world.conn, world.project, place, viewer, Page::Latest, 9, at(0)).await.unwrap();
        assert_eq!(statuses(messages), [Read, Read, Delivered, Sent]);
    }
    // Of somebody who is no member (any more) the members of now count, all of them.
    let foreign = world.say(place, outsider, &["5"]).await[0];
    assert_eq!(world.shape(place, foreign, None).await.status, Sent);
    for user in [author, near, far] {
        world.told(place, user, 5, 5).await;
    }
    assert_eq!(world.shape(place, foreign, None).await.status, Read);
    assert_eq!(world.shape(place, ids[3], None).await.status, Read);
    // With nobody else there, nobody got it.
    let alone = world.group(&[author]).await;
    let id = world.say(alone, author, &["hello?"]).await[0];
    world.told(alone, author, 1, 1).await;
    assert_eq!(world.shape(alone, id, None).await.status, Sent);
}

/// The two hindmost members that the query reads are enough, whoever of many wrote the message.
#[tokio::test]
async fn statuses_agree_with_looking_at_every_member() {
    let mut world = World::new().await;
    let users = world.users(7).await;
    let place = world.group(&users).await;
    let batch: Vec<_> = (0..21).map(|n| world.text(place, users[n % 7], "hi")).collect();
    world.store(&batch).await;
    let mut marks = Vec::new();
    for round in 0..12_i64 {
        marks.clear();
        for (n, user) in (0_i64..).zip(&users) {
            let delivered = (round * 5 + n * n * 7) % 22;
            let read = (delivered - (round + n) % 6).max(0);
            world.told(place, *user, delivered, read).await;
            marks.push((*user, delivered, read));
        }
        let (messages, _) =
            page(&mut world.conn, world.project, place, users[0], Page::Latest, 50, at(0)).await.unwrap();
        for message in messages {
            let others = || marks.iter().filter(|(user, ..)| *user != message.author.id);
            let expected = if others().all(|(_, _, read)| *read >= message.seq) {
                MessageStatus::Read
            } else if others().all(|(_, delivered, _)| *delivered >= message.seq) {
                MessageStatus::Delivered
            } else {
                MessageStatus::Sent
            };
            assert_eq!(message.status, expected, "seq {} of {marks:?}", message.seq);
        }
    }
}

#[tokio::test]
async fn messages_outlive_their_author() {
    let mut world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let place = world.group(&[alice, bob]).await;
    let id = world.say(place, bob, &["hi"]).await[0];
    diesel::delete(users::table.find(bob)).execute(&mut world.conn).await.unwrap();
    assert_eq!(world.shape(place, id, Some(alice)).await.author.username, "deleted");
    assert_eq!(messages::table.count().get_result::<i64>(&mut world.conn).await.unwrap(), 1);
}

#[tokio::test]
async fn one_attaches_only_ones_own_files_of_the_project_and_each_once() {
    let mut world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let (one, two, foreign) =
        (world.file(alice, "one").await, world.file(alice, "two").await, world.file(bob, "foreign").await);
    let project = world.project;
    let mut check = async |project: ProjectId, files: &[MediaId]| {
        let found = check_attachments(&mut world.conn, project, alice, files).await?;
        Ok(found.into_iter().map(|file| file.name).collect::<Vec<_>>())
    };
    assert_eq!(check(project, &[]).await, Ok(vec![]));
    assert_eq!(check(project, &[two, one]).await, Ok(vec!["two".to_owned(), "one".to_owned()]));
    let missing = Err(Failure::NotFound("attachment"));
    assert_eq!(check(project, &[one, foreign]).await, missing);
    assert_eq!(check(project, &[MediaId::random()]).await, missing);
    assert_eq!(check(ProjectId::random(), &[one]).await, missing);
    let twice = check(project, &[one, two, one]).await;
    assert!(matches!(twice, Err(Failure::Invalid { field, .. }) if field == "attachments[2].id"));
}
