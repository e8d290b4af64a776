//! Quotas and what was used, over REST.

use super::api::Api;
use super::{admin, app, start};
use crate::support::crypto;
use crate::support::project::{Project, TestUser};
use crate::support::server::{TestClock, TestServer};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use palabre::assistant::quota::Call;
use palabre::model::quota::{Price, Used, Wish};
use palabre::model::{ChatbotId, ConversationId};
use palabre::store::accounts;
use palabre::store::schema::projects;
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

/// An answer of a model that was asked by a user.
struct Spent<'a> {
    user: Option<&'a TestUser>,
    chatbot: Option<&'a str>,
    conversation: Option<&'a str>,
    model: &'a str,
    used: (u64, u64),
}

impl Default for Spent<'_> {
    fn default() -> Self {
        Self { user: None, chatbot: None, conversation: None, model: "m", used: (1, 1) }
    }
}

async fn spend(server: &TestServer, project: &Project, spent: Spent<'_>) {
    let Spent { user, chatbot, conversation, model, used: (input, output) } = spent;
    let call = Call {
        project: project.id,
        user: user.map(|user| user.row.id),
        conversation: conversation.map(|id| id.parse::<ConversationId>().unwrap()),
        chatbot: chatbot.map(|id| id.parse::<ChatbotId>().unwrap()),
        model: model.to_owned(),
        // One and two a million.
        wish: Wish { input, output, price: Some(Price { input: 1_000_000, output: 2_000_000 }) },
    };
    let reservation = server.chat.quota.reserve(call).await.ok().unwrap();
    reservation.settle(Used { input, output }).await.unwrap();
}

/// A CSV and its `Link`.
async fn sheet(server: &TestServer, user: &TestUser, path: &str, accept: Option<&str>) -> (String, Option<String>) {
    let address = format!("http://{}/api/v1{path}", server.addresses.http);
    let mut request = crypto::http_client().get(address).bearer_auth(&user.token);
    if let Some(accept) = accept {
        request = request.header("Accept", accept);
    }
    let response = request.send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    assert_eq!(response.headers()["content-type"], "text/csv; charset=utf-8");
    let link = response.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
    (response.text().await.unwrap(), link)
}

#[tokio::test]
async fn users_see_their_month() {
    let clock = TestClock::default();
    let server = TestServer::builder().clock(&clock).start().await;
    let (project, api) = (server.project("p").await, Api::of(&server));
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let fresh = api.get("/usage").user(&alice).expect(200).await;
    assert_eq!(fresh["tokens"], json!({ "used": 0, "reserved": 0, "quota": 50_000, "remaining": 50_000 }));
    assert_eq!((&fresh["money"], &fresh["days"]), (&json!({ "used": 0, "reserved": 0 }), &json!([])));
    assert_eq!(fresh["currency"], "EUR");

    spend(&server, &project, Spent { user: Some(&alice), used: (100, 20), ..Spent::default() }).await;
    spend(&server, &project, Spent { user: Some(&alice), used: (30, 4), ..Spent::default() }).await;
    spend(&server, &project, Spent { user: Some(&bob), used: (1_000, 1), ..Spent::default() }).await;
    let usage = api.get("/usage").user(&alice).expect(200).await;
    assert_eq!(usage["tokens"], json!({ "used": 154, "reserved": 0, "quota": 50_000, "remaining": 49_846 }));
    assert_eq!(usage["money"], json!({ "used": 178, "reserved": 0 }));
    let today = chrono::Utc::now().date_naive().to_string();
    assert_eq!(usage["days"][0]["day"], today);
    let day = &usage["days"][0];
    assert_eq!((&day["calls"], &day["input_tokens"], &day["output_tokens"]), (&json!(2), &json!(130), &json!(24)));
    assert!(usage["resets_at"].as_str().unwrap().ends_with("-01T00:00:00.000Z"), "{usage}");

    // The next month begins with nothing; tokens of now have ended by then.
    clock.advance(Duration::from_secs(32 * 24 * 3600));
    let token = alice.token(chrono::Utc::now() + chrono::TimeDelta::days(32), Duration::from_secs(3600));
    let next = api.get("/usage").bearer(&token).expect(200).await;
    assert_eq!((&next["tokens"]["used"], &next["days"]), (&json!(0), &json!([])));

    api.get("/usage").refused(401, "unauthorized").await;
    api.get("/usage").key(&app(&project, "game").await).refused(403, "forbidden").await;
}

#[tokio::test]
async fn quotas_are_set_where_one_may() {
    let (server, project, api) = start().await;
    let (alice, root, key) = (project.user("alice").await, admin(&project, "root").await, app(&project, "game").await);
    let group = project.group_of(&[&alice]).await;
    let organization: palabre::model::OrganizationId = projects::table
        .find(project.id)
        .select(projects::organization_id)
        .first(&mut project.conn().await)
        .await
        .unwrap();
    let row = accounts::organization_by(&mut project.conn().await, &organization.to_string()).await.unwrap().unwrap();
    let token = palabre::wire::token::Tokens::new(crate::support::http::SECRET.as_bytes())
        .issue_organization(&accounts::token_of_organization(&row), chrono::Utc::now(), Duration::from_secs(3600))
        .unwrap();

    let of_user =
        api.put("/users/alice/quota").user(&root).json(json!({ "tokens": 100, "money": 7 })).expect(200).await;
    assert_eq!((&of_user["level"], &of_user["id"]), (&json!("user"), &json!(alice.id)));
    assert_eq!(of_user["tokens"], json!({ "used": 0, "reserved": 0, "quota": 100, "remaining": 100 }));
    assert_eq!(of_user["set"], json!({ "tokens": 100, "money": 7 }));
    assert_eq!(api.get("/users/alice/quota").key(&key).expect(200).await, of_user);
    let mine = api.get("/usage").user(&alice).expect(200).await;
    assert_eq!((&mine["tokens"], &mine["money"]), (&of_user["tokens"], &of_user["money"]));
    let default = api.put("/users/alice/quota").key(&key).json(json!({ "tokens": null })).expect(200).await;
    assert_eq!((&default["tokens"]["quota"], &default["set"]), (&json!(50_000), &json!({})));

    let path = format!("/conversations/{group}/quota");
    let of_group = api.put(&path).user(&root).json(json!({ "tokens": 90 })).expect(200).await;
    assert_eq!((&of_group["level"], &of_group["tokens"]["quota"]), (&json!("conversation"), &json!(90)));
    assert_eq!(api.get(&path).user(&root).expect(200).await, of_group);

    api.put("/quota").user(&root).json(json!({ "tokens": 1_000 })).expect(200).await;
    let capped = api.put("/projects/p/quota").bearer(&token).json(json!({ "tokens": 500 })).expect(200).await;
    assert_eq!((&capped["level"], &capped["tokens"]["quota"]), (&json!("project"), &json!(500)));
    let own = api.put("/quota").key(&key).json(json!({ "tokens": 2_000 })).expect(200).await;
    assert_eq!(own["tokens"]["quota"], 500, "nobody goes above what the organization set");
    assert_eq!((&own["set"], &own["set_by_organization"]), (&json!({ "tokens": 2_000 }), &json!({ "tokens": 500 })));
    assert_eq!(api.get("/quota").user(&root).expect(200).await, own);
    assert_eq!(api.get("/projects/p/quota").bearer(&token).expect(200).await, own);

    let all = api.put("/organizations/me/quota").bearer(&token).json(json!({ "money": 3 })).expect(200).await;
    assert_eq!((&all["level"], &all["money"]["quota"]), (&json!("organization"), &json!(3)));
    assert_eq!(api.get("/organizations/me/quota").bearer(&token).expect(200).await, all);
    spend(&server, &project, Spent { user: Some(&alice), used: (1, 1), ..Spent::default() }).await;
    let all = api.get("/organizations/me/quota").bearer(&token).expect(200).await;
    assert_eq!(
        (&all["money"]["used"], &all["money"]["remaining"], &all["tokens"]["used"]),
        (&json!(3), &json!(0), &json!(2))
    );
}

#[tokio::test]
async fn nobody_else_sets_or_sees_quotas() {
    let (server, project, api) = start().await;
    let (alice, root) = (project.user("alice").await, admin(&project, "root").await);
    let group = project.group_of(&[&alice]).await;
    let other = server.project("q").await;
    let stranger = admin(&other, "root").await;
    let new = || json!({ "tokens": 1 });
    let of_group = format!("/conversations/{group}/quota");
    for path in ["/users/alice/quota", &of_group, "/quota"] {
        api.get(path).refused(401, "unauthorized").await;
        api.get(path).user(&alice).refused(403, "forbidden").await;
        api.put(path).user(&alice).json(new()).refused(403, "forbidden").await;
    }
    for path in ["/projects/p/quota", "/organizations/me/quota"] {
        api.get(path).user(&root).refused(403, "forbidden").await;
        api.put(path).user(&root).json(new()).refused(403, "forbidden").await;
    }
    for path in ["/users/alice/quota", &of_group, "/users/nobody/quota"] {
        api.get(path).user(&stranger).refused(404, "not_found").await;
        api.put(path).user(&stranger).json(new()).refused(404, "not_found").await;
    }
    let missing = format!("/conversations/{}/quota", Uuid::new_v4());
    api.get(&missing).user(&root).refused(404, "not_found").await;
    api.get("/conversations/none/quota").user(&root).refused(404, "not_found").await;
    let most = 1_000_000_000_000_000_u64;
    let put = |body: Value| api.put("/quota").user(&root).json(body);
    put(json!({ "tokens": most, "money": 0 })).expect(200).await;
    put(json!({ "tokens": most + 1, "money": most + 1 })).invalid(&["tokens", "money"]).await;
    put(json!({ "tokens": -1 })).invalid(&["tokens"]).await;
    put(json!({ "money": 1.5 })).invalid(&["money"]).await;
    put(json!({ "other": 1 })).invalid(&["other"]).await;
    api.put("/quota").user(&root).refused(400, "bad_envelope").await;
}

#[tokio::test]
async fn a_report_sums_up_by_what_is_asked() {
    let (server, project, api) = start().await;
    let root = admin(&project, "root").await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let (one, two) = (project.chatbot("one").await, project.chatbot("two").await);
    let group = project.group_of(&[&alice, &bob]).await;
    let (a, b) = (Some(&alice), Some(&bob));
    let (one, two, here) = (Some(one.as_str()), Some(two.as_str()), Some(group.as_str()));
    for spent in [
        Spent { user: a, chatbot: one, model: "large", used: (10, 1), conversation: here },
        Spent { user: a, chatbot: one, model: "large", used: (20, 2), ..Spent::default() },
        Spent { user: a, chatbot: two, model: "small", used: (30, 3), ..Spent::default() },
        Spent { user: b, chatbot: two, model: "small", used: (40, 4), conversation: here },
        Spent { model: "large", used: (50, 5), ..Spent::default() },
    ] {
        spend(&server, &project, spent).await;
    }
    // What another project used is in no report of this one.
    let other = server.project("q").await;
    spend(&server, &other, Spent { used: (7, 7), ..Spent::default() }).await;

    let report = async |query: &str| {
        let answer = api.get(&format!("/usage/report{query}")).user(&root).expect(200).await;
        answer["items"].as_array().unwrap().clone()
    };
    let sum = |row: &Value| (row["calls"].as_i64().unwrap(), row["input_tokens"].as_i64().unwrap());
    let mut users = report("?group_by=user").await;
    users.sort_by_key(|row| row["input_tokens"].as_i64());
    assert_eq!(users.iter().map(sum).collect::<Vec<_>>(), [(1, 40), (1, 50), (3, 60)]);
    assert_eq!(users[0]["user"], json!({ "id": bob.id, "name": "bob" }));
    assert_eq!(users[1].get("user"), None, "nobody asked");
    assert_eq!(
        users[2],
        json!({
            "user": { "id": alice.id, "name": "alice" }, "calls": 3, "input_tokens": 60, "output_tokens": 6, "money": 72,
        })
    );
    let models = report("?group_by=model").await;
    assert_eq!(
        models.iter().map(|row| (row["model"].as_str().unwrap(), sum(row))).collect::<Vec<_>>(),
        [("large", (3, 80)), ("small", (2, 70)),]
    );
    let bots = report("?group_by=chatbot").await;
    assert_eq!(bots.len(), 3);
    assert!(bots.iter().any(|row| row["chatbot"]["name"] == "two" && sum(row) == (2, 70)), "{bots:?}");
    let days = report("?group_by=day").await;
    assert_eq!(days.iter().map(sum).collect::<Vec<_>>(), [(5, 150)]);
    assert_eq!(days[0]["day"], chrono::Utc::now().date_naive().to_string());
    assert_eq!(report("").await.len(), 4, "by user, chatbot, model and day");
    assert_eq!(report("?group_by=user,conversation").await.len(), 4);

    let only = |name: &str, value: &str| format!("?group_by=day&{name}={value}");
    assert_eq!(sum(&report(&only("user", &alice.id)).await[0]), (3, 60));
    assert_eq!(sum(&report(&only("chatbot", two.unwrap())).await[0]), (2, 70));
    assert_eq!(sum(&report(&only("model", "large")).await[0]), (3, 80));
    assert_eq!(sum(&report(&only("conversation", &group)).await[0]), (2, 50));
    assert_eq!(report("?group_by=day&from=2020-01-01&to=2020-12-31").await, [Value::Null; 0]);
    assert_eq!(report("?group_by=day&from=2020-01-01&to=9999-12-31").await.len(), 1);

    // Page by page it is the same.
    let (mut pages, mut after) = (Vec::new(), String::new());
    loop {
        let page = api.get(&format!("/usage/report?limit=1{after}")).user(&root).expect(200).await;
        pages.extend(page["items"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(pages, report("").await);
}

#[tokio::test]
async fn a_report_is_for_administrators_and_refuses_what_makes_no_sense() {
    let (_server, project, api) = start().await;
    let (alice, root) = (project.user("alice").await, admin(&project, "root").await);
    api.get("/usage/report").refused(401, "unauthorized").await;
    api.get("/usage/report").user(&alice).refused(403, "forbidden").await;
    api.get("/usage/report").key(&app(&project, "game").await).expect(200).await;
    for (query, field) in [
        ("group_by=other", "group_by"),
        ("group_by=", "group_by"),
        ("from=2026-02-30", "from"),
        ("to=tomorrow", "to"),
        ("user=alice", "user"),
        ("model=", "model"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("after=!", "after"),
        ("after=YWxpY2U", "after"),
        ("format=xml", "format"),
        ("other=1", "other"),
    ] {
        api.get(&format!("/usage/report?{query}")).user(&root).invalid(&[field]).await;
    }
}

#[tokio::test]
async fn a_report_comes_as_a_table_without_formulas() {
    let (server, project, _) = start().await;
    let root = admin(&project, "root").await;
    let evil = project.user("=cmd()").await;
    let bot = project.chatbot("@SUM(1+1)").await;
    spend(
        &server,
        &project,
        Spent { user: Some(&evil), chatbot: Some(&bot), model: "-m,\"1\"", used: (3, 4), ..Spent::default() },
    )
    .await;
    let (table, link) =
        sheet(&server, &root, "/usage/report?group_by=user,chatbot,model", Some("text/csv, application/json;q=0.5"))
            .await;
    let lines: Vec<&str> = table.split("\r\n").collect();
    assert_eq!(
        lines[0],
        "user,username,chatbot,chatbot_name,model,calls,input_tokens,output_tokens,money_millionths,currency"
    );
    assert_eq!(lines[1], format!("{},'=cmd(),{bot},'@SUM(1+1),\"'-m,\"\"1\"\"\",1,3,4,11,EUR", evil.id));
    assert_eq!((&lines[2..], link), (&[""][..], None));

    for number in 0..3 {
        spend(&server, &project, Spent { model: &format!("model{number}"), ..Spent::default() }).await;
    }
    let (mut path, mut models) = ("/usage/report?format=csv&group_by=model&limit=3".to_owned(), Vec::new());
    loop {
        let (table, link) = sheet(&server, &root, &path, None).await;
        models.extend(table.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned()));
        let Some(link) = link else { break };
        let next = link.strip_prefix("</api/v1").unwrap().strip_suffix(">; rel=\"next\"").unwrap();
        assert!(next.contains("after=") && next.contains("limit=3"), "{next}");
        path = next.to_owned();
    }
    assert_eq!(models, ["\"'-m", "model0", "model1", "model2"]);
}
