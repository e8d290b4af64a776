//! The description of the API, OpenAPI 3.1, generated from the handlers and completed with what holds for all of them, so that no
//! handler has to repeat it: the errors that any request can meet, how callers say who they are, the headers.

use super::behalf::ON_BEHALF;
use super::bots;
use super::caller::{APP_KEY, BOT_KEY, PROJECT};
use super::entrance::REQUEST_ID;
use super::idempotency::KEY;
use super::problem::{Details, FieldError};
use super::v1;
use crate::wire::error::ErrorCode;
use crate::wire::schema::{self, Form};
use actix_web::http::StatusCode;
use serde_json::Value;
use std::sync::LazyLock;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::response::Response;
use utoipa::openapi::schema::{Object, ObjectBuilder, Schema, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{
    Components, ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Required, content::Content,
};
use utoipa::{PartialSchema, ToSchema};
use utoipa_actix_web::OpenApiFactory;

/// How users say who they are, in the description.
pub const USER_TOKEN: &str = "user_token";
/// How organizations do.
pub const ORGANIZATION_TOKEN: &str = "organization_token";
/// How apps do.
pub const ACCESS_KEY: &str = "access_key";
/// How the back ends of bots do.
pub const CHATBOT_KEY: &str = "chatbot_key";
/// How operators do.
pub const ADMIN_TOKEN: &str = "admin_token";

/// Bodies whose fields go together in several ways only.
const FORMS: &[(&str, &[Form])] = &[("ConversationChange", &[(&[], &["name", "title"]), (&["mode"], &["chatbot"])])];

/// The description as it is served, and what the router wants to know of it.
pub struct Document {
    pub json: String,
    /// The methods of each path, the path in segments.
    methods: Vec<(Vec<String>, String)>,
}

impl Document {
    /// The methods that a path has, as `Allow` lists them; `None` where there is no such path.
    #[must_use]
    pub fn methods_of(&self, path: &str) -> Option<&str> {
        let wanted: Vec<&str> = path.trim_end_matches('/').split('/').collect();
        let fits = |segments: &[String]| {
            segments.len() == wanted.len()
                && segments.iter().zip(&wanted).all(|(known, wanted)| known.starts_with('{') || known == wanted)
        };
        // `/users/me` before `/users/{user}`.
        let literal = |segments: &[String]| segments.iter().filter(|segment| !segment.starts_with('{')).count();
        let fitting = self.methods.iter().filter(|(segments, _)| fits(segments));
        fitting.max_by_key(|(segments, _)| literal(segments)).map(|(_, methods)| methods.as_str())
    }
}

/// The description of this program's API.
pub fn document() -> &'static Document {
    static DOCUMENT: LazyLock<Document> = LazyLock::new(|| {
        let api = describe();
        let methods = api
            .paths
            .paths
            .iter()
            .map(|(path, item)| (path.split('/').map(str::to_owned).collect(), allowed(item).join(", ")));
        Document { methods: methods.collect(), json: sealed(&api).to_string() }
    });
    &DOCUMENT
}

/// The description with schemas of answers that say what is sent and nothing else.
fn sealed(api: &OpenApi) -> Value {
    // It is ours and holds nothing that JSON can't say.
    let mut document = serde_json::to_value(api).unwrap_or_default();
    let operations = |part: &str| -> Vec<Value> {
        let items = document.get("paths").and_then(Value::as_object).into_iter().flat_map(serde_json::Map::values);
        let operations = items.filter_map(Value::as_object).flat_map(serde_json::Map::values);
        operations.filter_map(|operation| operation.get(part).cloned()).collect()
    };
    let (answers, bodies) = (operations("responses"), operations("requestBody"));
    let schemas = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    if let Some(schemas) = schemas {
        let asked = schema::reachable(&bodies, schemas);
        let sent = schema::reachable(&answers, schemas).difference(&asked).cloned().collect();
        schema::seal(schemas, &sent);
        for (name, forms) in FORMS {
            if let Some(schema) = schemas.get_mut(*name) {
                *schema = schema::in_forms(schema, forms);
            }
        }
    }
    document
}

fn allowed(item: &PathItem) -> Vec<&'static str> {
    [
        ("GET, HEAD", &item.get),
        ("POST", &item.post),
        ("PUT", &item.put),
        ("PATCH", &item.patch),
        ("DELETE", &item.delete),
    ]
    .into_iter()
    .filter_map(|(method, operation)| operation.is_some().then_some(method))
    .collect()
}

fn describe() -> OpenApi {
    let (routes, of_bots) = (v1::scope(), bots::scope());
    let mut schemas: Vec<(String, RefOr<Schema>)> = Vec::new();
    routes.schemas(&mut schemas);
    of_bots.schemas(&mut schemas);
    let mut paths = routes.paths();
    paths.paths.extend(of_bots.paths().paths);
    for (path, item) in &mut paths.paths {
        complete(path, item);
    }
    let mut components = Components::new();
    components.schemas.extend(schemas);
    components.schemas.insert(Details::name().into_owned(), Details::schema());
    components.schemas.insert(FieldError::name().into_owned(), FieldError::schema());
    components.schemas.insert(ErrorCode::name().into_owned(), ErrorCode::schema());
    components.security_schemes.extend(security_schemes().map(|(name, scheme)| (name.to_owned(), RefOr::T(scheme))));
    let info = InfoBuilder::new()
        .title("Palabre")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(include_str!("description.md")))
        .build();
    OpenApiBuilder::new().info(info).paths(paths).components(Some(components)).build()
}

fn security_schemes() -> [(&'static str, SecurityScheme); 5] {
    let bearer = |description: &str| {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(description));
        SecurityScheme::Http(scheme.build())
    };
    let key = ApiKeyValue::with_description(APP_KEY, "The access key of an app, as it was shown when it was made.");
    let bot_key = "The access key of a bot, as it was shown when it was made or got another.";
    let bot_key = ApiKeyValue::with_description(BOT_KEY, bot_key);
    [
        (
            USER_TOKEN,
            bearer(
                "A user's token, from `auth/login`, `auth/register` or the command line, or of the project's issuer.",
            ),
        ),
        (ORGANIZATION_TOKEN, bearer("An organization's token, from `organizations/login`.")),
        (ACCESS_KEY, SecurityScheme::ApiKey(ApiKey::Header(key))),
        (CHATBOT_KEY, SecurityScheme::ApiKey(ApiKey::Header(bot_key))),
        (ADMIN_TOKEN, bearer("The operators' token, a setting of the server.")),
    ]
}

/// Adds to the operations of a path what holds for all.
fn complete(path: &str, item: &mut PathItem) {
    let is_auth = path.contains("/auth/");
    let PathItem { get, post, put, patch, delete, .. } = item;
    for operation in [&mut *get, &mut *post, &mut *put, &mut *patch, &mut *delete].into_iter().flatten() {
        if !is_auth {
            open_to_apps(operation);
        }
        open_to_issuers(operation);
    }
    for operation in [get, put, patch, delete].into_iter().flatten() {
        complete_operation(operation);
    }
    if let Some(operation) = post {
        if !is_auth && !is_form(operation) && has_known_callers(operation) {
            operation.parameters.get_or_insert_default().push(RefOr::T(idempotency_key()));
            add_problem(operation, StatusCode::CONFLICT);
        }
        complete_operation(operation);
    }
}

/// Whether who calls an operation is known by name: operators are not, and strangers neither.
fn has_known_callers(operation: &Operation) -> bool {
    let operator = requirement(ADMIN_TOKEN);
    operation.security.as_ref().is_some_and(|security| !security.contains(&operator))
}

fn requirement(scheme: &str) -> SecurityRequirement {
    SecurityRequirement::new::<_, [&str; 0], &str>(scheme, [])
}

/// Whether an operation takes files, which can't be held to tell whether they are the same.
fn is_form(operation: &Operation) -> bool {
    let body = operation.request_body.as_ref();
    body.is_some_and(|body| matches!(body, RefOr::T(body) if body.content.contains_key("multipart/form-data")))
}

/// What users may do, apps may do for them.
fn open_to_apps(operation: &mut Operation) {
    let Some(security) = &mut operation.security else { return };
    let (user, app) = (requirement(USER_TOKEN), requirement(ACCESS_KEY));
    if !security.contains(&user) && !security.contains(&app) {
        return;
    }
    if !security.contains(&app) {
        security.push(app);
    }
    operation.parameters.get_or_insert_default().push(RefOr::T(on_behalf()));
}

/// What users may do they may do with tokens of others too, which may be good for more than one project.
fn open_to_issuers(operation: &mut Operation) {
    if operation.security.as_ref().is_some_and(|security| security.contains(&requirement(USER_TOKEN))) {
        operation.parameters.get_or_insert_default().push(RefOr::T(project()));
    }
}

fn complete_operation(operation: &mut Operation) {
    let has_body = operation.request_body.is_some();
    let parameters = operation.parameters.as_deref().unwrap_or_default();
    let is_in = |place: &ParameterIn| {
        parameters.iter().any(|parameter| matches!(parameter, RefOr::T(parameter) if parameter.parameter_in == *place))
    };
    let (in_path, in_query) = (is_in(&ParameterIn::Path), is_in(&ParameterIn::Query) || is_in(&ParameterIn::Header));
    let mut statuses =
        vec![StatusCode::TOO_MANY_REQUESTS, StatusCode::INTERNAL_SERVER_ERROR, StatusCode::SERVICE_UNAVAILABLE];
    if has_body || in_path || in_query {
        statuses.push(StatusCode::BAD_REQUEST);
    }
    if has_body {
        statuses.extend([
            StatusCode::REQUEST_TIMEOUT,
            StatusCode::PAYLOAD_TOO_LARGE,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ]);
    }
    if in_path {
        statuses.push(StatusCode::NOT_FOUND);
    }
    if operation.security.is_some() {
        statuses.extend([StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN]);
    }
    for status in statuses {
        add_problem(operation, status);
    }
    let id = HeaderBuilder::new()
        .schema(Some(text()))
        .description(Some("The id of the request, as it stands in the server's logs."))
        .build();
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response {
            // What the handler says of an error is when it comes; how it looks is always the same.
            if status.starts_with(['4', '5']) && response.content.is_empty() {
                response.content.insert("application/problem+json".to_owned(), problem());
            }
            response.headers.insert(REQUEST_ID.to_owned(), RefOr::T(id.clone()));
        }
    }
}

/// Adds an answer that says what went wrong, unless the handler describes it.
fn add_problem(operation: &mut Operation, status: StatusCode) {
    let responses = &mut operation.responses.responses;
    let entry =
        responses.entry(status.as_u16().to_string()).or_insert_with(|| RefOr::T(Response::new(meaning(status))));
    let RefOr::T(response) = entry else { return };
    if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        let seconds = HeaderBuilder::new()
            .schema(Some(ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1))))
            .description(Some("Seconds after which another try makes sense."));
        response.headers.insert("Retry-After".to_owned(), RefOr::T(seconds.build()));
    }
}

fn problem() -> RefOr<Content> {
    RefOr::T(ContentBuilder::new().schema(Some(Ref::from_schema_name(Details::name()))).build())
}

fn text() -> Object {
    ObjectBuilder::new().schema_type(Type::String).build()
}

fn on_behalf() -> utoipa::openapi::path::Parameter {
    ParameterBuilder::new()
        .name(ON_BEHALF)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "For apps: the user for whom this is done, by id or username (percent-encoded UTF-8). The rights are that user's.",
        ))
        // Beside a user's own token it means nothing, whatever it holds; for apps it is looked up.
        .schema(Some(text()))
        .build()
}

fn project() -> utoipa::openapi::path::Parameter {
    ParameterBuilder::new()
        .name(PROJECT)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "With a token of an issuer that several projects trust for the same audience: the project that is meant, by name or id.",
        ))
        // Beside a token of this server it means nothing, whatever it holds; beside others it is looked up.
        .schema(Some(text()))
        .build()
}

fn idempotency_key() -> utoipa::openapi::path::Parameter {
    ParameterBuilder::new()
        .name(KEY)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "Names the request: sent again within a day with the same name, it is done once and answered the same.",
        ))
        .schema(Some(
            ObjectBuilder::new()
                .schema_type(Type::String)
                .min_length(Some(1))
                .max_length(Some(255))
                .pattern(Some("^[!-~]+$")),
        ))
        .build()
}

/// What a status means wherever nothing else is said.
fn meaning(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => {
            "`bad_envelope`: the body is no JSON object; `invalid`: `errors` names each field at fault."
        }
        StatusCode::UNAUTHORIZED => {
            "`unauthorized`: no token or key, or none that is good; `token_expired`: its time is over."
        }
        StatusCode::FORBIDDEN => "`forbidden`: this caller lacks the right.",
        StatusCode::NOT_FOUND => "`not_found`: there is no such thing in the caller's project.",
        StatusCode::CONFLICT => {
            "`conflict`: the state of things does not allow it, or the `Idempotency-Key` was used otherwise."
        }
        StatusCode::REQUEST_TIMEOUT => "`bad_envelope`: the body came too slowly.",
        StatusCode::PAYLOAD_TOO_LARGE => "`too_large`: the body is longer than allowed.",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "`bad_envelope`: the body's type is another than `application/json`.",
        StatusCode::TOO_MANY_REQUESTS => "`rate_limited`: too many requests.",
        StatusCode::SERVICE_UNAVAILABLE => {
            "`unavailable`: the database or a part of the server is away for the moment."
        }
        _ => "`internal`: a fault of the server, which it has logged.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_know_their_methods() {
        let document = document();
        assert_eq!(document.methods_of("/api/v1/health"), Some("GET, HEAD"));
        assert_eq!(document.methods_of("/api/v1/auth/login/"), Some("POST"));
        assert_eq!(document.methods_of("/api/v1/nothing"), None);
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_error_is_described() {
        let api: Value = serde_json::from_str(&document().json).unwrap();
        assert_eq!(api["openapi"], "3.1.0");
        let mut references = Vec::new();
        collect(&api, &mut references);
        assert!(references.len() > 10);
        for reference in references {
            let pointer = reference.trim_start_matches('#');
            assert!(api.pointer(pointer).is_some(), "{reference} leads nowhere");
        }
        for (path, item) in api["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let responses = operation["responses"].as_object().unwrap();
                assert!(operation["operationId"].is_string() && operation["summary"].is_string(), "{method} {path}");
                assert!(responses.contains_key("500") && responses.contains_key("503"), "{method} {path}");
                assert!(responses.keys().any(|status| status.starts_with('2')), "{method} {path}");
                for (status, response) in responses {
                    let is_error = status.starts_with(['4', '5']);
                    let is_problem = response.pointer("/content/application~1problem+json").is_some();
                    // Health says how it is, whatever it is.
                    assert!(is_error == is_problem || path.ends_with("/health"), "{method} {path} {status}");
                }
            }
        }
    }

    #[test]
    fn every_document_has_an_example_in_it() {
        let api: Value = serde_json::from_str(&document().json).unwrap();
        for (path, item) in api["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let answers = operation["responses"].as_object().unwrap().values();
                for part in answers.chain(operation.get("requestBody")) {
                    let Some(schema) = part.pointer("/content/application~1json/schema") else { continue };
                    // The description does not describe itself.
                    assert!(shows(&api, schema, 0) || path.ends_with("/openapi.json"), "{method} {path}: {schema}");
                }
            }
        }
    }

    /// Whether there is an example in a schema, or in one that it refers to.
    fn shows(api: &Value, schema: &Value, depth: usize) -> bool {
        match schema {
            Value::Object(members) => members.iter().any(|(name, member)| match member {
                Value::String(reference) if name == "$ref" && depth < 8 => {
                    api.pointer(reference.trim_start_matches('#')).is_some_and(|schema| shows(api, schema, depth + 1))
                }
                // A list of values shows them all.
                member => ["example", "examples", "enum"].contains(&name.as_str()) || shows(api, member, depth),
            }),
            Value::Array(items) => items.iter().any(|item| shows(api, item, depth)),
            _ => false,
        }
    }

    fn collect(value: &Value, references: &mut Vec<String>) {
        match value {
            Value::Object(members) => members.iter().for_each(|(key, member)| match member {
                Value::String(reference) if key == "$ref" => references.push(reference.clone()),
                other => collect(other, references),
            }),
            Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
            _ => {}
        }
    }
}
