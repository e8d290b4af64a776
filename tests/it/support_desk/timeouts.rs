//! Sessions in which nobody says anything for too long.

use super::{Desk, conversation, id, of};
use crate::support::client::text;
use crate::support::server::TestServer;
use crate::support::wait::until_async;
use serde_json::json;
use std::time::Duration;

const HALF: Duration = Duration::from_secs(900);

#[tokio::test]
async fn a_quiet_session_ends_and_both_sides_are_told() {
    let desk = Desk::open().await;
    let (request, session) = desk.talk(&desk.alice, &desk.carol).await;
    let [mut alice_s, mut carol_s] = desk.server.connect_all([&desk.alice, &desk.carol]).await;
    let room = conversation(&session);
    desk.clock.advance(HALF);
    alice_s.say(room, "still here").await;
    // What was said put it off: the desk looked, and left it.
    desk.clock.advance(HALF + Duration::from_secs(60));
    until_async("the desk to have looked", async || {
        use diesel::prelude::*;
        use diesel_async::RunQueryDsl;
        use palabre::store::schema::support_sessions::dsl::{created_at, due_at, support_sessions};
        let (made, due): (chrono::DateTime<chrono::Utc>, chrono::DateTime<chrono::Utc>) =
            support_sessions.select((created_at, due_at)).first(&mut desk.project.conn().await).await.unwrap();
        (due - made > chrono::TimeDelta::seconds(2_000)).then_some(())
    })
    .await;
    assert_eq!(desk.get(&desk.alice, &format!("/support/sessions/{}", id(&session))).await["status"], "ACTIVE");
    desk.clock.advance(HALF);
    for client in [&mut alice_s, &mut carol_s] {
        let told = client.next_push("support.session").await;
        assert_eq!((&told["id"], &told["status"]), (&session["id"], &json!("TIMEOUT")));
        client.refused("message.text", text(room, "wait")).await.expect(403, "read_only");
    }
    assert_eq!(desk.seen(&desk.alice, &request).await["status"], "IN_PROGRESS", "the request goes on");
    assert_eq!(desk.steps(&request).await, ["created", "taken", "session_opened", "session_timed_out"]);
    desk.api.post(&of(&session, "close")).user(&desk.alice).refused(409, "conflict").await;
    desk.session(&desk.alice, &request).await;
}

#[tokio::test]
async fn a_shorter_time_holds_for_the_sessions_that_are_open() {
    let desk = Desk::open().await;
    let (_, session) = desk.talk(&desk.alice, &desk.carol).await;
    let mut alice_s = desk.server.connect(&desk.alice).await;
    desk.clock.advance(Duration::from_secs(61));
    desk.settings(json!({ "support_timeout_s": 60 })).await;
    let told = alice_s.next_push("support.session").await;
    assert_eq!((&told["id"], &told["status"]), (&session["id"], &json!("TIMEOUT")));
}

#[tokio::test]
async fn what_went_quiet_while_no_server_ran_ends_when_one_does() {
    let desk = Desk::open().await;
    let (_, session) = desk.talk(&desk.alice, &desk.carol).await;
    let Desk { server, clock, project, api, alice, .. } = desk;
    let path = format!("/support/sessions/{}", id(&session));
    assert_eq!(api.get(&path).user(&alice).expect(200).await["status"], "ACTIVE");
    let next = TestServer::builder().beside(&server);
    server.stop().await;
    clock.advance(HALF * 3);
    let next = next.clock(&clock).start().await;
    let api = crate::rest::api::Api::of(&next);
    until_async("the session to end", async || {
        // The token is of before, and the clock far ahead of it: look into the database.
        use diesel::prelude::*;
        use diesel_async::RunQueryDsl;
        use palabre::store::schema::support_sessions::dsl::{status, support_sessions};
        let now: String = support_sessions.select(status).first(&mut project.conn().await).await.unwrap();
        (now == "TIMEOUT").then_some(())
    })
    .await;
    let fresh = alice.token(chrono::Utc::now() + chrono::TimeDelta::seconds(2_700), Duration::from_secs(3600));
    assert_eq!(api.get(&path).bearer(&fresh).expect(200).await["status"], "TIMEOUT");
}
