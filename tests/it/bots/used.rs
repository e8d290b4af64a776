//! What bots used, as users and administrators see it.

use super::{Stage, admin, hear, until_over};
use crate::rest::api::Api;
use crate::support::crypto::http_client;
use crate::support::provider::{Reply, pieces};
use serde_json::{Value, json};

const LARGE: &str = "mistral-large-latest";
const SMALL: &str = "mistral-small-latest";

#[tokio::test]
async fn by_user_bot_model_and_day_in_tokens_and_money() {
    // Two and six a million; the small one costs nothing that anybody knows of.
    let stage = Stage::with(|settings| settings.prices = vec![format!("{LARGE}=2/6").parse().unwrap()]).await;
    let root = admin(&stage.project, "root").await;
    let [alice, bob] = stage.project.users(["alice", "bob"]).await;
    let (api, today) = (Api::of(&stage.server), chrono::Utc::now().date_naive().to_string());
    let (marvin, dear) = stage.bot(&[&alice, &bob], LARGE, "Be brief.").await;
    let eddie = stage.project.chatbot_with("eddie", SMALL, "Be cheerful.").await;
    let cheap = stage.project.group_of(&[&alice]).await;
    stage.project.set_mode(&cheap, "bot", Some(&eddie)).await;
    let [mut a, mut b] = stage.server.connect_all([&alice, &bob]).await;
    stage.provider.will(Reply::Say(pieces(&["one"]), Some((1_000, 500))));
    a.say(&dear, "first").await;
    hear(&mut a).await;
    stage.provider.will(Reply::Say(pieces(&["two"]), Some((2_000, 100))));
    b.forget().await;
    b.say(&dear, "second").await;
    hear(&mut b).await;
    a.forget().await;
    stage.provider.will(Reply::Say(pieces(&["three"]), Some((70, 7))));
    a.say(&cheap, "third").await;
    hear(&mut a).await;
    // One that fails takes nothing, and is no call.
    stage.provider.will(Reply::Status(401, None));
    a.say(&cheap, "fourth").await;
    a.next_push("llm.error").await;
    stage.is_quiet().await;

    let usage = api.get("/usage").user(&alice).expect(200).await;
    assert_eq!(usage["tokens"], json!({ "used": 1_577, "reserved": 0, "quota": 50_000, "remaining": 48_423 }));
    assert_eq!(usage["money"], json!({ "used": 5_000, "reserved": 0 }));
    let day = json!({ "day": today, "calls": 2, "input_tokens": 1_070, "output_tokens": 507, "money": 5_000 });
    assert_eq!(usage["days"], json!([day]));

    let path = "/usage/report?group_by=day,user,chatbot,model";
    let report = api.get(path).user(&root).expect(200).await;
    let row = |user: &Value, bot: &Value, model: &str, rest: Value| {
        let mut row = json!({ "day": today, "user": user, "chatbot": bot, "model": model, "calls": 1 });
        row.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        row
    };
    let named = |id: &str, name: &str| json!({ "id": id, "name": name });
    let (m, e) = (named(&marvin, "marvin"), named(&eddie, "eddie"));
    let (of_alice, of_bob) = (named(&alice.id, "alice"), named(&bob.id, "bob"));
    let expected = [
        row(&of_alice, &m, LARGE, json!({ "input_tokens": 1_000, "output_tokens": 500, "money": 5_000 })),
        row(&of_bob, &m, LARGE, json!({ "input_tokens": 2_000, "output_tokens": 100, "money": 4_600 })),
        row(&of_alice, &e, SMALL, json!({ "input_tokens": 70, "output_tokens": 7, "money": 0 })),
    ];
    let items = report["items"].as_array().unwrap();
    assert_eq!(items.len(), expected.len(), "{report}");
    for row in &expected {
        assert!(items.contains(row), "{row} is not in {report}");
    }
    let of_bot = api.get(&format!("/usage/report?group_by=model&chatbot={marvin}")).user(&root).expect(200).await;
    assert_eq!((&of_bot["items"][0]["calls"], &of_bot["items"][0]["money"]), (&json!(2), &json!(9_600)));
    api.get(path).user(&alice).refused(403, "forbidden").await;

    let address = format!("http://{}/api/v1/usage/report?group_by=model&format=csv", stage.server.addresses.http);
    let sheet = http_client().get(address).bearer_auth(&root.token).send().await.unwrap();
    assert_eq!(sheet.headers()["content-type"], "text/csv; charset=utf-8");
    let sheet = sheet.text().await.unwrap();
    let lines: Vec<_> = sheet.lines().collect();
    assert_eq!(lines.len(), 3, "{sheet}");
    assert!(lines.iter().any(|line| line.contains(LARGE) && line.contains("3000") && line.contains("9600")), "{sheet}");
}

#[tokio::test]
async fn a_quota_in_money_ends_answers_too() {
    let stage = Stage::with(|settings| settings.prices = vec![format!("{LARGE}=2/6").parse().unwrap()]).await;
    let root = admin(&stage.project, "root").await;
    let api = Api::of(&stage.server);
    let (_, group) = stage.bot(&[&root], LARGE, "Be brief.").await;
    let mut client = stage.server.connect(&root).await;
    // Half a cent: some 830 tokens of output.
    api.put("/quota").json(json!({ "money": 5_000 })).user(&root).expect(200).await;
    stage.provider.will(Reply::Say(pieces(&["dear words"]), Some((40, 800))));
    client.say(&group, "tell me").await;
    hear(&mut client).await;
    let allowed = stage.provider.asked()[0].body["max_tokens"].as_u64().unwrap();
    assert!((700..=833).contains(&allowed), "{allowed}");
    let warning = client.next_push("quota.warning").await;
    assert_eq!(warning, json!({ "level": "project", "used": 4_880, "quota": 5_000, "currency": "EUR" }));
    // A little is left, so that it is served; then nothing is.
    stage.provider.will(Reply::Say(pieces(&["more"]), Some((40, 10))));
    client.say(&group, "more").await;
    hear(&mut client).await;
    stage.is_quiet().await;
    client.say(&group, "and more").await;
    let told = until_over(&mut client).await;
    assert_eq!((told[0].0.as_str(), &told[0].1["code"]), ("llm.error", &json!("quota_exceeded")));
    assert_eq!(stage.provider.asked().len(), 2);
}
