//! Warnings: once a month and level, over all processes, and to whom they are told.

use super::{World, beside, granted, used};
use crate::support::project::TestUser;
use crate::support::server::TestServer;
use futures_util::future::join_all;
use palabre::assistant::quota::Call;
use palabre::model::account::UserRole;
use palabre::model::quota::{Alarm, Level, Limit, Wish};
use palabre::model::{ConversationId, ProjectId};
use palabre::store::people::{self, Changes};
use palabre::store::quotas::{self, Side};
use serde_json::json;

#[tokio::test]
async fn people_are_warned_once_a_month_over_all_processes() {
    let world = World::new().await;
    let (one, two) = (world.one(), world.one());
    world.set(Level::User, Some(10_000), None).await;
    let work = async {
        let calls = (0..20).map(|number| {
            let quota = if number % 2 == 0 { &one } else { &two };
            async { granted(quota, world.call(50, 400)).await.settle(used(50, 400)).await.unwrap() }
        });
        join_all(calls).await;
        // And in the next month again.
        world.set_time("2026-12-24T12:00:00Z");
        granted(&one, world.call(50, 8_000)).await.settle(used(0, 7_999)).await.unwrap();
        granted(&two, world.call(50, 400)).await.settle(used(0, 1)).await.unwrap();
        granted(&one, world.call(50, 400)).await.settle(used(0, 1)).await.unwrap();
    };
    let (tx, mut told) = tokio::sync::mpsc::unbounded_channel();
    let keep = |quota: &palabre::assistant::quota::Quota| {
        let (quota, tx) = (quota.clone(), tx.clone());
        async move { quota.keep(move |warning| tx.send(warning).unwrap()).await }
    };
    let both = async {
        work.await;
        (told.recv().await.unwrap(), told.recv().await.unwrap())
    };
    let (first, second) = tokio::select! {
        both = both => both,
        _ = keep(&one) => unreachable!(),
        _ = keep(&two) => unreachable!(),
    };
    assert_eq!((first.level, first.subject, first.project), (Level::User, world.user.row.id.0, world.project.id));
    assert_eq!(first.alarm, Alarm { used: 8_100, quota: 10_000, is_money: false });
    assert_eq!(second.alarm, Alarm { used: 8_000, quota: 10_000, is_money: false });
    let (_, more) = beside(&[&one, &two], async {
        granted(&one, world.call(50, 400)).await.settle(used(0, 1)).await.unwrap();
    })
    .await;
    assert_eq!(more, []);
}

async fn set(server: &TestServer, level: Level, subject: uuid::Uuid, limit: Limit) {
    quotas::set(&mut server.db.connection().await, level, subject, Side::Own, limit).await.unwrap();
}

async fn spend(server: &TestServer, project: ProjectId, user: &TestUser, conversation: ConversationId, tokens: u64) {
    let call = Call {
        project,
        user: Some(user.row.id),
        conversation: Some(conversation),
        chatbot: None,
        model: "m".to_owned(),
        wish: Wish { input: 0, output: tokens, price: None },
    };
    granted(&server.chat.quota, call).await.settle(used(0, tokens)).await.unwrap();
}

#[tokio::test]
async fn warnings_reach_those_concerned() {
    let server = TestServer::start().await;
    let project = server.project("p").await;
    let [alice, bob, root] = project.users(["alice", "bob", "root"]).await;
    let changes = Changes { role: Some(UserRole::Admin), ..Changes::default() };
    let conn = &mut project.conn().await;
    people::change(conn, project.id, root.row.id, &changes, chrono::Utc::now()).await.unwrap();
    let group: ConversationId = project.group_of(&[&alice, &bob]).await.parse().unwrap();
    let [mut a, mut b, mut r] = server.connect_all([&alice, &bob, &root]).await;
    let tokens = |tokens| Limit { tokens: Some(tokens), money: None };
    set(&server, Level::User, alice.row.id.0, tokens(100)).await;
    set(&server, Level::Conversation, group.0, tokens(110)).await;
    set(&server, Level::Project, project.id.0, tokens(115)).await;

    spend(&server, project.id, &alice, group, 80).await;
    assert_eq!(a.next_push("quota.warning").await, json!({ "level": "user", "used": 80, "quota": 100 }));
    spend(&server, project.id, &alice, group, 10).await;
    let of_group = json!({ "level": "conversation", "used": 90, "quota": 110, "conversation": group });
    assert_eq!(a.next_push("quota.warning").await, of_group);
    assert_eq!(b.next_push("quota.warning").await, of_group);
    spend(&server, project.id, &bob, group, 5).await;
    assert_eq!(r.next_push("quota.warning").await, json!({ "level": "project", "used": 95, "quota": 115 }));
    for client in [&mut a, &mut b, &mut r] {
        client.expect_no("quota.warning").await;
    }
}
