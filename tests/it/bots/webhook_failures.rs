//! A message to the assistant that comes to nothing leaves nothing.

use super::webhook::{CONVERSATION, Front};
use crate::faults::program::{Program, serve};
use crate::support::crypto::http_client;
use crate::support::db::scratch_dir;
use crate::support::provider::{Provider, Reply, pieces};
use crate::support::wait::until_async;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use palabre::store::schema::{chatbots, exchange_turns, reservations};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use uuid::Uuid;

fn failed() -> (u16, Value) {
    (500, json!({ "success": false, "error": "Erreur serveur. Réessayez dans quelques instants." }))
}

/// Nothing of a question is left: no conversation, no tokens, no turn.
async fn nothing_is_left(front: &Front, id: &str) {
    nothing_is_said(front, id).await;
    assert_eq!(front.used().await, (12_450, 0));
}

async fn nothing_is_said(front: &Front, id: &str) {
    assert_eq!(front.get(&format!("/wibot/conversations/{id}/messages")).await.0, 404);
    assert_eq!(front.said(CONVERSATION).await.len(), 6);
    let conn = &mut front.server.db.connection().await;
    let rows: i64 = reservations::table.count().get_result(conn).await.unwrap();
    let turns: i64 = exchange_turns::table.count().get_result(conn).await.unwrap();
    assert_eq!((rows, turns), (0, 0));
}

#[tokio::test]
async fn a_model_that_fails_leaves_nothing() {
    let provider = Provider::start().await;
    let front = Front::with(&provider).await;
    let id = Uuid::new_v4().to_string();
    let replies: [fn() -> Reply; 6] = [
        || Reply::Status(401, None),
        || Reply::Status(429, Some(("Retry-After", "60".to_owned()))),
        || Reply::Half(pieces(&["half an ans"])),
        || Reply::Bytes(b"data: nonsense\n\n".to_vec()),
        || Reply::Say(Vec::new(), Some((10, 0))),
        || Reply::Say(vec!["x".repeat(10_000); 2], Some((10, 5_000))),
    ];
    for (number, reply) in replies.iter().enumerate() {
        for conversation in [CONVERSATION, &id] {
            provider.will(reply());
            assert_eq!(front.chat(conversation, "Bonjour").await, failed(), "reply {number}");
            nothing_is_left(&front, &id).await;
        }
    }
    provider.is_left().await;
    // It can be asked as if nothing had been.
    assert_eq!(front.chat(&id, "Bonjour").await.0, 200);
    assert_eq!(front.said(&id).await.len(), 2);
}

#[tokio::test]
async fn there_are_two_more_tries() {
    let provider = Provider::start().await;
    let front = Front::with(&provider).await;
    let soon = || Reply::Status(503, Some(("Retry-After", "0".to_owned())));
    provider.will(soon()).will(soon()).will_say("Enfin.");
    assert_eq!(front.chat(CONVERSATION, "Bonjour").await.1["response"], "Enfin.");
    assert_eq!(provider.asked().len(), 3);
    provider.will(soon()).will(soon()).will(soon());
    assert_eq!(front.chat(CONVERSATION, "Bonjour").await, failed());
    assert_eq!(provider.asked().len(), 6);
    assert_eq!(front.said(CONVERSATION).await.len(), 8);
}

#[tokio::test]
async fn an_answer_comes_within_fifteen_seconds_of_the_first_failure() {
    let provider = Provider::start().await;
    let front = Front::with(&provider).await;
    // It speaks, after a failure, and never comes to an end.
    provider.will(Reply::Status(503, Some(("Retry-After", "0".to_owned())))).will(Reply::Hang(pieces(&["So "])));
    let begun = Instant::now();
    assert_eq!(front.chat(CONVERSATION, "Bonjour").await, failed());
    assert!(begun.elapsed() < Duration::from_secs(16), "{:?}", begun.elapsed());
    provider.is_left().await;
}

#[tokio::test]
async fn a_model_that_drips_after_a_failure_is_given_up_as_well() {
    let provider = Provider::start().await;
    let front = Front::with(&provider).await;
    provider.will(Reply::Status(503, Some(("Retry-After", "0".to_owned()))));
    let steps = provider.will_follow();
    let begun = Instant::now();
    let drip = async {
        until_async("the model is asked again", async || (provider.asked().len() == 2).then_some(())).await;
        loop {
            steps.say("so ");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let answer = tokio::select! {
        answer = front.chat(CONVERSATION, "Bonjour") => answer,
        () = drip => unreachable!(),
    };
    assert_eq!(answer, failed());
    assert!(begun.elapsed() < Duration::from_secs(60), "it would have dripped on for ever");
    nothing_is_left(&front, &Uuid::new_v4().to_string()).await;
}

#[tokio::test]
async fn without_an_assistant_there_is_no_answer() {
    let provider = Provider::start().await;
    let front = Front::with(&provider).await;
    diesel::delete(chatbots::table).execute(&mut front.server.db.connection().await).await.unwrap();
    assert_eq!(front.chat(CONVERSATION, "Bonjour").await, failed());
    assert_eq!(provider.asked().len(), 0);
}

#[tokio::test]
async fn who_hangs_up_finds_the_answer_later() {
    let provider = Provider::start().await;
    let front = Front::with(&provider).await;
    let id = Uuid::new_v4().to_string();
    let steps = provider.will_follow();
    {
        let question = front.chat(&id, "Bonjour");
        tokio::pin!(question);
        let asked = until_async("the model is asked", async || (provider.asked().len() == 1).then_some(()));
        tokio::select! {
            _ = &mut question => panic!("answered"),
            () = asked => {}
        }
    }
    steps.say("Bonjour !");
    steps.end();
    until_async("the pair is stored", async || {
        let (status, _) = front.get(&format!("/wibot/conversations/{id}/messages")).await;
        (status == 200).then_some(())
    })
    .await;
    let said = front.said(&id).await;
    assert_eq!(said, [("user".into(), "Bonjour".into()), ("assistant".into(), "Bonjour !".into())]);
    assert_eq!(front.used().await, (12_450 + 15, 0));
}

#[tokio::test]
async fn an_answer_of_an_older_turn_is_refused() {
    let provider = Provider::start().await;
    let front = Front::with(&provider).await;
    let mut client = front.server.connect(&front.user("khora").await).await;
    let steps = provider.will_follow();
    let (answer, ()) = tokio::join!(front.chat(CONVERSATION, "Bonjour"), async {
        until_async("the model is asked", async || (provider.asked().len() == 1).then_some(())).await;
        client.ok("conversation.mode", json!({ "conversation": CONVERSATION, "mode": "human" })).await;
        steps.say("too late");
        steps.end();
    });
    assert_eq!(answer, failed());
    nothing_is_said(&front, &Uuid::new_v4().to_string()).await;
    // The model worked in vain, but it worked.
    assert_eq!(front.used().await, (12_450 + 15, 0));
}

#[tokio::test]
async fn a_server_that_is_killed_in_the_middle_leaves_nothing() {
    let provider = Provider::start().await;
    let dir = scratch_dir("webhook-killed");
    let start = || {
        let mut command = serve(&dir);
        command.env("MISTRAL_API_KEY", "the-key").env("MISTRAL_BASE_URL", provider.base("/mistral/v1"));
        Program::spawn(command, &dir)
    };
    let mut program = start();
    let client = http_client();
    let login = async |http: std::net::SocketAddr| {
        let body = json!({ "username": "khora", "password": "test123" });
        let answer = client.post(format!("http://{http}/webhook/auth/login")).json(&body).send().await.unwrap();
        answer.json::<Value>().await.unwrap()["token"].as_str().unwrap().to_owned()
    };
    let token = login(program.http).await;
    let id = Uuid::new_v4().to_string();
    let steps = provider.will_follow();
    let chat = |http: std::net::SocketAddr, token: &str| {
        let body = json!({ "conversation_id": id, "message": "Bonjour" });
        client.post(format!("http://{http}/webhook/wibot/chat")).bearer_auth(token).json(&body).send()
    };
    let question = tokio::spawn(chat(program.http, &token));
    until_async("the model is asked", async || (provider.asked().len() == 1).then_some(())).await;
    steps.say("half of it");
    program.kill();
    assert!(question.await.unwrap().is_err());
    let program = start();
    let token = login(program.http).await;
    let get = async |path: &str| {
        let answer = client.get(format!("http://{}{path}", program.http)).bearer_auth(&token).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    assert_eq!(get(&format!("/webhook/wibot/conversations/{id}/messages")).await.0, 404);
    assert_eq!(get("/api/v1/usage").await.1["tokens"]["used"], 12_450);
    // Once the turn of the dead is over, it is asked again.
    let answer = chat(program.http, &token).await.unwrap();
    assert_eq!(answer.status(), 200);
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["tokens_remaining"], 50_000 - 12_450 - 15);
    assert_eq!(
        get(&format!("/webhook/wibot/conversations/{id}/messages")).await.1["messages"].as_array().unwrap().len(),
        2
    );
}
