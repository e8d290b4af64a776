//! What bots used is seen by who asked and by who runs the project, in tokens and in money.

use super::{Stage, admin, hear};
use crate::rest::api::Api;
use crate::support::crypto::http_client;
use crate::support::provider::{Reply, pieces};
use crate::support::wait::until_async;
use chrono::Utc;
use serde_json::json;

#[tokio::test]
async fn a_report_tells_who_used_which_bot_and_model_on_which_day() {
    // Two and six a million, for one of the models only.
    let stage = Stage::with(|settings| settings.prices = vec!["mistral-large-latest=2/6".parse().unwrap()]).await;
    let (root, api) = (admin(&stage).await, Api::of(&stage.server));
    let [alice, bob] = stage.project.users(["alice", "bob"]).await;
    let mut days = vec![Utc::now().date_naive()];
    let mut bots = Vec::new();
    for (user, name, llm, used) in [
        (&alice, "marvin", "mistral-large-latest", (300, 40)),
        (&alice, "eddie", "gpt-4.1", (100, 10)),
        (&bob, "slartibartfast", "gpt-4.1", (7, 3)),
    ] {
        let bot = stage.project.chatbot_with(name, llm, "Be brief.").await;
        let new = json!({ "kind": "assistant", "chatbot": bot });
        let made = api.post("/conversations").json(new).user(user).expect(201).await;
        let mut client = stage.server.connect(user).await;
        stage.provider.will(Reply::Say(pieces(&["so it is"]), Some(used)));
        client.say(made["id"].as_str().unwrap(), "is it?").await;
        hear(&mut client).await;
        bots.push(bot);
    }
    let report = until_async("all is booked", async || {
        let report = api.get("/usage/report?group_by=day,user,chatbot,model").user(&root).expect(200).await;
        (report["items"].as_array().unwrap().len() == 3).then_some(report)
    })
    .await;
    days.push(Utc::now().date_naive());
    let row = |name: &str| {
        let items = report["items"].as_array().unwrap().iter();
        items.clone().find(|row| row["chatbot"]["name"] == name).unwrap().clone()
    };
    let marvin = row("marvin");
    let day = marvin["day"].as_str().unwrap();
    assert!(days.iter().any(|known| known.to_string() == day), "{day}");
    assert_eq!(
        marvin,
        json!({
            "day": day, "user": { "id": alice.id, "name": "alice" }, "chatbot": { "id": bots[0], "name": "marvin" },
            "model": "mistral-large-latest", "calls": 1, "input_tokens": 300, "output_tokens": 40, "money": 840,
        })
    );
    assert_eq!((&row("eddie")["money"], &row("eddie")["input_tokens"]), (&json!(0), &json!(100)));
    assert_eq!(row("slartibartfast")["user"]["name"], "bob");
    // The same as a table.
    let query = format!("group_by=user,chatbot,model&format=csv&user={}", alice.id);
    let address = format!("http://{}/api/v1/usage/report?{query}", stage.server.addresses.http);
    let answer = http_client().get(address).bearer_auth(&root.token).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/csv; charset=utf-8");
    let text = answer.text().await.unwrap();
    let mut lines: Vec<_> = text.lines().collect();
    let head = lines.remove(0);
    assert_eq!(
        head,
        "user,username,chatbot,chatbot_name,model,calls,input_tokens,output_tokens,money_millionths,currency"
    );
    lines.sort_unstable_by_key(|line| line.contains("marvin"));
    let line = |bot: &str, rest: &str| format!("{},alice,{bot},{rest}", alice.id);
    assert_eq!(
        lines,
        [
            line(&bots[1], "eddie,gpt-4.1,1,100,10,0,EUR"),
            line(&bots[0], "marvin,mistral-large-latest,1,300,40,840,EUR"),
        ]
    );
    // Alice sees her own, in sum.
    let own = api.get("/usage").user(&alice).expect(200).await;
    assert_eq!((&own["tokens"]["used"], &own["money"]["used"]), (&json!(450), &json!(840)));
    assert_eq!(own["days"][0]["calls"], 2);
}

#[tokio::test]
async fn a_quota_in_money_ends_answers_of_models_that_cost() {
    let stage =
        Stage::with(|settings| settings.prices = vec!["mistral-large-latest=1000000/1000000".parse().unwrap()]).await;
    let (root, api) = (admin(&stage).await, Api::of(&stage.server));
    let alice = stage.project.user("alice").await;
    let (_, dear) = stage.bot(&[&alice], "mistral-large-latest", "Be brief.").await;
    let cheap = stage.project.chatbot_with("cheap", "gpt-4.1", "Be brief.").await;
    let mut client = stage.server.connect(&alice).await;
    // A token is one whole unit: 200 may be spent, in millionths.
    let set = json!({ "tokens": 100_000, "money": 200_000_000 });
    api.put("/users/alice/quota").json(set).user(&root).expect(200).await;
    stage.provider.will(Reply::Say(pieces(&["one"]), Some((50, 160))));
    client.say(&dear, "first").await;
    hear(&mut client).await;
    assert!(stage.provider.asked()[0].body["max_tokens"].as_u64().unwrap() < 200);
    until_async("it is booked", async || {
        let own = api.get("/usage").user(&alice).expect(200).await;
        (own["money"]["used"] == 210_000_000 && own["money"]["reserved"] == 0).then_some(())
    })
    .await;
    client.forget().await;
    client.say(&dear, "second").await;
    assert_eq!(client.next_push("llm.error").await["code"], "quota_exceeded");
    // A model without a price goes on.
    client.ok("conversation.mode", json!({ "conversation": dear, "mode": "bot", "chatbot": cheap })).await;
    client.say(&dear, "third").await;
    assert_eq!(hear(&mut client).await.0, "ok");
}

#[tokio::test]
async fn at_four_fifths_of_a_quota_there_is_a_warning_once() {
    let stage = Stage::new().await;
    let (root, api) = (admin(&stage).await, Api::of(&stage.server));
    let alice = stage.project.user("alice").await;
    let (_, group) = stage.bot(&[&alice], "mistral-large-latest", "Be brief.").await;
    let mut client = stage.server.connect(&alice).await;
    api.put("/users/alice/quota").json(json!({ "tokens": 1_000 })).user(&root).expect(200).await;
    for (used, warned) in [((700, 99), None), ((10, 11), Some(820)), ((20, 10), None)] {
        stage.provider.will(Reply::Say(pieces(&["so it is"]), Some(used)));
        client.say(&group, "is it?").await;
        hear(&mut client).await;
        until_async("it is booked", async || {
            let own = api.get("/usage").user(&alice).expect(200).await;
            (own["tokens"]["reserved"] == 0).then_some(())
        })
        .await;
        if let Some(used) = warned {
            let warning = client.next_push("quota.warning").await;
            assert_eq!(warning, json!({ "level": "user", "used": used, "quota": 1_000 }));
        }
        client.expect_no("quota.warning").await;
    }
}
