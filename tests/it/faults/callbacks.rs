//! The database goes away while an app is to be told something, and comes back: nothing is lost.

use super::proxy::{Proxy, Way};
use crate::support::crypto;
use crate::support::db::TestDb;
use crate::support::game_app::{GameApp, Mood};
use crate::support::server::{TestClock, TestServer};
use crate::support::wait::until_async;
use palabre::store::{accounts, invitations};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

const KEY: &str = "the key of the game";
const SECRET: &str = "the secret of the game";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_outlive_an_outage() {
    let db = Arc::new(TestDb::new().await);
    let (proxy, clock) = (Proxy::to(&db).await, TestClock::default());
    let allow = vec!["127.0.0.1".to_owned()];
    let builder = TestServer::builder().on(&db, proxy.url()).clock(&clock);
    let server = builder.settings(|settings| settings.callbacks.allow = allow).start().await;
    let project = server.project("p").await;
    let conn = &mut project.conn().await;
    let id = Uuid::new_v4();
    accounts::create_app(conn, id, project.id, "game", KEY).await.unwrap();
    invitations::set_secret(conn, project.id, id, SECRET).await.unwrap();
    let app = GameApp::start(SECRET).await;
    let users = project.users(["alice", "bob"]).await;
    let group = project.group_of(&[&users[0], &users[1]]).await;
    let mut bob = server.connect(&users[1]).await;
    let (client, base) = (crypto::http_client(), format!("http://{}/api/v1", server.addresses.http));
    let new = json!({ "id": Uuid::new_v4(), "from": "alice", "conversation": group, "game": "chess", "payload": {},
        "callback_url": app.url() });
    let made = client.post(format!("{base}/games/invitations")).header("X-App-Key", KEY).json(&new).send().await;
    assert_eq!(made.unwrap().status().as_u16(), 201);

    app.behave(Mood::Status(500));
    bob.ok("message.game", json!({ "message": new["id"], "action": "accept" })).await;
    app.is_tried(1).await;
    proxy.set(Way::Closed);
    app.behave(Mood::Well);
    until_async("the server notices", async || {
        let health = client.get(format!("{base}/health")).send().await.unwrap();
        (health.status().as_u16() == 503).then_some(())
    })
    .await;
    clock.advance(Duration::from_secs(120));
    proxy.set(Way::Open);
    let heard = app.hears(1).await;
    assert_eq!(heard[0]["user"], users[1].shape());
    until_async("it is delivered", async || {
        use diesel_async::RunQueryDsl;
        use palabre::store::schema::callbacks::dsl::callbacks;
        let waiting: i64 = diesel::QueryDsl::count(callbacks).get_result(&mut project.conn().await).await.unwrap();
        (waiting == 0).then_some(())
    })
    .await;
    assert_eq!(app.heard().len(), 1, "and is known if it came twice");
}
