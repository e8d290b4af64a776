//! Contacts: invitations, acceptance, removal, blocks, and the private conversation that comes of it.

use super::start;
use crate::support::client::{Client, text};
use serde_json::{Value, json};

async fn act(client: &mut Client, action: &str, user: &str) -> Value {
    client.ok("contact.update", json!({ "user": user, "action": action })).await
}

async fn status_of(client: &mut Client, user: &str) -> Option<Value> {
    let page = client.ok("contact.summary", json!({})).await;
    let contacts = page["contacts"].as_array().unwrap();
    contacts.iter().find(|contact| contact["user"]["username"] == user).map(|contact| contact["status"].clone())
}

#[tokio::test]
async fn an_accepted_invitation_makes_contacts_and_a_private_conversation() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let [mut alice, mut phone, mut bob] = server.connect_all([&alice, &alice, &bob]).await;

    let invited = act(&mut alice, "invite", "bob").await;
    assert_eq!(invited, json!({ "user": bob.shape(), "status": "invited" }));
    assert_eq!(phone.next_push("contact.update").await, invited, "one's other sessions hear of it");
    let pending = bob.next_push("contact.update").await;
    assert_eq!(pending, json!({ "user": alice.shape(), "status": "pending" }));
    // Inviting twice confirms; the other hears nothing anew.
    assert_eq!(act(&mut alice, "invite", &bob.id()).await, invited);

    let accepted = act(&mut bob, "accept", "alice").await;
    let conversation = accepted["conversation"].clone();
    assert_eq!(accepted, json!({ "user": alice.shape(), "status": "accepted", "conversation": conversation }));
    for client in [&mut alice, &mut phone] {
        let contact = client.next_push("contact.update").await;
        assert_eq!(contact, json!({ "user": bob.shape(), "status": "accepted", "conversation": conversation }));
    }
    for client in [&mut alice, &mut phone, &mut bob] {
        let told = client.next_push("group.update").await;
        assert_eq!((&told["id"], &told["kind"]), (&conversation, &json!("private")));
        assert_eq!((&told["permission"], &told["unread"]), (&json!("w"), &json!(0)));
        assert_eq!(told["member_count"], 2);
        client.next_push("status.update").await;
    }
    bob.expect_no("contact.update").await;
    let said = alice.say(conversation.as_str().unwrap(), "hello").await;
    assert_eq!(bob.next_push("message.text").await, said);
    assert_eq!(phone.next_push("message.text").await, said);
}

#[tokio::test]
async fn invitations_that_cross_make_contacts() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let [mut alice, mut bob] = server.connect_all([&alice, &bob]).await;
    let one = alice.send("contact.update", json!({ "user": "bob", "action": "invite" })).await;
    let other = bob.send("contact.update", json!({ "user": "alice", "action": "invite" })).await;
    let (one, other) = (alice.reply(one).await.unwrap(), bob.reply(other).await.unwrap());
    let accepted = if one["status"] == "accepted" { &one } else { &other };
    assert_eq!(accepted["status"], "accepted");
    for (client, friend) in [(&mut alice, "bob"), (&mut bob, "alice")] {
        assert_eq!(client.next_push("group.update").await["id"], accepted["conversation"]);
        assert_eq!(status_of(client, friend).await, Some(json!("accepted")));
    }
}

#[tokio::test]
async fn a_declined_invitation_is_removed_for_both() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let [mut alice, mut bob] = server.connect_all([&alice, &bob]).await;
    act(&mut alice, "invite", "bob").await;
    assert_eq!(act(&mut bob, "decline", "alice").await, json!({ "user": alice.shape(), "status": "removed" }));
    let removed = alice.next_push("contact.update").await;
    assert_eq!(removed, json!({ "user": bob.shape(), "status": "removed" }));
    // It may be tried again, from either side.
    act(&mut bob, "invite", "alice").await;
    assert_eq!(alice.next_push("contact.update").await["status"], "pending");
    assert_eq!(act(&mut alice, "accept", "bob").await["status"], "accepted");
}

#[tokio::test]
async fn removal_makes_the_conversation_read_only_until_both_are_contacts_again() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let chat = project.befriend(&alice, &bob).await;
    let [mut alice, mut bob] = server.connect_all([&alice, &bob]).await;
    alice.say(&chat, "before").await;
    assert_eq!(act(&mut alice, "remove", "bob").await["status"], "removed");
    assert_eq!(bob.next_push("contact.update").await["status"], "removed");
    for client in [&mut alice, &mut bob] {
        let told = client.next_push("group.update").await;
        assert_eq!((&told["id"], &told["permission"]), (&json!(chat), &json!("r")));
        client.refused("message.text", text(&chat, "no")).await.expect(403, "read_only");
        assert_eq!(client.ok("message.fetch", json!({ "conversation": chat })).await["messages"][0]["body"], "before");
    }
    bob.refused("message.text", json!({ "to": "alice", "id": crate::support::client::id(), "body": "no" }))
        .await
        .expect(403, "forbidden");

    act(&mut bob, "invite", "alice").await;
    let accepted = act(&mut alice, "accept", "bob").await;
    assert_eq!(accepted["conversation"], chat, "it is the one of before");
    for client in [&mut alice, &mut bob] {
        assert_eq!(client.next_push("group.update").await["permission"], "w");
    }
    assert_eq!(bob.say(&chat, "after").await["seq"], 2);
}

#[tokio::test]
async fn messages_to_a_contact_go_to_the_private_conversation() {
    let (server, project) = start().await;
    let [alice, bob, carol] = project.users(["alice", "bob", "carol"]).await;
    let chat = project.befriend(&alice, &bob).await;
    let [mut alice, mut bob, _carol] = server.connect_all([&alice, &bob, &carol]).await;
    let to = |user: &str| json!({ "to": user, "id": crate::support::client::id(), "body": "hello" });
    for name in ["bob".to_owned(), bob.id()] {
        let said = alice.ok("message.text", to(&name)).await;
        assert_eq!(said["conversation"], chat);
        assert_eq!(bob.next_push("message.text").await, said);
    }
    alice.refused("message.text", to("carol")).await.expect(403, "forbidden");
    alice.refused("message.text", to("alice")).await.expect(403, "forbidden");
    alice.refused("message.text", to("nobody")).await.expect(404, "not_found");
    let mut both = to("bob");
    both["conversation"] = json!(chat);
    alice.refused("message.text", both).await.expect_invalid("to");
    let neither = json!({ "id": crate::support::client::id(), "body": "hello" });
    alice.refused("message.text", neither).await.expect_invalid("conversation");
}

#[tokio::test]
async fn what_cannot_be_done_about_a_contact_is_refused() {
    let (server, project) = start().await;
    let [alice, _bob] = project.users(["alice", "bob"]).await;
    server.project("q").await.user("zoe").await;
    let mut alice = server.connect(&alice).await;
    for action in ["accept", "decline", "remove"] {
        let update = json!({ "user": "bob", "action": action });
        alice.refused("contact.update", update).await.expect(409, "conflict");
    }
    alice.refused("contact.update", json!({ "user": "bob", "action": "hug" })).await.expect_invalid("action");
    alice.refused("contact.update", json!({ "user": "alice", "action": "invite" })).await.expect_invalid("user");
    for unknown in ["nobody", "zoe", "550e8400-e29b-41d4-a716-446655440000"] {
        let update = json!({ "user": unknown, "action": "invite" });
        alice.refused("contact.update", update).await.expect(404, "not_found");
    }
    assert_eq!(alice.ok("contact.summary", json!({})).await, json!({ "contacts": [], "more": false }));
}

#[tokio::test]
async fn a_block_looks_like_nothing_but_silence_to_the_blocked() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let chat = project.befriend(&alice, &bob).await;
    let [mut alice, mut phone, mut bob] = server.connect_all([&alice, &alice, &bob]).await;
    for client in [&mut alice, &mut phone, &mut bob] {
        client.forget().await;
    }
    assert_eq!(act(&mut alice, "block", "bob").await["status"], "blocked");
    assert_eq!(phone.next_push("contact.update").await["status"], "blocked");
    for client in [&mut alice, &mut phone, &mut bob] {
        let told = client.next_push("group.update").await;
        assert_eq!((&told["id"], &told["permission"]), (&json!(chat), &json!("r")));
    }
    let seen = bob.next_push("status.update").await;
    assert_eq!((&seen["user"], &seen["status"]), (&alice.shape(), &json!("offline")));
    let seen = alice.next_push("status.update").await;
    assert_eq!((&seen["user"], &seen["status"]), (&bob.shape(), &json!("offline")));
    bob.expect_no("contact.update").await;
    assert_eq!(status_of(&mut bob, "alice").await, Some(json!("accepted")));
    assert_eq!(status_of(&mut alice, "bob").await, Some(json!("blocked")));
    for client in [&mut alice, &mut bob] {
        client.refused("message.text", text(&chat, "no")).await.expect(403, "read_only");
    }
    // Whom one blocks is nobody to write to; who is blocked finds the conversation as before.
    let to = |user: &str| json!({ "to": user, "id": crate::support::client::id(), "body": "no" });
    alice.refused("message.text", to("bob")).await.expect(403, "forbidden");
    bob.refused("message.text", to("alice")).await.expect(403, "read_only");

    let unblocked = act(&mut alice, "unblock", "bob").await;
    assert_eq!((&unblocked["status"], &unblocked["conversation"]), (&json!("accepted"), &json!(chat)));
    for client in [&mut alice, &mut phone, &mut bob] {
        assert_eq!(client.next_push("group.update").await["permission"], "w");
    }
    assert_eq!(bob.next_push("status.update").await["status"], "online");
    assert_eq!(alice.next_push("status.update").await["status"], "online");
    bob.expect_no("contact.update").await;
    assert_eq!(bob.say(&chat, "again").await["seq"], 1);
}

#[tokio::test]
async fn when_both_block_both_must_unblock() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let chat = project.befriend(&alice, &bob).await;
    let [mut alice, mut bob] = server.connect_all([&alice, &bob]).await;
    act(&mut alice, "block", "bob").await;
    assert_eq!(bob.next_push("group.update").await["permission"], "r");
    act(&mut bob, "block", "alice").await;
    assert_eq!(act(&mut alice, "unblock", "bob").await["status"], "accepted");
    alice.refused("message.text", text(&chat, "no")).await.expect(403, "read_only");
    act(&mut bob, "unblock", "alice").await;
    assert_eq!(bob.next_push("group.update").await["permission"], "w");
    alice.next_push("group.update").await;
    assert_eq!(alice.next_push("group.update").await["permission"], "w");
    alice.say(&chat, "at last").await;
    bob.say(&chat, "indeed").await;
}

#[tokio::test]
async fn the_blocked_may_invite_and_nobody_hears() {
    let (server, project) = start().await;
    let [alice, bob, carol] = project.users(["alice", "bob", "carol"]).await;
    let [mut alice, mut bob, mut carol] = server.connect_all([&alice, &bob, &carol]).await;
    assert_eq!(act(&mut alice, "block", "bob").await, json!({ "user": bob.shape(), "status": "blocked" }));
    assert_eq!(act(&mut bob, "invite", "alice").await, json!({ "user": alice.shape(), "status": "invited" }));
    assert_eq!(act(&mut bob, "invite", "alice").await["status"], "invited");
    // Carol's comes the same way, after Bob's.
    act(&mut carol, "invite", "alice").await;
    assert_eq!(alice.next_push("contact.update").await["user"], carol.shape());
    assert_eq!(status_of(&mut alice, "bob").await, Some(json!("blocked")));
    let invite = json!({ "user": "bob", "action": "invite" });
    alice.refused("contact.update", invite).await.expect(409, "conflict");
    // What came while blocked stays unheard of; a new invitation is heard.
    act(&mut alice, "unblock", "bob").await;
    assert_eq!(status_of(&mut alice, "bob").await, None);
    act(&mut bob, "invite", "alice").await;
    let pending = alice.next_push("contact.update").await;
    assert_eq!(pending, json!({ "user": bob.shape(), "status": "pending" }));
    assert_eq!(act(&mut alice, "accept", "bob").await["status"], "accepted");
}

#[tokio::test]
async fn contacts_come_page_by_page() {
    let (server, project) = start().await;
    let alice = project.user("alice").await;
    let crowd = project.crowd(205).await;
    for user in &crowd {
        project.block(&alice, user).await;
    }
    let mut alice = server.connect(&alice).await;
    assert!(alice.opening().more_contacts);
    let mut seen: Vec<String> = Vec::new();
    let names = |contacts: &[Value]| -> Vec<String> {
        contacts.iter().map(|contact| contact["user"]["username"].as_str().unwrap().to_owned()).collect()
    };
    let first = alice.opening().contacts.clone();
    assert_eq!(first.len(), 200);
    seen.extend(names(&first));
    let rest = alice.ok("contact.summary", json!({ "after": seen.last() })).await;
    assert_eq!(rest["more"], false);
    seen.extend(names(rest["contacts"].as_array().unwrap()));
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 205);
}

#[tokio::test]
async fn who_are_contacts_no_more_see_each_other_only_in_common_groups() {
    let (server, project) = start().await;
    let [alice, bob, carol] = project.users(["alice", "bob", "carol"]).await;
    project.befriend(&alice, &bob).await;
    project.befriend(&alice, &carol).await;
    project.group_of(&[&alice, &carol]).await;
    let [mut alice, mut bob, mut carol] = server.connect_all([&alice, &bob, &carol]).await;
    for client in [&mut alice, &mut bob, &mut carol] {
        client.forget().await;
    }
    act(&mut alice, "remove", "bob").await;
    act(&mut alice, "remove", "carol").await;
    let gone = bob.next_push("status.update").await;
    assert_eq!((&gone["user"], &gone["status"]), (&alice.shape(), &json!("offline")));
    let gone = alice.next_push("status.update").await;
    assert_eq!((&gone["user"], &gone["status"]), (&bob.shape(), &json!("offline")));
    carol.next_push("contact.update").await;
    carol.next_push("group.update").await;
    carol.expect_no("status.update").await;
    let seen = alice.ok("status.fetch", json!({ "users": ["bob", "carol"] })).await;
    assert_eq!(seen["statuses"], json!([{ "user": carol.shape(), "status": "online" }]));
}

#[tokio::test]
async fn whatever_two_do_to_each_other_at_once_the_end_is_what_both_want() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let chat = project.befriend(&alice, &bob).await;
    let [mut alice, mut phone, mut bob] = server.connect_all([&alice, &alice, &bob]).await;
    let quarrel = async |client: &mut Client, other: &str| {
        for _ in 0..10 {
            for action in ["block", "unblock"] {
                act(client, action, other).await;
            }
        }
    };
    let talk = async |client: &mut Client| {
        for number in 0..40 {
            if let Err(error) = client.request("message.text", text(&chat, &number.to_string())).await {
                error.expect(403, "read_only");
            }
        }
    };
    tokio::join!(quarrel(&mut alice, "bob"), quarrel(&mut bob, "alice"), talk(&mut phone));
    for client in [&mut alice, &mut bob] {
        client.say(&chat, "peace").await;
        let summary = client.ok("group.summary", json!({})).await;
        assert_eq!(summary["conversations"][0]["permission"], "w");
    }
    assert_eq!(status_of(&mut alice, "bob").await, Some(json!("accepted")));
    assert_eq!(status_of(&mut bob, "alice").await, Some(json!("accepted")));
}
