//! Two processes on one database: one answer at a time in a conversation, and one quota for all.

use super::{Stage, builder};
use crate::rest::api::Api;
use crate::support::client::Event;
use crate::support::wait::until_async;
use futures_util::future::join_all;
use palabre::model::quota::{Level, Limit};
use palabre::store::quotas::{self, Side};
use serde_json::{Value, json};

const MODEL: &str = "mistral-large-latest";
/// What each says.
const SAID: usize = 5;

#[tokio::test]
async fn one_conversation_on_two_nodes_has_one_answer_at_a_time() {
    let stage = Stage::new().await;
    let beside = builder(&stage.provider).beside(&stage.server).start().await;
    let [alice, bob] = stage.project.users(["alice", "bob"]).await;
    let (_, group) = stage.bot(&[&alice, &bob], MODEL, "Be brief.").await;
    let mut here = stage.server.connect(&alice).await;
    let mut there = beside.connect(&bob).await;
    let talk = async |client: &mut crate::support::client::Client| {
        for number in 0..SAID {
            client.say(&group, &format!("number {number}")).await;
        }
    };
    tokio::join!(talk(&mut here), talk(&mut there));
    until_async("all is answered", async || stage.project.is_all_answered(&group).await.then_some(())).await;
    let page = here.ok("message.fetch", json!({ "conversation": group, "limit": 200 })).await;
    let said = page["messages"].as_array().unwrap().clone();
    assert_eq!(said.iter().filter(|message| message["role"] == "user").count(), 2 * SAID);
    let answers: Vec<&Value> = said.iter().filter(|message| message["role"] == "assistant").collect();
    assert_eq!(answers.len(), stage.provider.asked().len(), "each call became one message");
    assert_eq!(stage.provider.most_at_once(), 1);
    let numbers: Vec<_> = said.iter().map(|message| message["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=u64::try_from(said.len()).unwrap()).collect::<Vec<_>>());
    // Each call is booked once.
    let root = super::admin(&stage).await;
    let api = Api::of(&beside);
    let report = until_async("all is booked", async || {
        let report = api.get("/usage/report?group_by=model").user(&root).expect(200).await;
        (report["items"][0]["calls"] == answers.len()).then_some(report["items"][0].clone())
    })
    .await;
    let sum = (&report["input_tokens"], &report["output_tokens"]);
    assert_eq!(sum, (&json!(10 * answers.len()), &json!(5 * answers.len())));
}

#[tokio::test]
async fn a_quota_holds_for_both_nodes_together() {
    let stage = Stage::new().await;
    let beside = builder(&stage.provider).beside(&stage.server).start().await;
    let bot = stage.project.chatbot_with("marvin", MODEL, "Be brief.").await;
    // Ten and five tokens a call: six make 90, and the seventh goes over, by what its estimate missed.
    let limit = Limit { tokens: Some(100), money: None };
    let conn = &mut stage.project.conn().await;
    quotas::set(conn, Level::Project, stage.project.id.0, Side::Own, limit).await.unwrap();
    let people = stage.project.crowd(10).await;
    let nodes = [&stage.server, &beside];
    let talks = people.iter().zip(nodes.into_iter().cycle()).map(async |(user, node)| {
        let new = json!({ "kind": "assistant", "chatbot": bot });
        let made = Api::of(node).post("/conversations").json(new).user(user).expect(201).await;
        let mut client = node.connect(user).await;
        client.say(made["id"].as_str().unwrap(), "hello").await;
        loop {
            match client.next().await {
                Event::Push { kind, .. } if kind == "llm.done" => break true,
                Event::Push { kind, data } if kind == "llm.error" => {
                    assert_eq!(data["code"], "quota_exceeded");
                    break false;
                }
                _ => {}
            }
        }
    });
    let served = join_all(talks).await.into_iter().filter(|served| *served).count();
    assert_eq!((served, stage.provider.asked().len()), (7, 7));
    let root = super::admin(&stage).await;
    let api = Api::of(&stage.server);
    let standing = until_async("all is booked", async || {
        let standing = api.get("/quota").user(&root).expect(200).await;
        (standing["tokens"]["reserved"] == 0).then_some(standing)
    })
    .await;
    assert_eq!(standing["tokens"], json!({ "used": 105, "reserved": 0, "quota": 100, "remaining": 0 }));
}
