//! Two nodes on one database: one answer at a time in a conversation, and quotas that hold, over both.

use super::{Stage, admin, bodies};
use crate::rest::api::Api;
use crate::support::client::Event;
use crate::support::provider::{Reply, pieces};
use crate::support::wait::until_async;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use palabre::model::ConversationId;
use palabre::store::schema::{conversations, messages};
use serde_json::json;

const MODEL: &str = "mistral-large-latest";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_answer_at_a_time_over_both() {
    let stage = Stage::new().await;
    let [alice, bob] = stage.project.users(["alice", "bob"]).await;
    let (_, group) = stage.bot(&[&alice, &bob], MODEL, "Be brief.").await;
    let mut here = stage.server.connect(&alice).await;
    let first = stage.provider.will_follow();
    here.say(&group, "one").await;
    first.say("first");
    here.next_push("llm.chunk").await;
    let other = stage.beside().await;
    let mut there = other.connect(&bob).await;
    stage.provider.will_say("second");
    for body in ["two", "three"] {
        there.say(&group, body).await;
    }
    // The other node has looked, and found it taken.
    let (llm, id) = (other.chat.llm().unwrap(), group.parse().unwrap());
    llm.heed(stage.project.id, id);
    until_async("the other node to have looked", async || (!llm.end_answer(id).await).then_some(())).await;
    assert_eq!(stage.provider.asked().len(), 1);
    first.end();
    let expected = ["one", "two", "three", "first", "second"];
    until_async("both answers", async || (bodies(&mut here, &group).await == expected).then_some(())).await;
    let last = stage.provider.asked()[1].messages();
    let told: Vec<_> = last[1..].iter().map(|(role, text)| (role.as_str(), text.as_str())).collect();
    assert_eq!(told, [("user", "alice: one"), ("assistant", "first"), ("user", "bob: two\nbob: three")]);
    assert_eq!((stage.provider.asked().len(), stage.provider.most_at_once()), (2, 1));
    stage.is_quiet().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quota_holds_over_both_and_one_warning_is_told() {
    const EACH: u64 = 160;
    const QUOTA: u64 = 1_000;
    let stage = Stage::new().await;
    let other = stage.beside().await;
    let root = admin(&stage).await;
    let alice = stage.project.user("alice").await;
    let bot = stage.project.chatbot_with("marvin", MODEL, "Be brief.").await;
    let api = Api::of(&stage.server);
    api.put("/users/alice/quota").json(json!({ "tokens": QUOTA })).user(&root).expect(200).await;
    let mut groups = Vec::new();
    for _ in 0..12 {
        let group = stage.project.group_of(&[&alice]).await;
        stage.project.set_mode(&group, "bot", Some(&bot)).await;
        stage.provider.will(Reply::Say(pieces(&["yes"]), Some((100, EACH - 100))));
        groups.push(group);
    }
    // Each wants all that is left: they wait for each other, and for the other node's.
    let mut nodes = [stage.server.connect(&alice).await, other.connect(&alice).await];
    let (here, there) = groups.split_at(6);
    for (one, other) in here.iter().zip(there) {
        let [first, second] = &mut nodes;
        tokio::join!(first.say(one, "well?"), second.say(other, "well?"));
    }
    // Whichever node comes to a question first answers it.
    let groups: Vec<ConversationId> = groups.iter().map(|group| group.parse().unwrap()).collect();
    let conn = &mut stage.project.conn().await;
    until_async("all to have been begun", async || {
        let waiting =
            conversations::table.filter(conversations::id.eq_any(&groups).and(conversations::answered_seq.eq(0)));
        let waiting: i64 = waiting.count().get_result(conn).await.unwrap();
        (waiting == 0).then_some(())
    })
    .await;
    stage.is_quiet().await;
    let of_bots = messages::table.filter(messages::conversation_id.eq_any(&groups).and(messages::role.eq("assistant")));
    let served: i64 = of_bots.count().get_result(conn).await.unwrap();
    let served = u64::try_from(served).unwrap();
    let (mut errors, mut warnings) = (Vec::new(), Vec::new());
    until_async("all refusals, and the warning", async || {
        for client in &mut nodes {
            client.sync().await;
            for event in client.take_inbox() {
                match event {
                    Event::Push { kind, data } if kind == "llm.error" => errors.push(data["code"].clone()),
                    Event::Push { kind, data } if kind == "quota.warning" => warnings.push(data),
                    _ => {}
                }
            }
        }
        (errors.len() as u64 + served >= 12 && !warnings.is_empty()).then_some(())
    })
    .await;
    assert!(errors.iter().all(|code| code == "quota_exceeded"), "{errors:?}");
    let asked = u64::try_from(stage.provider.asked().len()).unwrap();
    assert_eq!((asked, errors.len() as u64), (served, 12 - served), "who is refused is not asked for");
    let usage = api.get("/usage").user(&alice).expect(200).await;
    let used = usage["tokens"]["used"].as_u64().unwrap();
    assert_eq!(used, served * EACH, "each is booked once");
    // Refused only when it was reached; and what goes over is what the last one's estimate missed.
    assert!((QUOTA..QUOTA + EACH).contains(&used), "{used}");
    assert_eq!((&usage["tokens"]["remaining"], &usage["tokens"]["reserved"]), (&json!(0), &json!(0)));
    assert_eq!(warnings, [json!({ "level": "user", "used": 5 * EACH, "quota": QUOTA })]);
}
