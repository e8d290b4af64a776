//! The same documents in every encoding.

use super::start;
use crate::support::client::{Client, Event, Via, id};
use crate::support::frame;
use serde_json::{Value, json};

#[tokio::test]
async fn members_get_the_same_documents_whatever_their_encoding() {
    let (server, project) = start().await;
    let users = project.crowd(6).await;
    let group = project.group_of(&users.iter().collect::<Vec<_>>()).await;
    let mut author = server.connect(&users[0]).await;
    let mut others: Vec<Client> = Vec::new();
    for (user, via) in users[1..].iter().zip(Via::ALL) {
        others.push(server.connect_via(user, via).await);
    }
    let first = author.say(&group, "žluťoučký 🐎 \u{7f} \" \\ \r\n\t").await;
    let answer = json!({
        "conversation": group, "id": id(), "body": "漢字", "reply_to": first["id"], "tone": "/srs",
    });
    let second = author.ok("message.text", answer).await;
    let payload = json!({ "n": [0, -1, 255, 65536, 4_294_967_296_i64, 1.5, true, null], "s": { "": "x" } });
    let game = json!({ "conversation": group, "id": id(), "game": "chess", "payload": payload, "capacity": 2 });
    let third = author.ok("message.game", game).await;
    assert_eq!(third["game"]["payload"], payload);
    let react = json!({ "conversation": group, "message": first["id"], "emoji": "🐎", "on": true });
    author.ok("message.react", react).await;
    let fourth = json!({
        "conversation": group, "message": first["id"], "user": author.shape(), "emoji": "🐎", "on": true, "count": 1,
    });
    let history = author.ok("message.fetch", json!({ "conversation": group })).await;
    assert_eq!(history["messages"].as_array().unwrap().len(), 3);
    for client in &mut others {
        let next = async |client: &mut Client| loop {
            match client.next().await {
                Event::Push { kind, .. } if kind == "status.update" => {}
                Event::Push { kind, data } => return (kind, data),
                other => panic!("{other:?}"),
            }
        };
        let push = |kind: &str, data: &Value| (kind.to_owned(), data.clone());
        assert_eq!(next(client).await, push("message.text", &first));
        assert_eq!(next(client).await, push("message.text", &second));
        assert_eq!(next(client).await, push("message.game", &third));
        assert_eq!(next(client).await, push("message.react", &fourth));
        assert_eq!(client.ok("message.fetch", json!({ "conversation": group })).await, history);
    }
}

#[tokio::test]
async fn every_encoding_can_be_spoken() {
    let (server, project) = start().await;
    let [alice, bob] = project.users(["alice", "bob"]).await;
    let chat = project.befriend(&alice, &bob).await;
    let mut bob = server.connect(&bob).await;
    for via in Via::ALL {
        let mut alice = server.connect_via(&alice, via).await;
        let said = alice.say(&chat, "hello").await;
        assert_eq!(bob.next_push("message.text").await, said, "{via:?}");
        let answer = bob.say(&chat, "hello yourself").await;
        assert_eq!(alice.next_push("message.text").await, answer, "{via:?}");
    }
}

#[tokio::test]
async fn the_first_request_decides_in_which_encoding_the_server_speaks() {
    let (server, project) = start().await;
    let alice = project.user("alice").await;
    for (via, json) in
        [(Via::WsBinJson, true), (Via::WsBinMsgPack, false), (Via::TcpJson, true), (Via::TcpMsgPack, false)]
    {
        // Checks the encoding of whatever comes.
        let mut client = server.connect_via(&alice, via).await;
        client.sync().await;
        client.send_bytes(&frame::request(!json, 77, "status.fetch", &json!({ "users": [] }))).await;
        assert!(matches!(client.next().await, Event::Reply { re: 77, .. }), "{via:?}");
    }
}
