//! The operators' listener.

use crate::support::crypto;
use crate::support::db::TestDb;
use crate::support::http::serve_routes;
use actix_web::web;
use futures_util::{SinkExt, StreamExt};
use palabre::chat::{Chat, Clock};
use palabre::config::Limits;
use palabre::http::admin::{self, AdminState};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

fn serve(db: &TestDb, token: Option<&str>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let count = AtomicU64::new(0);
    let snapshot = Arc::new(move || json!({"sessions": count.fetch_add(1, Ordering::Relaxed)}));
    let chat = Chat::start(db.pool(), Limits::default(), 1, Clock::system());
    let state = web::Data::new(AdminState::new(chat, snapshot, listener.local_addr().unwrap(), token));
    serve_routes(listener, move |config| {
        config.app_data(state.clone());
        admin::configure(config);
    })
}

/// The status of the answer to an attempt to open the feed.
async fn open(address: SocketAddr, header: &'static str, value: &str) -> u16 {
    let mut request = format!("ws://{address}/live").into_client_request().unwrap();
    request.headers_mut().insert(header, value.parse().unwrap());
    match connect_async(request).await {
        Ok((_, response)) => response.status().as_u16(),
        Err(Error::Http(response)) => response.status().as_u16(),
        Err(other) => panic!("{other}"),
    }
}

#[actix_web::test]
async fn the_feed_tells_fresh_figures() {
    let db = TestDb::new().await;
    let address = serve(&db, None);
    let (mut feed, _) = connect_async(format!("ws://{address}/live")).await.unwrap();
    let mut told = Vec::new();
    while told.len() < 2 {
        if let Message::Text(text) = feed.next().await.unwrap().unwrap() {
            told.push(serde_json::from_str::<Value>(&text).unwrap());
        }
    }
    assert_eq!(told, [json!({"sessions": 0}), json!({"sessions": 1})]);
    feed.send(Message::Close(None)).await.unwrap();
    while let Some(Ok(_)) = feed.next().await {}
}

#[actix_web::test]
async fn foreign_hosts_and_origins_are_refused() {
    let db = TestDb::new().await;
    let address = serve(&db, None);
    assert_eq!(open(address, "origin", &format!("http://{address}")).await, 101);
    assert_eq!(open(address, "origin", "https://evil.example").await, 403);
    assert_eq!(open(address, "host", "evil.example").await, 421);
    let health = crypto::http_client().get(format!("http://{address}/health"));
    let response = health.header("Host", "evil.example").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::MISDIRECTED_REQUEST);
}

#[actix_web::test]
async fn a_token_is_asked_for_where_there_is_one() {
    let db = TestDb::new().await;
    let address = serve(&db, Some("a token of operators"));
    assert_eq!(open(address, "authorization", "Bearer a token of operators").await, 101);
    assert_eq!(open(address, "authorization", "Bearer another").await, 401);
    let client = crypto::http_client();
    let response = client.get(format!("http://{address}/health")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(response.headers()["WWW-Authenticate"], "Bearer");
    let health = client.get(format!("http://{address}/health")).bearer_auth("a token of operators");
    assert_eq!(health.send().await.unwrap().status(), StatusCode::OK);
}

#[actix_web::test]
async fn only_so_many_feeds_are_open_and_a_closed_one_makes_room() {
    let db = TestDb::new().await;
    let address = serve(&db, None);
    let mut feeds = Vec::new();
    for _ in 0..32 {
        feeds.push(connect_async(format!("ws://{address}/live")).await.unwrap().0);
    }
    assert_eq!(open(address, "origin", &format!("http://{address}")).await, 503);
    drop(feeds.pop());
    crate::support::wait::until_async("a place that is free again", async || {
        let status = open(address, "origin", &format!("http://{address}")).await;
        (status == 101).then_some(())
    })
    .await;
}
