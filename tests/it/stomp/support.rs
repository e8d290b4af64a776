//! The support desk by STOMP: what customers and agents say to each other there, and what they are told.

use super::{app, topic};
use crate::rest::api::Api;
use crate::support::project::{Project, TestUser};
use crate::support::server::TestServer;
use crate::support::stomp::{Frame, StompClient, VERSIONS};
use crate::support_desk::set_role;
use palabre::model::account::UserRole;
use serde_json::{Value, json};
use uuid::Uuid;

/// A project with a customer, two agents, and a stranger.
struct Desk {
    server: TestServer,
    api: Api,
    _project: Project,
    alice: TestUser,
    carol: TestUser,
    dan: TestUser,
    mallory: TestUser,
}

impl Desk {
    async fn open() -> Self {
        let server = TestServer::start().await;
        let project = server.project("p").await;
        let [alice, carol, dan, mallory] = project.users(["alice", "carol", "dan", "mallory"]).await;
        for agent in [&carol, &dan] {
            set_role(&project, agent, UserRole::Agent).await;
        }
        let api = Api::of(&server);
        Self { server, api, _project: project, alice, carol, dan, mallory }
    }

    /// A request of alice's that carol has: where it is, and its session.
    async fn talk(&self) -> (String, Value) {
        let new = json!({ "type": "CHAT", "priority": "LOW", "subject": "x", "message": "hello?" });
        let request = self.api.post("/support/requests").json(new).user(&self.alice).expect(201).await;
        let at = format!("/support/requests/{}", request["id"].as_str().unwrap());
        self.api.post(&format!("{at}/take")).user(&self.carol).expect(200).await;
        let sessions = self.api.get(&format!("{at}/sessions")).user(&self.carol).expect(200).await;
        (at, sessions["items"][0].clone())
    }

    /// The errors with which a user's attempts to hear a session and to speak there end, in all versions.
    async fn errors(&self, user: &TestUser, session: &str) -> Vec<(Frame, u16)> {
        let mut errors = Vec::new();
        for version in VERSIONS {
            for (command, place) in [("SUBSCRIBE", "topic"), ("SEND", "app")] {
                let mut client = StompClient::connect(&self.server, user, version).await;
                let destination = format!("/{place}/support/{session}");
                let body = if command == "SEND" { "let me in" } else { "" };
                client.send(command, &[("id", &id()), ("destination", &destination), ("receipt", "r")], body).await;
                errors.push(client.ended().await);
            }
        }
        errors
    }
}

fn id() -> String {
    Uuid::new_v4().to_string()
}

fn text_of(of: &Value) -> String {
    of.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn both_sides_talk_by_stomp_and_by_all_else() {
    let desk = Desk::open().await;
    let (at, session) = desk.talk().await;
    let (name, room) = (text_of(&session["id"]), text_of(&session["conversation"]));
    let (hear, speak) = (format!("/topic/support/{name}"), format!("/app/support/{name}"));
    let mut agent = StompClient::connect(&desk.server, &desk.carol, "1.2").await;
    let mut customer = StompClient::connect(&desk.server, &desk.alice, "1.1").await;
    agent.subscribe("s", &hear, "client").await;
    customer.subscribe("s", &hear, "auto").await;
    // A conversation's own destination is as good.
    customer.subscribe("c", &topic(&room), "auto").await;
    let mut socket = desk.server.connect(&desk.alice).await;

    customer.ok("SEND", &[("destination", &speak)], r#"{"content": "help"}"#).await;
    let message = agent.message("s").await;
    assert_eq!((message.header("destination"), &message.json()["body"]), (hear.as_str(), &json!("help")));
    agent.ok("SEND", &[("destination", &speak)], "at once").await;
    agent.ok("SEND", &[("destination", &app(&room))], "or sooner").await;
    socket.say(&room, "by JSON").await;
    let rest = json!({ "id": id(), "body": "by REST" });
    desk.api.post(&format!("/conversations/{room}/messages")).json(rest).user(&desk.carol).expect(201).await;
    let said = ["help", "at once", "or sooner", "by JSON", "by REST"];
    for text in &said[1..] {
        assert_eq!(agent.message("s").await.json()["body"], *text);
    }
    for text in said {
        for subscription in ["s", "c"] {
            assert_eq!(customer.message(subscription).await.json()["body"], text);
        }
    }
    for text in ["help", "at once", "or sooner"] {
        assert_eq!(socket.next_push("message.text").await["body"], text);
    }
    let page = desk.api.get(&format!("/support/sessions/{name}/messages")).user(&desk.carol).expect(200).await;
    let bodies: Vec<_> = page["messages"].as_array().unwrap().iter().map(|message| &message["body"]).collect();
    assert_eq!(bodies[1..], said);

    // When it is over it may be read, and nothing is said any more.
    desk.api.post(&format!("{at}/resolve")).user(&desk.carol).expect(200).await;
    customer.send("SEND", &[("destination", &speak), ("receipt", "r")], "thanks").await;
    let (error, _) = customer.ended().await;
    assert_eq!((error.json()["code"].as_str(), error.header("receipt-id")), (Some("read_only"), "r"));
    let mut customer = StompClient::connect(&desk.server, &desk.alice, "1.0").await;
    customer.subscribe("s", &hear, "client").await;
}

#[tokio::test]
async fn for_all_others_there_is_no_such_session() {
    let desk = Desk::open().await;
    let (_, session) = desk.talk().await;
    let session = text_of(&session["id"]);
    // Whether an agent without the request or anybody else, it is as if it were not there.
    let nothing = desk.errors(&desk.mallory, &id()).await;
    assert!(nothing.iter().all(|(error, code)| (error.json()["code"].as_str(), *code) == (Some("not_found"), 4202)));
    for user in [&desk.mallory, &desk.dan] {
        assert_eq!(desk.errors(user, &session).await, nothing);
    }
    let foreign = desk.server.project("other").await.user("alice").await;
    assert_eq!(desk.errors(&foreign, &session).await, nothing);
    let page = desk.api.get(&format!("/support/sessions/{session}/messages")).user(&desk.alice).expect(200).await;
    assert_eq!(page["messages"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn who_passes_a_request_on_hears_and_says_no_more() {
    let desk = Desk::open().await;
    let (at, session) = desk.talk().await;
    let name = text_of(&session["id"]);
    let (hear, speak) = (format!("/topic/support/{name}"), format!("/app/support/{name}"));
    let mut carol = StompClient::connect(&desk.server, &desk.carol, "1.2").await;
    carol.subscribe("auto", &hear, "auto").await;
    carol.subscribe("client", &hear, "client").await;
    carol.subscribe("e", "/user/queue/events", "auto").await;
    // A transaction of before is stored as what its author may do by then.
    carol.ok("BEGIN", &[("transaction", "t")], "").await;
    carol.ok("SEND", &[("destination", &speak), ("transaction", "t")], "later").await;
    let mut customer = StompClient::connect(&desk.server, &desk.alice, "1.2").await;
    customer.ok("SEND", &[("destination", &speak)], "first").await;
    for subscription in ["auto", "client"] {
        assert_eq!(carol.message(subscription).await.json()["body"], "first");
    }
    desk.api.post(&format!("{at}/transfer")).json(json!({ "to": "dan" })).user(&desk.carol).expect(200).await;
    assert_eq!(carol.event("group.delete").await["conversation"], session["conversation"]);
    assert_eq!(carol.event("support.request").await["agent"]["username"], "dan");
    customer.ok("SEND", &[("destination", &speak)], "secret").await;
    carol.expect_none().await;
    carol.send("COMMIT", &[("transaction", "t"), ("receipt", "r")], "").await;
    let (error, _) = carol.ended().await;
    assert_eq!((error.json()["code"].as_str(), error.header("receipt-id")), (Some("not_found"), "r"));
    assert_eq!(desk.errors(&desk.carol, &name).await, desk.errors(&desk.carol, &id()).await);
    let mut dan = StompClient::connect(&desk.server, &desk.dan, "1.2").await;
    dan.subscribe("s", &hear, "auto").await;
    customer.ok("SEND", &[("destination", &speak)], "Dan?").await;
    assert_eq!(dan.message("s").await.json()["body"], "Dan?");
}

#[tokio::test]
async fn pushes_of_the_desk_come_as_events() {
    let desk = Desk::open().await;
    desk.api.put("/support/agents/me").json(json!({ "status": "available" })).user(&desk.carol).expect(200).await;
    let mut customer = StompClient::connect(&desk.server, &desk.alice, "1.1").await;
    let mut agent = StompClient::connect(&desk.server, &desk.carol, "1.2").await;
    for client in [&mut customer, &mut agent] {
        client.subscribe("e", "/user/queue/events", "auto").await;
    }
    let new = json!({ "type": "CHAT", "priority": "HIGH", "subject": "x" });
    let request = desk.api.post("/support/requests").json(new).user(&desk.alice).expect(201).await;
    let at = format!("/support/requests/{}", text_of(&request["id"]));
    let told = agent.event("support.request").await;
    assert_eq!((&told["id"], &told["status"]), (&request["id"], &json!("NEW")));
    let told = customer.event("support.queue").await;
    assert_eq!((&told["request"], &told["place"]), (&request["id"], &json!(1)));
    desk.api.post(&format!("{at}/take")).user(&desk.carol).expect(200).await;
    let told = customer.event("support.request").await;
    assert_eq!((&told["status"], &told["agent"]["username"]), (&json!("IN_PROGRESS"), &json!("carol")));
    assert_eq!(told.get("tags"), None);
    desk.api.post(&format!("{at}/sessions")).user(&desk.alice).expect(201).await;
    for client in [&mut customer, &mut agent] {
        let told = client.event("support.session").await;
        assert_eq!((&told["request"], &told["status"]), (&request["id"], &json!("ACTIVE")));
    }
    desk.api.put("/support/agents/me").json(json!({ "status": "away" })).user(&desk.carol).expect(200).await;
    assert_eq!(agent.event("support.agent").await["status"], "away");
}
