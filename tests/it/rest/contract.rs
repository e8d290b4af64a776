//! What holds for every operation of the API, whichever it is: those that are added are looked at by themselves.

use super::api::{Api, Call, description};
use super::media::picture;
use super::{admin, app, user_with_password};
use crate::support::http::SECRET;
use crate::support::project::{Project, TestUser};
use crate::support::server::TestServer;
use chrono::{TimeDelta, Utc};
use image::ImageFormat;
use palabre::store::{accounts, users as rows};
use palabre::wire::token::Tokens;
use reqwest::Method;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use uuid::Uuid;

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    User,
    App,
    Organization,
    Operator,
    Bot,
}

/// An operation of the description.
struct Operation {
    path: &'static str,
    method: Method,
    described: &'static Value,
}

impl Operation {
    fn all() -> Vec<Self> {
        let paths = description()["paths"].as_object().unwrap();
        let of_path = |(path, item): (&'static String, &'static Value)| {
            item.as_object().unwrap().iter().map(move |(method, described)| Self {
                path,
                method: method.to_uppercase().parse().unwrap(),
                described,
            })
        };
        paths.iter().flat_map(of_path).collect()
    }

    /// Who may call it; nobody in the list means anybody.
    fn callers(&self) -> BTreeSet<Kind> {
        let ways = self.described["security"].as_array().into_iter().flatten();
        let kind = |way: &Value| match way.as_object().unwrap().keys().next().map(String::as_str) {
            Some("user_token") => Some(Kind::User),
            Some("access_key") => Some(Kind::App),
            Some("organization_token") => Some(Kind::Organization),
            Some("chatbot_key") => Some(Kind::Bot),
            Some("admin_token") => Some(Kind::Operator),
            Some(other) => panic!("{other} is not known here"),
            None => None,
        };
        ways.filter_map(kind).collect()
    }

    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The schema of the body, where it is a JSON document.
    fn body(&self) -> Option<&'static Value> {
        self.described.pointer("/requestBody/content/application~1json/schema")
    }

    fn is_stream(&self) -> bool {
        self.described.pointer("/responses/200/content/text~1event-stream").is_some()
    }

    /// A body that fits.
    fn sample(&self) -> Option<Value> {
        self.body().map(sample)
    }
}

/// A value that a schema allows.
fn sample(schema: &Value) -> Value {
    if let Some(pointer) = schema["$ref"].as_str() {
        return sample(description().pointer(pointer.trim_start_matches('#')).unwrap());
    }
    if let Some(example) = schema.get("example").or_else(|| schema.get("examples")?.get(0)) {
        return example.clone();
    }
    for choices in ["enum", "oneOf", "anyOf"] {
        if let Some(first) = schema[choices].get(0) {
            return if choices == "enum" { first.clone() } else { sample(first) };
        }
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str()).unwrap_or("null");
    match kind {
        "object" => {
            let required = schema["required"].as_array().into_iter().flatten().map(|name| name.as_str().unwrap());
            required.map(|name| (name.to_owned(), sample(&schema["properties"][name]))).collect::<Map<_, _>>().into()
        }
        "array" => json!([]),
        "integer" | "number" => schema.get("minimum").cloned().unwrap_or(json!(1)),
        "boolean" => json!(true),
        "string" if schema["format"] == "uuid" => json!(Uuid::new_v4()),
        "string" if schema["format"] == "date-time" => json!("2099-01-01T00:00:00Z"),
        "string" if schema["format"] == "uri" => json!("https://example.org/"),
        "string" => json!("x".repeat(usize::try_from(schema["minLength"].as_u64().unwrap_or(1)).unwrap())),
        _ => Value::Null,
    }
}

/// A server with a bit of everything, and callers of all kinds.
struct World {
    /// Stops when this is dropped.
    _server: TestServer,
    api: Api,
    project: Project,
    admin: TestUser,
    key: String,
    organization: String,
    operator: String,
    bot: String,
    places: Vec<(&'static str, String)>,
}

const OPERATOR: &str = "the token of the operators";

impl World {
    async fn start() -> Self {
        let server = TestServer::builder()
            .limits(|limits| {
                (limits.calls_per_second, limits.calls_burst) = (100_000, 100_000);
                (limits.app_calls_per_second, limits.app_calls_burst) = (100_000, 100_000);
            })
            .settings(|settings| settings.listen.admin_token = Some(palabre::config::Secret::from(OPERATOR.to_owned())))
            .start()
            .await;
        let project = server.project("p").await;
        let api = Api::of(&server);
        let admin = admin(&project, "chief").await;
        let bob = user_with_password(&project, "bob", "bob12345").await;
        let key = app(&project, "game").await;
        let group = project.group_of(&[&admin, &bob]).await;
        let said = api
            .post(&format!("/conversations/{group}/messages"))
            .user(&admin)
            .json(json!({ "id": Uuid::new_v4(), "body": "x" }));
        let message = said.expect(201).await["id"].as_str().unwrap().to_owned();
        let conn = &mut project.conn().await;
        let owner = accounts::project_by(conn, "p").await.unwrap().unwrap().organization;
        let row = accounts::organization_by(conn, &owner.to_string()).await.unwrap().unwrap();
        let token = accounts::token_of_organization(&row);
        let hour = Duration::from_secs(3600);
        let organization = Tokens::new(SECRET.as_bytes()).issue_organization(&token, Utc::now(), hour).unwrap();
        // Another than the one that calls: its key is changed.
        let apps = api.post("/projects/p/apps").bearer(&organization).json(json!({ "name": "another" }));
        let app = apps.expect(201).await["app"]["id"].as_str().unwrap().to_owned();
        let file = api.post("/media").user(&admin).file("dot.png", &picture(ImageFormat::Png, 2, 2)).expect(201).await;
        let invitation = Uuid::new_v4().to_string();
        let invite =
            json!({ "id": invitation, "from": "chief", "conversation": group, "game": "chess", "payload": {} });
        api.post("/games/invitations").key(&key).json(invite).expect(201).await;
        let issuer = json!({ "issuer": "https://id.example.org/", "audience": "palabre", "jwks": "https://id.example.org/keys" });
        api.put("/projects/p/issuer").bearer(&organization).json(issuer).expect(200).await;
        let asked = json!({ "type": "CHAT", "priority": "LOW", "subject": "x" });
        let request = api.post("/support/requests").user(&bob).json(asked).expect(201).await;
        let request = request["id"].as_str().unwrap().to_owned();
        let session = api.post(&format!("/support/requests/{request}/sessions")).user(&bob).send().await.body;
        let canned = json!({ "name": "thanks", "body": "You are welcome." });
        let canned = api.post("/support/canned").user(&admin).json(canned).expect(201).await;
        let chatbot = json!({ "name": "marvin", "llm": "offline", "prompt": "Be brief." });
        let chatbot = api.post("/chatbots").user(&admin).json(chatbot).expect(201).await;
        let bot = chatbot["access_key"].as_str().unwrap().to_owned();
        let places = vec![
            ("request", request),
            ("chatbot", chatbot["id"].as_str().unwrap().to_owned()),
            ("session", session["id"].as_str().unwrap().to_owned()),
            ("canned", canned["id"].as_str().unwrap().to_owned()),
            ("user", "bob".to_owned()),
            ("conversation", group),
            ("message", message),
            ("emoji", "%F0%9F%91%8D".to_owned()),
            ("project", "p".to_owned()),
            ("app", app),
            ("media", file["id"].as_str().unwrap().to_owned()),
            ("invitation", invitation),
        ];
        let operator = OPERATOR.to_owned();
        Self { _server: server, api, project, admin, key, organization, operator, bot, places }
    }

    /// What there is of this kind.
    fn place(&self, name: &str) -> &str {
        let known = self.places.iter().find(|(place, _)| *place == name);
        known.map_or_else(|| panic!("{name} is not known here"), |(_, value)| value.as_str())
    }

    /// The path of an operation to what is there.
    fn path(&self, operation: &Operation) -> String {
        let segment = |segment: &'static str| match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(name) => self.place(name).to_owned(),
            None => segment.to_owned(),
        };
        let path: Vec<String> = operation.path.split('/').map(segment).collect();
        let path = path.join("/").trim_start_matches("/api/v1").to_owned();
        let required = operation.described["parameters"].as_array().into_iter().flatten();
        let required = required.filter(|parameter| parameter["in"] == "query" && parameter["required"] == true);
        let query: Vec<_> = required.map(|parameter| format!("{}=x", parameter["name"].as_str().unwrap())).collect();
        if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) }
    }

    fn call(&self, operation: &Operation) -> Call {
        self.api.call(operation.method.clone(), &self.path(operation))
    }

    /// As one who may.
    fn allowed(&self, operation: &Operation) -> Call {
        match operation.callers().first() {
            None => self.call(operation),
            Some(kind) => self.as_caller(self.call(operation), *kind),
        }
    }

    fn as_caller(&self, call: Call, kind: Kind) -> Call {
        match kind {
            Kind::User => call.user(&self.admin),
            Kind::App => call.key(&self.key),
            Kind::Organization => call.bearer(&self.organization),
            Kind::Operator => call.bearer(&self.operator),
            Kind::Bot => call.header("X-Access-Key", &self.bot),
        }
    }

    fn with_body(&self, call: Call, operation: &Operation) -> Call {
        match operation.sample() {
            Some(body) => call.json(body),
            None => call,
        }
    }
}

#[tokio::test]
async fn who_does_not_say_who_they_are_is_told_so() {
    let world = World::start().await;
    let mut looked_at = 0;
    for operation in Operation::all() {
        let callers = operation.callers();
        if callers.is_empty() {
            continue;
        }
        looked_at += 1;
        let call = || world.with_body(world.call(&operation), &operation);
        call().refused(401, "unauthorized").await;
        call().bearer("rubbish").refused(401, "unauthorized").await;
        call().header("Authorization", "Basic eDp5").refused(401, "unauthorized").await;
        call().key("no key of anybody").refused(401, "unauthorized").await;
        if callers.contains(&Kind::Operator) {
            // Theirs is the only token that counts.
            for kind in [Kind::User, Kind::App, Kind::Organization] {
                world.as_caller(call(), kind).refused(401, "unauthorized").await;
            }
            continue;
        }
        let past = world.admin.token(Utc::now() - TimeDelta::hours(2), Duration::from_secs(3600));
        call().bearer(&past).refused(401, "token_expired").await;
        let wrong = [Kind::User, Kind::App, Kind::Organization].into_iter().filter(|kind| !callers.contains(kind));
        for kind in wrong {
            world.as_caller(call(), kind).refused(403, "forbidden").await;
        }
    }
    assert!(looked_at > 40, "{looked_at}");
}

#[tokio::test]
async fn who_may_not_call_hears_that_before_anything_is_said_of_path_query_or_body() {
    let world = World::start().await;
    // Signed and in time, so that only the database knows that it is good no longer.
    let revoked = world.admin.token(Utc::now() - TimeDelta::minutes(5), Duration::from_secs(3600));
    let conn = &mut world.project.conn().await;
    rows::set_password(conn, world.project.id, world.admin.row.id, "x", Utc::now()).await.unwrap();
    let mut looked_at = 0;
    for operation in Operation::all() {
        let (callers, path) = (operation.callers(), world.path(&operation));
        if callers.is_empty() {
            continue;
        }
        let mark = if path.contains('?') { '&' } else { '?' };
        let strange_query = format!("{path}{mark}nonsense=1");
        let strange_path = match operation.path.ends_with('}') {
            true => format!("{}/%00", path.rsplit_once('/').unwrap().0),
            false => path.clone(),
        };
        for path in [&path, &strange_query, &strange_path] {
            let call = || match operation.body() {
                Some(_) => world.api.call(operation.method.clone(), path).body("application/json", "{"),
                None => world.api.call(operation.method.clone(), path),
            };
            looked_at += 1;
            call().refused(401, "unauthorized").await;
            call().bearer(&revoked).refused(401, "unauthorized").await;
            if callers.contains(&Kind::Operator) {
                continue;
            }
            let others = [Kind::App, Kind::Organization].into_iter().filter(|kind| !callers.contains(kind));
            for kind in others {
                world.as_caller(call(), kind).refused(403, "forbidden").await;
            }
        }
    }
    assert!(looked_at > 120, "{looked_at}");
}

#[tokio::test]
async fn what_is_in_a_project_is_not_there_for_another() {
    let world = World::start().await;
    let elsewhere = Project::create(&world._server.db, "elsewhere", &[]).await;
    let chief = admin(&elsewhere, "chief of others").await;
    let key = app(&elsewhere, "game of others").await;
    let made = world.api.post("/organizations").bearer(OPERATOR);
    let made = made.json(json!({ "name": "others", "password": "others12" })).expect(201).await;
    let organization = made["token"].as_str().unwrap().to_owned();
    let mut looked_at = 0;
    for operation in Operation::all() {
        // A new user's id is nobody's; all other things in paths are those of the first project.
        let names_something = operation.path.contains('{') && operation.described["operationId"] != "create_user";
        if !names_something || operation.is_stream() {
            continue;
        }
        for kind in operation.callers() {
            let call = world.with_body(world.call(&operation), &operation);
            let call = match kind {
                Kind::User => call.user(&chief),
                Kind::App => call.key(&key),
                Kind::Organization => call.bearer(&organization),
                Kind::Operator | Kind::Bot => continue,
            };
            let answer = call.send().await;
            assert!(
                matches!(answer.status, 403 | 404),
                "{} {kind:?}: {} {}",
                operation.name(),
                answer.status,
                answer.body
            );
            looked_at += 1;
        }
    }
    assert!(looked_at > 25, "{looked_at}");
    // Nothing of it was changed.
    let message = format!("/conversations/{}/messages/{}", world.place("conversation"), world.place("message"));
    let message = world.api.get(&message).user(&world.admin).expect(200).await;
    assert_eq!((&message["body"], message["reactions"].as_object().map(Map::len)), (&json!("x"), Some(0)));
    world.api.get("/users/bob").user(&world.admin).expect(200).await;
    world.api.get(&format!("/media/{}", world.place("media"))).user(&world.admin).expect(200).await;
    let invitation = world.api.get(&format!("/games/invitations/{}", world.place("invitation")));
    assert_eq!(invitation.key(&world.key).expect(200).await["state"], "offered");
    assert_eq!(world.project.name, "p");
}

#[tokio::test]
async fn every_path_says_which_methods_it_has() {
    let world = World::start().await;
    let all = Operation::all();
    let paths: BTreeSet<&str> = all.iter().map(|operation| operation.path).collect();
    for path in paths {
        let here: Vec<&Operation> = all.iter().filter(|operation| operation.path == path).collect();
        let mut has: BTreeSet<&str> = here.iter().map(|operation| operation.method.as_str()).collect();
        if has.contains("GET") {
            has.insert("HEAD");
        }
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"] {
            if has.contains(method) {
                continue;
            }
            let method: Method = method.parse().unwrap();
            let call = world.api.call(method, world.path(here[0]).split('?').next().unwrap());
            let answer = call.user(&world.admin).refused(405, "unknown_type").await;
            let allow: BTreeSet<&str> = answer.headers["allow"].to_str().unwrap().split(", ").collect();
            assert_eq!(allow, has, "{path}");
        }
    }
}

#[tokio::test]
async fn a_bad_body_is_refused_in_words() {
    let world = World::start().await;
    let mut looked_at = 0;
    for operation in Operation::all() {
        let Some(sample) = operation.sample() else { continue };
        looked_at += 1;
        let call = || world.allowed(&operation);
        call().refused(400, "bad_envelope").await;
        call().body("application/json", "").refused(400, "bad_envelope").await;
        for text in ["{", "[]", "null", "\"x\"", "{}{}", "\u{feff}{}"] {
            call().body("application/json", text).refused(400, "bad_envelope").await;
        }
        for other in ["text/plain", "application/xml", "application/x-www-form-urlencoded"] {
            call().body(other, sample.to_string()).refused(415, "bad_envelope").await;
        }
        let mut more = sample.clone();
        more["a_field_of_nobody"] = json!(1);
        call().json(more).invalid(&["a_field_of_nobody"]).await;
        call().body("application/json", vec![b' '; 70_000]).refused(413, "too_large").await;
    }
    assert!(looked_at > 15, "{looked_at}");
}

#[tokio::test]
async fn a_slash_at_the_end_changes_nothing() {
    let world = World::start().await;
    for operation in Operation::all().into_iter().filter(|operation| operation.method == Method::GET) {
        if operation.is_stream() {
            continue;
        }
        let path = world.path(&operation);
        let with_slash = match path.split_once('?') {
            Some((path, query)) => format!("{path}/?{query}"),
            None => format!("{path}/"),
        };
        let caller = operation.callers().first().copied();
        let call = |path: &str| match caller {
            Some(kind) => world.as_caller(world.api.get(path), kind),
            None => world.api.get(path),
        };
        let ((status, _, body), with) = (call(&path).raw().await, call(&with_slash).raw().await);
        assert_eq!((status, with.0), (200, 200), "{path}");
        assert!(body == with.2 || operation.path.ends_with("/health"), "{path}");
    }
}

#[tokio::test]
async fn a_named_request_is_done_once() {
    let world = World::start().await;
    let mut looked_at = 0;
    for operation in Operation::all().into_iter().filter(|operation| operation.method == Method::POST) {
        let parameters = operation.described["parameters"].as_array();
        let takes_a_name = parameters.into_iter().flatten().any(|parameter| parameter["name"] == "Idempotency-Key");
        // There is no telling operators and strangers apart, so they have no names for requests.
        if operation.callers().contains(&Kind::Operator) {
            assert!(!takes_a_name, "{}", operation.name());
        }
        if !takes_a_name {
            continue;
        }
        let body = operation.sample();
        looked_at += 1;
        let name = Uuid::new_v4().to_string();
        let path = world.path(&operation);
        let call = |body: Option<Value>| {
            let call = world.api.post(&path).header("Idempotency-Key", &name);
            let call = match body {
                Some(body) => call.json(body),
                None => call,
            };
            world.as_caller(call, *operation.callers().first().unwrap())
        };
        let first = call(body.clone()).send().await;
        assert!(first.status < 500, "{}: {}", operation.name(), first.body);
        let second = call(body.clone()).send().await;
        // An organization's new password ends the token that it was changed with.
        if second.status == 401 {
            continue;
        }
        if second.headers.contains_key("idempotency-replayed") {
            assert_eq!((second.status, &second.body), (first.status, &first.body), "{}", operation.name());
        } else {
            assert_eq!((second.status, &second.body["code"]), (409, &json!("conflict")), "{}", operation.name());
            assert!(
                second.body["detail"].as_str().unwrap().contains("secret"),
                "{}: {}",
                operation.name(),
                second.body
            );
        }
        let mut other = body.unwrap_or_else(|| json!({}));
        other["a_field_of_nobody"] = json!(1);
        call(Some(other)).refused(409, "conflict").await;
    }
    assert!(looked_at > 12, "{looked_at}");
}
