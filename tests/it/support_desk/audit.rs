//! The audit trail: every step, who, when, from whom to whom.

use super::{Desk, at, id};
use serde_json::json;

#[tokio::test]
async fn every_step_is_written_down_with_who_and_when() {
    let desk = Desk::open().await;
    let request = desk.request(&desk.alice).await;
    desk.step(&desk.carol, &request, "take").await;
    let session = desk.session(&desk.carol, &request).await;
    let post = |what: &str| desk.api.post(&at(&request, what));
    post("transfer").json(json!({ "to": desk.dan.id })).user(&desk.root).expect(200).await;
    post("notes").json(json!({ "body": "x" })).user(&desk.carol).expect(201).await;
    desk.api.put(&at(&request, "tags")).json(json!({ "tags": ["b", "a"] })).user(&desk.dan).expect(200).await;
    desk.api.post(&format!("/support/sessions/{}/close", id(&session))).user(&desk.alice).expect(200).await;
    desk.step(&desk.dan, &request, "resolve").await;
    desk.step(&desk.root, &request, "reopen").await;
    desk.step(&desk.dan, &request, "resolve").await;
    post("rating").json(json!({ "stars": 2 })).user(&desk.alice).expect(200).await;
    desk.step(&desk.root, &request, "close").await;
    // What is refused is no step.
    post("take").user(&desk.carol).refused(409, "conflict").await;

    let (mut items, mut after) = (Vec::new(), String::new());
    loop {
        let page = desk.get(&desk.carol, &at(&request, &format!("audit?limit=5{after}"))).await;
        items.extend(page["items"].as_array().unwrap().clone());
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    let (alice, carol, dan, root) = ("alice", "carol", "dan", "root");
    let expected = [
        ("created", alice, None, None),
        ("taken", carol, None, Some(carol)),
        ("session_opened", carol, None, None),
        ("transferred", root, Some(carol), Some(dan)),
        ("noted", carol, None, None),
        ("tagged", dan, None, None),
        ("session_closed", alice, None, None),
        ("resolved", dan, None, None),
        ("reopened", root, Some(dan), Some(dan)),
        ("resolved", dan, None, None),
        ("rated", alice, None, None),
        ("closed", root, None, None),
    ];
    let seen: Vec<_> = items
        .iter()
        .map(|step| {
            let name = |field: &str| step[field]["username"].as_str();
            (step["step"].as_str().unwrap(), name("actor").unwrap(), name("from"), name("to"))
        })
        .collect();
    assert_eq!(seen, expected);
    let times: Vec<&str> = items.iter().map(|step| step["at"].as_str().unwrap()).collect();
    assert!(times.is_sorted());
    assert_eq!((&items[2]["session"], &items[6]["session"]), (&session["id"], &session["id"]));
    assert_eq!((&items[5]["detail"], &items[10]["detail"]), (&json!("a, b"), &json!("2")));
}
