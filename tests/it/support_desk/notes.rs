//! Notes, tags and canned answers: the agents' own, nowhere to be seen for customers.

use super::{Desk, at, conversation, id, of, pushes};
use crate::support::client::each;
use crate::support::crypto::http_client;
use crate::support::wait::until_async;
use serde_json::{Value, json};

#[tokio::test]
async fn no_way_leads_from_a_note_to_the_customer() {
    let desk = Desk::open().await;
    let (request, session) = desk.talk(&desk.alice, &desk.carol).await;
    let [mut alice_s, mut carol_s] = desk.server.connect_all([&desk.alice, &desk.carol]).await;
    let add = |body: &str| desk.api.post(&at(&request, "notes")).json(json!({ "body": body })).user(&desk.dan);
    let note = add("zanzibar is a secret").expect(201).await;
    assert_eq!((&note["body"], &note["author"]), (&json!("zanzibar is a secret"), &desk.dan.shape()));
    add("zanzibar\nagain").expect(201).await;
    let tags = json!({ "tags": ["zanzibar", "a", "a"] });
    let tagged = desk.api.put(&at(&request, "tags")).json(tags).user(&desk.carol).expect(200).await;
    assert_eq!(tagged["tags"], json!(["a", "zanzibar"]));
    // It takes no number: what is said next is message 1.
    let said = carol_s.say(conversation(&session), "said aloud").await;
    assert_eq!(said["seq"], 1);
    until_async("search knows what was said", async || {
        let found = desk.get(&desk.alice, "/support/search?q=aloud").await;
        (!found["items"].as_array().unwrap().is_empty()).then_some(())
    })
    .await;
    let url = format!("http://{}/api/v1{}", desk.server.addresses.http, of(&session, "transcript"));
    let transcript = http_client().get(&url).bearer_auth(&desk.alice.token).send().await.unwrap();
    let mut seen = vec![json!(transcript.text().await.unwrap())];
    for path in [
        "/support/search?q=zanzibar".to_owned(),
        "/messages/search?q=zanzibar".to_owned(),
        "/support/requests".to_owned(),
        format!("/support/requests/{}", id(&request)),
        at(&request, "sessions"),
        of(&session, "messages"),
        format!("/conversations/{}", conversation(&session)),
        format!("/conversations/{}/messages", conversation(&session)),
    ] {
        seen.push(desk.get(&desk.alice, &path).await);
    }
    alice_s.sync().await;
    seen.extend(alice_s.take_inbox().iter().map(|event| json!(format!("{event:?}"))));
    for seen in seen {
        assert!(!seen.to_string().contains("zanzibar"), "{seen}");
    }
    // Agents have it, in its order, by pages.
    let first = desk.get(&desk.carol, &at(&request, "notes?limit=1")).await;
    let rest = format!("notes?limit=1&after={}", first["next"].as_str().unwrap());
    let rest = desk.get(&desk.root, &at(&request, &rest)).await;
    assert_eq!(first["items"][0], note);
    assert_eq!((each(&rest["items"], "body"), rest.get("next")), (vec![&json!("zanzibar\nagain")], None));
    // And nobody is told of a note.
    assert_eq!(pushes(&mut carol_s, "support.note").await, Vec::<Value>::new());
}

#[tokio::test]
async fn canned_answers_are_kept_changed_and_deleted() {
    let desk = Desk::open().await;
    let (api, carol) = (&desk.api, &desk.carol);
    let add =
        |name: &str| api.post("/support/canned").json(json!({ "name": name, "body": format!("{name}!") })).user(carol);
    let hello = add("hello").expect(201).await;
    assert_eq!((&hello["name"], &hello["body"]), (&json!("hello"), &json!("hello!")));
    add("bye").expect(201).await;
    add("bye").refused(409, "name_taken").await;
    api.post("/support/canned").json(json!({ "name": "", "body": "" })).user(carol).invalid(&["name", "body"]).await;
    let one = format!("/support/canned/{}", id(&hello));
    let change = |body: Value| api.patch(&one).json(body).user(&desk.dan);
    change(json!({ "name": "bye" })).refused(409, "name_taken").await;
    change(json!({ "body": "" })).invalid(&["body"]).await;
    let changed = change(json!({ "body": "Good morning" })).expect(200).await;
    assert_eq!((&changed["name"], &changed["body"]), (&json!("hello"), &json!("Good morning")));
    let first = desk.get(carol, "/support/canned?limit=1").await;
    assert_eq!(each(&first["items"], "name"), ["bye"]);
    let rest = desk.get(carol, &format!("/support/canned?after={}", first["next"].as_str().unwrap())).await;
    assert_eq!(rest, json!({ "items": [changed] }));
    // Another project's agents have their own.
    let other = desk.server.project("other").await;
    let stranger = other.user("carol").await;
    super::set_role(&other, &stranger, palabre::model::account::UserRole::Agent).await;
    assert_eq!(desk.get(&stranger, "/support/canned").await, json!({ "items": [] }));
    api.delete(&one).user(&stranger).refused(404, "not_found").await;
    api.patch(&one).json(json!({ "body": "x" })).user(&stranger).refused(404, "not_found").await;
    assert_eq!(api.delete(&one).user(carol).send().await.status, 204);
    api.delete(&one).user(carol).refused(404, "not_found").await;
}
