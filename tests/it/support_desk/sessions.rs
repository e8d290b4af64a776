//! Sessions are conversations: whose they are, what is said there, and that they end.

use super::{Desk, at, conversation, of};
use crate::support::client::{each, text};
use serde_json::json;

#[tokio::test]
async fn a_session_is_a_conversation_of_the_two() {
    let desk = Desk::open().await;
    let [mut alice_s, mut carol_s] = desk.server.connect_all([&desk.alice, &desk.carol]).await;
    let request = desk.request(&desk.alice).await;
    let session = desk.session(&desk.alice, &request).await;
    let mut keys: Vec<_> = session.as_object().unwrap().keys().cloned().collect();
    keys.sort();
    assert_eq!(keys, ["conversation", "created_at", "id", "request", "status", "updated_at"]);
    assert_eq!((&session["request"], &session["status"]), (&request["id"], &json!("ACTIVE")));
    assert_eq!(desk.api.post(&at(&request, "sessions")).user(&desk.alice).expect(200).await["id"], session["id"]);
    let room = conversation(&session);
    alice_s.say(room, "anybody there?").await;
    carol_s.refused("message.fetch", json!({ "conversation": room })).await.expect(404, "not_found");
    desk.step(&desk.carol, &request, "take").await;
    let seen = desk.get(&desk.carol, &format!("/conversations/{room}")).await;
    assert_eq!(
        (&seen["kind"], &seen["member_count"], &seen["permission"]),
        (&json!("support"), &json!(2), &json!("a"))
    );
    // Deliveries and receipts are as everywhere.
    carol_s.say(room, "yes").await;
    assert_eq!(alice_s.next_push("message.text").await["body"], "yes");
    alice_s.ok("message.read", json!({ "conversation": room, "seq": 2 })).await;
    assert_eq!(carol_s.next_push("message.read").await["seq"], 2);
    let page = desk.get(&desk.carol, &of(&session, "messages?limit=1")).await;
    assert_eq!((each(&page["messages"], "status"), &page["more"]), (vec![&json!("READ")], &json!(true)));
    let before = desk.get(&desk.alice, &of(&session, "messages?before_seq=2")).await;
    assert_eq!(each(&before["messages"], "body"), ["anybody there?"]);
    let after = desk.get(&desk.alice, &of(&session, "messages?after_seq=1")).await;
    assert_eq!(each(&after["messages"], "body"), ["yes"]);
}

#[tokio::test]
async fn only_the_desk_decides_who_is_there() {
    let desk = Desk::open().await;
    let (_, session) = desk.talk(&desk.alice, &desk.carol).await;
    let [mut alice_s, mut carol_s] = desk.server.connect_all([&desk.alice, &desk.carol]).await;
    let room = conversation(&session);
    for change in [
        json!({ "add": ["bob"] }),
        json!({ "remove": ["alice"] }),
        json!({ "remove": ["carol"] }),
        json!({ "title": "x" }),
    ] {
        let change = crate::support::client::with(json!({ "conversation": room }), change);
        for client in [&mut alice_s, &mut carol_s] {
            client.refused("group.update", change.clone()).await.expect(403, "forbidden");
        }
    }
    carol_s.refused("group.delete", json!({ "conversation": room })).await.expect(403, "forbidden");
    desk.api.delete(&format!("/conversations/{room}/members/alice")).user(&desk.alice).refused(403, "forbidden").await;
}

#[tokio::test]
async fn a_closed_session_takes_nothing_more_and_another_can_follow() {
    let desk = Desk::open().await;
    let (request, session) = desk.talk(&desk.alice, &desk.carol).await;
    let [mut alice_s, mut carol_s] = desk.server.connect_all([&desk.alice, &desk.carol]).await;
    let room = conversation(&session);
    let said = alice_s.say(room, "bye").await;
    let closed = desk.api.post(&of(&session, "close")).user(&desk.alice).expect(200).await;
    assert_eq!(closed["status"], "CLOSED");
    for client in [&mut alice_s, &mut carol_s] {
        assert_eq!(client.next_push("support.session").await["status"], "CLOSED");
        assert_eq!(client.next_push("group.update").await["permission"], "r");
        client.refused("message.text", text(room, "more")).await.expect(403, "read_only");
        let edit = json!({ "conversation": room, "message": said["id"], "body": "no" });
        client.refused("message.edit", edit).await.expect(403, "read_only");
    }
    desk.api.post(&of(&session, "close")).user(&desk.carol).refused(409, "conflict").await;
    assert_eq!(desk.get(&desk.carol, &of(&session, "messages")).await["messages"][0]["body"], "bye");
    // The request goes on, and so may the talk.
    let second = desk.session(&desk.carol, &request).await;
    assert_ne!(second["id"], session["id"]);
    alice_s.say(conversation(&second), "hello again").await;
    let all = desk.get(&desk.alice, &at(&request, "sessions")).await;
    assert_eq!(each(&all["items"], "status"), ["CLOSED", "ACTIVE"]);
    assert_eq!(desk.get(&desk.alice, &format!("/support/sessions/{}", super::id(&second))).await["id"], second["id"]);
    // Whoever gets the request reads all of it; who had it nothing.
    let transfer = desk.api.post(&at(&request, "transfer")).json(json!({ "to": "dan" }));
    transfer.user(&desk.carol).expect(200).await;
    for session in [&session, &second] {
        assert_eq!(desk.get(&desk.dan, &of(session, "messages")).await["messages"].as_array().unwrap().len(), 1);
        desk.api.get(&of(session, "messages")).user(&desk.carol).refused(404, "not_found").await;
    }
    desk.step(&desk.dan, &request, "resolve").await;
    desk.api.post(&at(&request, "sessions")).user(&desk.alice).refused(409, "conflict").await;
}

#[tokio::test]
async fn the_conversation_of_a_session_is_found_by_its_members_only() {
    use palabre::model::SupportSessionId;
    use palabre::store::support::conversation_of_session;
    let desk = Desk::open().await;
    let (_, session) = desk.talk(&desk.alice, &desk.carol).await;
    let other = desk.server.project("other").await;
    let id: SupportSessionId = super::id(&session).parse().unwrap();
    let conn = &mut desk.project.conn().await;
    for (project, user, is_found) in [
        (desk.project.id, &desk.alice, true),
        (desk.project.id, &desk.carol, true),
        (desk.project.id, &desk.dan, false),
        (desk.project.id, &desk.bob, false),
        (other.id, &desk.alice, false),
    ] {
        let found = conversation_of_session(conn, project, user.row.id, id).await.unwrap();
        assert_eq!(found.map(|found| found.to_string()).as_deref(), is_found.then(|| conversation(&session)));
    }
}
