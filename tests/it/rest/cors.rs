//! Pages of other origins.

use super::api::{Answer, Api};
use crate::support::crypto::http_client;
use crate::support::server::TestServer;
use reqwest::Method;
use serde_json::json;

const SET: &str = "https://console.example.org";
const SHOP: &str = "https://shop.example.org";

fn allowed(answer: &Answer) -> Option<&str> {
    answer.headers.get("access-control-allow-origin").map(|origin| origin.to_str().unwrap())
}

#[tokio::test]
async fn pages_of_known_origins_may_call() {
    let server = TestServer::builder()
        .settings(|settings| {
            settings.rest.cors_origins = vec![SET.to_owned()];
            settings.rest.open_organizations = true;
        })
        .start()
        .await;
    server.project_with_origins("old", &["https://old.example.org"]).await;
    let api = Api::of(&server);
    let preflight = async |origin: &str, method: &str| {
        let call = api.call(Method::OPTIONS, "/users/x").header("Origin", origin);
        let call = call.header("Access-Control-Request-Method", method);
        call.header("Access-Control-Request-Headers", "authorization,content-type,idempotency-key,x-app-key")
            .send()
            .await
    };
    for origin in [SET, "https://old.example.org"] {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let answer = preflight(origin, method).await;
            assert_eq!((answer.status, allowed(&answer)), (200, Some(origin)), "{method} {origin}");
            assert!(answer.headers.get("access-control-allow-credentials").is_none());
        }
        let answer = api.get("/users").header("Origin", origin).refused(401, "unauthorized").await;
        assert_eq!(allowed(&answer), Some(origin), "errors can be read too");
        let exposed = answer.headers["access-control-expose-headers"].to_str().unwrap().to_lowercase();
        assert!(exposed.contains("retry-after") && exposed.contains("x-request-id"), "{exposed}");
    }
    let refused = preflight(SHOP, "GET").await;
    assert_eq!((refused.status, &refused.body["code"], allowed(&refused)), (403, &json!("forbidden"), None));
    let answer = api.get("/health").header("Origin", SHOP).send().await;
    assert_eq!((answer.status, allowed(&answer)), (200, None), "who is no browser is answered");

    // A project that is made or changed here counts at once.
    let acme = api.post("/organizations").json(json!({ "name": "acme", "password": "acme1234" })).expect(201).await;
    let token = acme["token"].as_str().unwrap();
    api.post("/projects").bearer(token).json(json!({ "name": "shop", "origins": [SHOP] })).expect(201).await;
    assert_eq!(allowed(&preflight(SHOP, "GET").await), Some(SHOP));
    api.patch("/projects/shop").bearer(token).json(json!({ "origins": [] })).expect(200).await;
    assert_eq!(allowed(&preflight(SHOP, "GET").await), None);
}

#[tokio::test]
async fn the_front_end_of_the_assistant_may_be_such_a_page() {
    let server = TestServer::builder()
        .settings(|settings| {
            settings.demo = true;
            settings.rest.cors_origins = vec![SET.to_owned()];
        })
        .start()
        .await;
    let http = http_client();
    let allowed = |answer: &reqwest::Response| {
        answer.headers().get("access-control-allow-origin").map(|origin| origin.to_str().unwrap().to_owned())
    };
    for (origin, expected) in [(SET, Some(SET.to_owned())), (SHOP, None)] {
        for path in ["auth/login", "wibot/chat", "wibot/conversations"] {
            let url = format!("http://{}/webhook/{path}", server.addresses.http);
            let preflight = http.request(Method::OPTIONS, &url).header("Origin", origin);
            let preflight = preflight.header("Access-Control-Request-Method", "POST");
            let preflight = preflight.header("Access-Control-Request-Headers", "authorization,content-type");
            let answer = preflight.send().await.unwrap();
            assert_eq!(
                (answer.status().is_success(), allowed(&answer)),
                (expected.is_some(), expected.clone()),
                "{path}"
            );
        }
        let login = json!({ "username": "khora", "password": "test123" });
        let url = format!("http://{}/webhook/auth/login", server.addresses.http);
        let answer = http.post(&url).header("Origin", origin).json(&login).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), allowed(&answer)), (200, expected.clone()));
    }
}
