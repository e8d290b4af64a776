//! Groups: making and changing them, who may do what, and what members are told.

use super::start;
use crate::support::client::{Client, Event, each, text};
use palabre::model::permission::Permission::{Administer, Own, Read, Write};
use serde_json::{Value, json};

fn permissions_of(members: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let members = members.as_array().unwrap().iter();
    let mut all: Vec<_> =
        members.map(|member| (text(&member["user"]["username"]), text(&member["permission"]))).collect();
    all.sort();
    all
}

fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter().map(|(name, permission)| ((*name).to_owned(), (*permission).to_owned())).collect()
}

#[tokio::test]
async fn an_empty_title_takes_it_away() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let [mut alice, mut bob] = server.connect_all([&alice, &bob]).await;
    let made = alice.ok("group.update", json!({ "title": "soon gone", "add": ["bob"] })).await;
    assert_eq!(bob.next_push("group.update").await["title"], "soon gone");
    let changed = alice.ok("group.update", json!({ "conversation": made["id"], "title": "" })).await;
    assert!(changed.get("title").is_none());
    assert!(bob.next_push("group.update").await.get("title").is_none());
    alice.refused("group.update", json!({ "conversation": made["id"], "name": "" })).await.expect_invalid("name");
}

#[tokio::test]
async fn a_new_group_is_told_to_its_members() {
    let (server, project) = start().await;
    let [alice, bob, carol] = project.users(["alice", "bob", "carol"]).await;
    let [mut alice, mut phone, mut bob, mut carol] = server.connect_all([&alice, &alice, &bob, &carol]).await;
    let make = json!({
        "name": "team-1", "title": "The first team", "add": ["bob", carol.id()], "permissions": { "carol": "a" },
    });
    let made = alice.ok("group.update", make).await;
    assert_eq!((&made["kind"], &made["mode"]), (&json!("group"), &json!("human")));
    assert_eq!((&made["name"], &made["title"]), (&json!("team-1"), &json!("The first team")));
    assert_eq!((&made["member_count"], &made["last_seq"]), (&json!(3), &json!(0)));
    assert_eq!((&made["permission"], &made["read_seq"], &made["unread"]), (&json!("o"), &json!(0), &json!(0)));
    assert_eq!(permissions_of(&made["members"]), pairs(&[("alice", "o"), ("bob", "w"), ("carol", "a")]));
    assert!(made.get("last_message").is_none() && made.get("chatbot").is_none());
    for (client, permission) in [(&mut phone, "o"), (&mut bob, "w"), (&mut carol, "a")] {
        let mut expected = made.clone();
        expected["permission"] = json!(permission);
        assert_eq!(client.next_push("group.update").await, expected);
    }
    alice.expect_no("group.update").await;
    // They hear it from now on.
    let said = carol.say(made["id"].as_str().unwrap(), "hello").await;
    for client in [&mut alice, &mut phone, &mut bob] {
        assert_eq!(client.next_push("message.text").await, said);
    }
}

#[tokio::test]
async fn a_group_needs_neither_a_name_nor_others() {
    let (server, project) = start().await;
    let alice = project.user("alice").await;
    let mut alice = server.connect(&alice).await;
    let alone = alice.ok("group.update", json!({})).await;
    assert_eq!((&alone["member_count"], &alone["permission"]), (&json!(1), &json!("o")));
    assert!(alone.get("name").is_none() && alone.get("title").is_none());
    // Its creator need not be named, and may be.
    let named = alice.ok("group.update", json!({ "add": ["alice"] })).await;
    assert_eq!(permissions_of(&named["members"]), pairs(&[("alice", "o")]));
    let said = alice.say(alone["id"].as_str().unwrap(), "hello, me").await;
    assert_eq!(said["status"], "SENT");
}

#[tokio::test]
async fn names_are_unique_in_the_project_regardless_of_case() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let zoe = server.project("q").await.user("zoe").await;
    let [mut alice, mut bob, mut zoe] = server.connect_all([&alice, &bob, &zoe]).await;
    let group = alice.ok("group.update", json!({ "name": "Team" })).await;
    for taken in ["Team", "team", "TEAM"] {
        bob.refused("group.update", json!({ "name": taken })).await.expect(409, "name_taken");
    }
    let other = bob.ok("group.update", json!({ "name": "team-2" })).await;
    let rename = |name: &str| json!({ "conversation": other["id"], "name": name });
    bob.refused("group.update", rename("tEAM")).await.expect(409, "name_taken");
    assert_eq!(bob.ok("group.update", rename("TEAM-2")).await["name"], "TEAM-2");
    zoe.ok("group.update", json!({ "name": "team" })).await;
    // A deleted group's name is free.
    alice.ok("group.delete", json!({ "conversation": group["id"] })).await;
    bob.ok("group.update", json!({ "name": "team" })).await;
}

#[tokio::test]
async fn names_hold_the_listed_signs_only() {
    let (server, project) = start().await;
    let alice = project.user("alice").await;
    let mut alice = server.connect(&alice).await;
    let longest = "a".repeat(64);
    for good in ["!?-_().&#,<>", "Team-1", longest.as_str()] {
        assert_eq!(alice.ok("group.update", json!({ "name": good })).await["name"], good);
    }
    let too_long = "a".repeat(65);
    for bad in ["", "a b", "é", "a/b", too_long.as_str()] {
        alice.refused("group.update", json!({ "name": bad })).await.expect_invalid("name");
    }
}

#[tokio::test]
async fn a_user_named_twice_is_an_error_that_names_them() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let group = project.group_of(&[&alice, &bob]).await;
    let mut alice = server.connect(&alice).await;
    let bob_id = bob.id.clone();
    for (request, field) in [
        (json!({ "add": ["bob", "bob"] }), "add[1]"),
        (json!({ "add": ["bob", bob_id] }), "add[1]"),
        (json!({ "conversation": group, "remove": [bob_id, "alice", "bob"] }), "remove[2]"),
    ] {
        let error = alice.refused("group.update", request).await;
        error.expect_invalid(field);
        assert!(error.message.contains("bob") || error.message.contains(&bob_id), "{error:?}");
    }
    let both = json!({ "conversation": group, "add": ["bob"], "remove": ["bob"] });
    alice.refused("group.update", both).await.expect(400, "invalid");
    let twice = json!({ "conversation": group, "permissions": { "bob": "r", bob_id.as_str(): "a" } });
    let error = alice.refused("group.update", twice).await;
    error.expect(400, "invalid");
    assert!(error.message.contains("bob") || error.message.contains(&bob_id), "{error:?}");
    for field in ["add", "remove"] {
        let unknown = json!({ "conversation": group, field: ["bob", "nobody"] });
        alice.refused("group.update", unknown).await.expect_invalid(&format!("{field}[1]"));
    }
    // None of this did anything.
    let members = alice.ok("group.members", json!({ "conversation": group })).await;
    assert_eq!(permissions_of(&members["members"]), pairs(&[("alice", "o"), ("bob", "w")]));
}

#[tokio::test]
async fn a_change_is_told_to_all_and_to_those_concerned_what_is_theirs() {
    let (server, project) = start().await;
    let [alice, bob, carol, dave] = project.users(["alice", "bob", "carol", "dave"]).await;
    let group = project.group_of(&[&alice, &bob, &carol]).await;
    let [mut alice, mut bob, mut carol, mut dave] = server.connect_all([&alice, &bob, &carol, &dave]).await;
    alice.say(&group, "one").await;
    let change = json!({
        "conversation": group, "title": "All", "add": ["dave"], "permissions": { "bob": "r", "dave": "a" },
    });
    let changed = alice.ok("group.update", change).await;
    assert_eq!((&changed["permission"], &changed["title"]), (&json!("o"), &json!("All")));
    assert_eq!((&changed["member_count"], &changed["last_seq"]), (&json!(4), &json!(1)));
    let mut shared = changed.clone();
    for own in ["permission", "read_seq", "unread"] {
        shared.as_object_mut().unwrap().remove(own);
    }
    // Carol, to whom nothing happened, hears nothing of her own.
    assert_eq!(carol.next_push("group.update").await, shared);
    let told = bob.next_push("group.update").await;
    assert_eq!((&told["permission"], &told["unread"]), (&json!("r"), &json!(1)));
    let told = dave.next_push("group.update").await;
    assert_eq!((&told["permission"], &told["read_seq"], &told["unread"]), (&json!("a"), &json!(1), &json!(0)));
    // A newcomer may read the whole history.
    assert_eq!(dave.ok("message.fetch", json!({ "conversation": group })).await["messages"][0]["body"], "one");
    bob.refused("message.text", text(&group, "no")).await.expect(403, "read_only");
    for client in [&mut alice, &mut bob, &mut carol, &mut dave] {
        client.expect_no("group.update").await;
    }
    // The title goes away with an empty one, should it be allowed at all; a name stays.
    let renamed = dave.ok("group.update", json!({ "conversation": group, "name": "all" })).await;
    assert_eq!((&renamed["name"], &renamed["title"]), (&json!("all"), &json!("All")));
    assert_eq!(carol.next_push("group.update").await["name"], "all");
}

#[tokio::test]
async fn permissions_reach_as_far_as_their_letter() {
    let (server, project) = start().await;
    let [o, a, w, r, x] = project.users(["o", "a", "w", "r", "x"]).await;
    let group = project.group(&[(&o, Own), (&a, Administer), (&w, Write), (&r, Read)]).await;
    let [mut o, mut a, mut w, mut r, _x] = server.connect_all([&o, &a, &w, &r, &x]).await;
    let change = |field: &str, value: Value| json!({ "conversation": group, field: value });
    for client in [&mut w, &mut r] {
        for (field, value) in [
            ("add", json!(["x"])),
            ("remove", json!(["a"])),
            ("title", json!("no")),
            ("name", json!("no")),
            ("permissions", json!({ "r": "w" })),
        ] {
            client.refused("group.update", change(field, value)).await.expect(403, "forbidden");
        }
    }
    for (field, value) in [
        ("permissions", json!({ "a": "o" })),
        ("permissions", json!({ "w": "o" })),
        ("permissions", json!({ "o": "a" })),
        ("remove", json!(["o"])),
    ] {
        a.refused("group.update", change(field, value)).await.expect(403, "forbidden");
    }
    for (field, value) in [
        ("permissions", json!({ "w": "a", "r": "w" })),
        ("permissions", json!({ "w": "r" })),
        ("add", json!(["x"])),
        ("remove", json!(["x"])),
        ("title", json!("by a")),
    ] {
        a.ok("group.update", change(field, value)).await;
    }
    o.ok("group.update", change("permissions", json!({ "w": "o" }))).await;
    let members = r.ok("group.members", json!({ "conversation": group })).await;
    assert_eq!(permissions_of(&members["members"]), pairs(&[("a", "a"), ("o", "o"), ("r", "w"), ("w", "o")]));
    // Whom one gives no permission to must be there.
    a.refused("group.update", change("permissions", json!({ "x": "r" }))).await.expect(400, "invalid");
    a.refused("group.update", change("remove", json!(["x"]))).await.expect(400, "invalid");
}

#[tokio::test]
async fn the_last_owner_stays() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let group = project.group_of(&[&alice, &bob]).await;
    let [mut alice, mut bob] = server.connect_all([&alice, &bob]).await;
    let leave = json!({ "conversation": group, "remove": ["alice"] });
    alice.refused("group.update", leave.clone()).await.expect(409, "conflict");
    let demote = json!({ "conversation": group, "permissions": { "alice": "a" } });
    alice.refused("group.update", demote).await.expect(409, "conflict");
    let hand_over = json!({ "conversation": group, "permissions": { "bob": "o" }, "remove": ["alice"] });
    alice.ok("group.update", hand_over).await;
    assert_eq!(bob.next_push("group.update").await["permission"], "o");
    alice.refused("group.update", leave).await.expect(404, "not_found");
}

#[tokio::test]
async fn anyone_may_leave() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let group = project.group(&[(&alice, Own), (&bob, Read)]).await;
    let [mut alice, mut bob, mut tablet] = server.connect_all([&alice, &bob, &bob]).await;
    let left = bob.ok("group.update", json!({ "conversation": group, "remove": ["bob"] })).await;
    assert_eq!(left["member_count"], 1);
    assert_eq!(tablet.next_push("group.delete").await, json!({ "conversation": group }));
    assert_eq!(alice.next_push("group.update").await["member_count"], 1);
    alice.say(&group, "alone").await;
    // On the same way as the message.
    alice.ok("group.update", json!({ "add": ["bob"] })).await;
    for client in [&mut bob, &mut tablet] {
        client.next_push("group.update").await;
        client.expect_no("message.text").await;
    }
}

#[tokio::test]
async fn the_removed_are_told_and_read_nothing_more() {
    let (server, project) = start().await;
    let [alice, bob, carol] = project.users(["alice", "bob", "carol"]).await;
    let group = project.group_of(&[&alice, &bob, &carol]).await;
    let [mut alice, mut bob, mut carol] = server.connect_all([&alice, &bob, &carol]).await;
    bob.say(&group, "before").await;
    alice.ok("group.update", json!({ "conversation": group, "remove": ["bob"] })).await;
    assert_eq!(bob.next_push("group.delete").await, json!({ "conversation": group }));
    assert_eq!(carol.next_push("group.update").await["member_count"], 2);
    carol.say(&group, "after").await;
    bob.refused("message.fetch", json!({ "conversation": group })).await.expect(404, "not_found");
    bob.refused("message.text", text(&group, "no")).await.expect(404, "not_found");
    assert_eq!(bob.ok("group.summary", json!({})).await["conversations"], json!([]));
    // Added again, Bob has all that was said meanwhile, and none of it is unread.
    alice.ok("group.update", json!({ "conversation": group, "add": ["bob"] })).await;
    let told = bob.next_push("group.update").await;
    assert_eq!((&told["permission"], &told["read_seq"], &told["unread"]), (&json!("w"), &json!(2), &json!(0)));
    bob.expect_no("message.text").await;
    let history = bob.ok("message.fetch", json!({ "conversation": group })).await;
    assert_eq!(each(&history["messages"], "body"), ["before", "after"]);
}

#[tokio::test]
async fn only_an_owner_deletes_a_group() {
    let (server, project) = start().await;
    let [alice, bob, carol] = project.users(["alice", "bob", "carol"]).await;
    let group = project.group(&[(&alice, Own), (&bob, Administer), (&carol, Read)]).await;
    let [mut alice, mut phone, mut bob, mut carol] = server.connect_all([&alice, &alice, &bob, &carol]).await;
    alice.say(&group, "one").await;
    let delete = json!({ "conversation": group });
    for client in [&mut bob, &mut carol] {
        client.refused("group.delete", delete.clone()).await.expect(403, "forbidden");
    }
    assert_eq!(alice.ok("group.delete", delete.clone()).await, delete);
    for client in [&mut phone, &mut bob, &mut carol] {
        assert_eq!(client.next_push("group.delete").await, delete);
    }
    for client in [&mut alice, &mut bob] {
        client.refused("message.fetch", delete.clone()).await.expect(404, "not_found");
        client.refused("message.text", text(&group, "no")).await.expect(404, "not_found");
        client.refused("group.delete", delete.clone()).await.expect(404, "not_found");
        assert_eq!(client.ok("group.summary", json!({})).await["conversations"], json!([]));
    }
}

#[tokio::test]
async fn private_conversations_stay_as_they_are() {
    let (server, project) = start().await;
    let [alice, bob, carol] = project.users(["alice", "bob", "carol"]).await;
    let chat = project.befriend(&alice, &bob).await;
    let [mut alice, mut carol] = server.connect_all([&alice, &carol]).await;
    for change in [
        json!({ "conversation": chat, "title": "Us" }),
        json!({ "conversation": chat, "add": ["carol"] }),
        json!({ "conversation": chat, "remove": ["alice"] }),
        json!({ "conversation": chat, "permissions": { "alice": "o" } }),
    ] {
        alice.refused("group.update", change.clone()).await.expect(403, "forbidden");
        carol.refused("group.update", change).await.expect(404, "not_found");
    }
    alice.refused("group.delete", json!({ "conversation": chat })).await.expect(403, "forbidden");
    carol.refused("group.delete", json!({ "conversation": chat })).await.expect(404, "not_found");
}

#[tokio::test]
async fn members_come_page_by_page() {
    let (server, project) = start().await;
    let alice = project.user("alice").await;
    let crowd = project.crowd(59).await;
    let mut all = vec![&alice];
    all.extend(&crowd);
    let group = project.group_of(&all).await;
    let mut alice = server.connect(&alice).await;
    let title = json!({ "conversation": group, "title": "Many" });
    let told = alice.ok("group.update", title).await;
    assert_eq!(told["member_count"], 60);
    assert!(told["members"].as_array().is_none_or(|members| members.len() <= 50));
    let mut names = Vec::new();
    let mut page = alice.ok("group.members", json!({ "conversation": group, "limit": 25 })).await;
    loop {
        let members = page["members"].as_array().unwrap();
        names.extend(members.iter().map(|member| member["user"]["username"].as_str().unwrap().to_owned()));
        if page["more"] == false {
            break;
        }
        assert_eq!(members.len(), 25);
        let next = json!({ "conversation": group, "limit": 25, "after": names.last() });
        page = alice.ok("group.members", next).await;
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 60);
    let member = &alice.ok("group.members", json!({ "conversation": group, "limit": 1 })).await["members"][0];
    let mut fields: Vec<_> = member.as_object().unwrap().keys().cloned().collect();
    fields.sort_unstable();
    assert_eq!(fields, ["delivered_seq", "joined_at", "permission", "read_seq", "user"]);
    for limit in [0, -1, 1_000_000] {
        let page = json!({ "conversation": group, "limit": limit });
        alice.refused("group.members", page).await.expect_invalid("limit");
    }
}

#[tokio::test]
async fn two_who_make_the_same_name_at_once_do_not_both_get_it() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let [mut alice, mut bob] = server.connect_all([&alice, &bob]).await;
    let make = async |client: &mut Client| client.request("group.update", json!({ "name": "one" })).await;
    let (one, other) = tokio::join!(make(&mut alice), make(&mut bob));
    let errors: Vec<_> = [one, other].into_iter().filter_map(Result::err).collect();
    assert_eq!(errors.len(), 1);
    errors[0].expect(409, "name_taken");
}

#[tokio::test]
async fn changes_and_messages_at_once_are_all_carried_out() {
    let (server, project) = start().await;
    let [alice, bob, carol, dave] = project.users(["alice", "bob", "carol", "dave"]).await;
    let group = project.group(&[(&alice, Own), (&bob, Administer), (&carol, Write)]).await;
    let [mut alice, mut bob, mut carol, mut dave] = server.connect_all([&alice, &bob, &carol, &dave]).await;
    let govern = async |client: &mut Client, change: &str| {
        for number in 0..10 {
            let title = json!({ "conversation": group, "title": format!("{change} {number}") });
            client.ok("group.update", title).await;
            client.ok("group.update", json!({ "conversation": group, "add": ["dave"] })).await;
            let removed = client.request("group.update", json!({ "conversation": group, "remove": ["dave"] })).await;
            if let Err(error) = removed {
                // The other one was first.
                error.expect(400, "invalid");
            }
        }
    };
    let talk = async |client: &mut Client| {
        for number in 0..60 {
            client.say(&group, &number.to_string()).await;
        }
    };
    tokio::join!(govern(&mut alice, "by alice"), govern(&mut bob, "by bob"), talk(&mut carol));
    dave.refused("message.fetch", json!({ "conversation": group })).await.expect(404, "not_found");
    let members = alice.ok("group.members", json!({ "conversation": group })).await;
    assert_eq!(permissions_of(&members["members"]), pairs(&[("alice", "o"), ("bob", "a"), ("carol", "w")]));
    let summary = alice.ok("group.summary", json!({})).await;
    let conversation = &summary["conversations"][0];
    assert_eq!((&conversation["member_count"], &conversation["last_seq"]), (&json!(3), &json!(60)));
    // Of what was said while he was there Dave heard each once, in order; afterwards he hears nothing.
    alice.say(&group, "without Dave").await;
    alice.ok("group.update", json!({ "add": ["dave"], "title": "the end" })).await;
    while dave.next_push("group.update").await["title"] != "the end" {}
    let mut heard = Vec::new();
    for event in dave.take_inbox() {
        if let Event::Push { kind, data } = event
            && kind == "message.text"
        {
            heard.push(data["seq"].as_i64().unwrap());
        }
    }
    assert!(heard.windows(2).all(|pair| pair[0] < pair[1]) && !heard.contains(&61), "{heard:?}");
}
