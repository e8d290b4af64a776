//! What bots use up is counted, and ends where a quota is.

use super::{Stage, admin, hear};
use crate::rest::api::Api;
use crate::support::provider::{Reply, pieces};
use crate::support::wait::until_async;
use serde_json::json;

#[tokio::test]
async fn answers_count_for_who_asked_and_end_where_the_quota_is() {
    let stage = Stage::new().await;
    let root = admin(&stage).await;
    let alice = stage.project.user("alice").await;
    let (_, group) = stage.bot(&[&alice], "mistral-large-latest", "Be brief.").await;
    let (api, mut client) = (Api::of(&stage.server), stage.server.connect(&alice).await);
    let set = async |tokens: u64| {
        api.call(reqwest::Method::PUT, "/users/alice/quota")
            .json(json!({ "tokens": tokens }))
            .user(&root)
            .expect(200)
            .await
    };
    set(1_000).await;
    stage.provider.will(Reply::Say(pieces(&["forty-two"]), Some((300, 40))));
    client.say(&group, "the answer?").await;
    hear(&mut client).await;
    until_async("the answer is booked", async || {
        let usage = api.get("/usage").user(&alice).expect(200).await;
        (usage["tokens"]["used"] == 340).then_some(())
    })
    .await;
    // The model may write what is left, and no more.
    set(500).await;
    stage.provider.will(Reply::Say(pieces(&["more"]), Some((100, 60))));
    client.say(&group, "and then?").await;
    hear(&mut client).await;
    let allowed = stage.provider.asked()[1].body["max_tokens"].as_u64().unwrap();
    assert!((1..160).contains(&allowed), "{allowed}");
    until_async("that too", async || {
        let usage = api.get("/usage").user(&alice).expect(200).await;
        (usage["tokens"]["used"] == 500).then_some(())
    })
    .await;
    client.forget().await;
    client.say(&group, "and now?").await;
    let error = client.next_push("llm.error").await;
    assert_eq!((&error["code"], &error["conversation"]), (&json!("quota_exceeded"), &json!(group)));
    assert_eq!(stage.provider.asked().len(), 2);
    // With a higher one it goes on.
    set(100_000).await;
    client.say(&group, "now?").await;
    assert_eq!(hear(&mut client).await.0, "ok");
}

#[tokio::test]
async fn a_call_that_failed_costs_nothing() {
    let stage = Stage::new().await;
    let alice = stage.project.user("alice").await;
    let (_, group) = stage.bot(&[&alice], "mistral-large-latest", "Be brief.").await;
    let (api, mut client) = (Api::of(&stage.server), stage.server.connect(&alice).await);
    stage.provider.will(Reply::Status(401, None));
    client.say(&group, "hello?").await;
    client.next_push("llm.error").await;
    until_async("what was reserved is given back", async || {
        let usage = api.get("/usage").user(&alice).expect(200).await;
        (usage["tokens"]["used"] == 0 && usage["tokens"]["reserved"] == 0).then_some(())
    })
    .await;
}
