//! `/api/v1/games`: invitations that apps make, for users or as themselves.
//!
//! An invitation is a message of kind `game`, and takes the way of every message. Beside it is kept which app made it, and where
//! that app is told of answers ([`crate::chat::callbacks`]).

use super::apps::{CallbackSecret, new_key};
use crate::chat::callbacks::Refused;
use crate::chat::registry::relate::Relate;
use crate::chat::room::edit::{Alter, Alteration};
use crate::chat::room::say::{Draft, Say};
use crate::http::HttpState;
use crate::http::caller::AppCaller;
use crate::http::idempotency::Secret;
use crate::http::paging::Page;
use crate::http::paging::{self, Place, Serial, page_size};
use crate::http::person::{Person, enter};
use crate::http::problem::{Checks, Problem};
use crate::http::read::{Body, InPath, InQuery, Number};
use crate::model::contact::{Action, Relation};
use crate::model::game::State;
use crate::model::limits::{GAME_PAYLOAD_BYTES, GAME_SEATS};
use crate::model::{ConversationId, Failure, MessageId, SessionId, UserId, text};
use crate::session::who::{ask, said, say};
use crate::store::accounts::AppRow;
use crate::store::messages::ByApp;
use crate::store::users::UserRow;
use crate::store::{contacts, invitations, users};
use crate::wire::invitation::Invitation;
use crate::wire::limits::PAGE_USERS;
use crate::wire::shapes::{Game, MessageKind};
use crate::wire::time::Timestamp;
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get, post};
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// A new invitation. One of `to` and `conversation` says for whom.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInvitation {
    /// The app's own: sent again with the same content, the invitation is made once and answered the same.
    id: MessageId,
    /// The user who invites, by id or username, or whom `X-Palabre-User` names; without either the app does, as itself.
    #[schema(example = "alice", min_length = 1)]
    from: Option<String>,
    /// The user who is invited, by id or username: an accepted contact of who invites. An app that invites as itself becomes
    /// a contact of the user's the first time; one whom the user removed or blocks is refused.
    #[schema(example = "bob", min_length = 1)]
    to: Option<String>,
    /// The conversation whose members are invited; who invites is one of them and may write there.
    conversation: Option<ConversationId>,
    /// The game's name: 1 to 64 characters, none of them a control character.
    #[schema(example = "chess", min_length = 1, max_length = 64)]
    game: String,
    /// Any JSON, of at most 4 096 bytes when written compactly.
    #[schema(example = json!({"table": 12}))]
    payload: Value,
    /// Seats, the one of who invites not counted; 1 if left out.
    #[schema(minimum = 1, maximum = 100)]
    capacity: Option<i32>,
    /// When it ends by itself.
    expires_at: Option<Timestamp>,
    /// Where the app is told of answers, `http` or `https`, at most 2 048 characters.
    #[schema(example = "https://games.example.org/palabre", min_length = 1, max_length = 2048)]
    callback_url: Option<String>,
}

/// Which invitations.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// Those in this state only.
    state: Option<State>,
    /// The `next` of the page before.
    #[param(pattern = "^[0-9]{1,18}$")]
    after: Option<String>,
    /// Invitations in a page.
    #[param(value_type = Option<i64>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<Number>,
}

/// Invite to a game
///
/// On behalf of a user or as the app itself. Members see it at once, as the event `message.game`; what becomes of it is posted to
/// `callback_url`, signed.
#[utoipa::path(
    tag = "games",
    operation_id = "create_invitation",
    security(("access_key" = [])),
    request_body = NewInvitation,
    responses(
        (status = 201, description = "Made, now or before", body = Invitation),
        (status = 403, description = "`forbidden`: no app's key; the user invited is no contact of who invites, or took the app from their contacts or blocks it; `read_only`: who invites may not write there"),
        (status = 404, description = "`not_found`: there is no such user to invite, or who invites is in no such conversation"),
        (status = 409, description = "`id_taken`: the id is another message's; `conflict`: the app has no callback secret yet, or the `Idempotency-Key` was used otherwise"),
    )
)]
#[post("/games/invitations")]
pub async fn create(
    state: Data<HttpState>,
    caller: AppCaller,
    body: Body<NewInvitation>,
) -> Result<HttpResponse, Problem> {
    let AppCaller { app, on_behalf } = caller;
    let NewInvitation { id, from, to, conversation, game, payload, capacity, expires_at, callback_url } = body.0;
    let capacity = capacity.unwrap_or(1);
    let must = |holds: bool, field: &str, what: String| if holds { Ok(()) } else { Err(Failure::invalid(field, what)) };
    let mut checks = Checks::default();
    checks
        .note(must(from.is_none() || on_behalf.is_none(), "from", "goes without X-Palabre-User".to_owned()))
        .note(must(to.is_none() || conversation.is_none(), "to", "goes without conversation".to_owned()))
        .note(must(to.is_some() || conversation.is_some(), "conversation", "is required, or to".to_owned()))
        .note(text::game_name("game", &game))
        .note(must(
            payload.to_string().len() <= GAME_PAYLOAD_BYTES,
            "payload",
            format!("must be at most {GAME_PAYLOAD_BYTES} bytes as compact JSON"),
        ))
        .note(must((1..=GAME_SEATS).contains(&capacity), "capacity", format!("must be from 1 to {GAME_SEATS}")))
        .note(must(
            expires_at.is_none_or(|end| end.0 > state.chat.now()),
            "expires_at",
            "must be in the future".to_owned(),
        ));
    checks.done()?;
    let callback_url = match callback_url {
        Some(url) => Some(callback(&state, &app, &url).await?),
        None => None,
    };
    let author = author(&state, &app, from.as_deref(), on_behalf).await?;
    let person = Person::of(&state.chat, author.user());
    let conversation = match (&author, to.as_deref()) {
        (Author::App(_), Some(to)) => reach(&state, &person, to).await?,
        (_, to) => person.address(conversation, to).await?,
    };
    let game = Game {
        name: game,
        payload,
        capacity,
        seats: Vec::new(),
        declined: Vec::new(),
        state: State::Offered,
        expires_at,
    };
    let draft = Draft {
        id,
        kind: MessageKind::Game,
        body: String::new(),
        reply_to: None,
        tone: None,
        attachments: Vec::new(),
        game: Some(game),
        by_app: Some(ByApp { app: app.id, callback_url }),
    };
    let room = person.room(conversation).await?;
    let author = Arc::clone(&person.user);
    said(say(&room, |done| Say { reply: None, author, draft, done })).await?;
    Ok(HttpResponse::Created().json(find(&state, &app, id).await?))
}

/// The app's invitations
///
/// The newest first.
#[utoipa::path(
    tag = "games",
    operation_id = "list_invitations",
    security(("access_key" = [])),
    params(Which),
    responses((status = 200, description = "A page", body = Page<Invitation>))
)]
#[get("/games/invitations")]
pub async fn list(
    state: Data<HttpState>,
    caller: AppCaller,
    which: InQuery<Which>,
) -> Result<Json<Page<Invitation>>, Problem> {
    let limit = page_size(which.0.limit, paging::DEFAULT, PAGE_USERS)?;
    let after = Serial::after(which.0.after.as_deref())?.map(|serial| serial.0);
    let which = invitations::Which { state: which.0.state, after, limit };
    let now = state.chat.now();
    let page = state
        .chat
        .run(async |conn| Ok(invitations::page(conn, caller.app.project_id, caller.app.id, which, now).await?));
    let (items, next) = page.await?;
    Ok(Json(Page { items, next: next.map(|number| Serial(number).mark()) }))
}

/// An invitation
///
/// Of the app's own.
#[utoipa::path(
    tag = "games",
    operation_id = "show_invitation",
    security(("access_key" = [])),
    params(("invitation" = MessageId, Path, description = "The invitation's id")),
    responses((status = 200, description = "The invitation as it stands", body = Invitation))
)]
#[get("/games/invitations/{invitation}")]
pub async fn show(
    state: Data<HttpState>,
    caller: AppCaller,
    invitation: InPath<MessageId>,
) -> Result<Json<Invitation>, Problem> {
    Ok(Json(find(&state, &caller.app, invitation.0).await?))
}

/// Take an invitation back
///
/// Of the app's own, whoever it was made for. One that was withdrawn before is confirmed.
#[utoipa::path(
    tag = "games",
    operation_id = "withdraw_invitation",
    security(("access_key" = [])),
    params(("invitation" = MessageId, Path, description = "The invitation's id")),
    responses(
        (status = 200, description = "The invitation as it is now", body = Invitation),
        (status = 409, description = "`conflict`: it has ended otherwise, or the `Idempotency-Key` was used otherwise"),
    )
)]
#[post("/games/invitations/{invitation}/withdraw")]
pub async fn withdraw(
    state: Data<HttpState>,
    caller: AppCaller,
    invitation: InPath<MessageId>,
) -> Result<Json<Invitation>, Problem> {
    let (app, id) = (caller.app, invitation.0);
    let found = find(&state, &app, id).await?;
    let room = enter(&state.chat, app.project_id, found.conversation).await?;
    let change = Alteration::WithdrawBy(app.id);
    ask(&room, Alter { reply: None, user: Arc::new(found.author), message: id, change }).await??;
    Ok(Json(find(&state, &app, id).await?))
}

/// Get a secret for callbacks
///
/// The one that the app's callbacks are signed with from now on, those included that were not delivered yet. The one before is
/// used no longer.
#[utoipa::path(
    tag = "games",
    operation_id = "rotate_own_callback_secret",
    security(("access_key" = [])),
    responses((status = 200, description = "The secret, shown this once", body = CallbackSecret))
)]
#[post("/games/callback-secret")]
pub async fn rotate_secret(state: Data<HttpState>, caller: AppCaller) -> Result<HttpResponse, Problem> {
    let (app, secret) = (caller.app, new_key());
    let set = state.chat.run(async |conn| Ok(invitations::set_secret(conn, app.project_id, app.id, &secret).await?));
    set.await?.ok_or(Failure::Unauthorized)?;
    let mut response = HttpResponse::Ok().json(CallbackSecret { callback_secret: secret });
    response.extensions_mut().insert(Secret);
    Ok(response)
}

async fn find(state: &HttpState, app: &AppRow, id: MessageId) -> Result<Invitation, Failure> {
    let now = state.chat.now();
    state.chat.run(async |conn| invitations::one(conn, app.project_id, app.id, id, now).await).await
}

/// The address to call, if it may be called, in its normal form.
async fn callback(state: &HttpState, app: &AppRow, url: &str) -> Result<String, Failure> {
    let refused = |refused: Refused| Failure::invalid("callback_url", refused.to_string());
    let url = state.callbacks.check(url).await.map_err(refused)?;
    if !state.chat.run(async |conn| Ok(invitations::has_secret(conn, app.id).await?)).await? {
        return Err(Failure::Conflict("the app has no callback secret yet: make one with POST games/callback-secret"));
    }
    Ok(url.into())
}

/// Who invites.
enum Author {
    User(UserRow),
    /// The app, by a user of its own.
    App(UserRow),
}

impl Author {
    fn user(&self) -> &UserRow {
        match self {
            Self::User(user) | Self::App(user) => user,
        }
    }
}

async fn author(
    state: &HttpState,
    app: &AppRow,
    from: Option<&str>,
    on_behalf: Option<UserRow>,
) -> Result<Author, Failure> {
    if let Some(user) = on_behalf {
        return Ok(Author::User(user));
    }
    let Some(name) = from else {
        return Ok(Author::App(state.chat.run(async |conn| invitations::own_user(conn, app).await).await?));
    };
    let found = state.chat.run(async |conn| Ok(users::resolve(conn, app.project_id, &[name]).await?)).await?;
    let nobody = || Failure::invalid("from", "names no user of the project whose account is open");
    Ok(Author::User(found.into_iter().next().flatten().ok_or_else(nobody)?))
}

/// The private conversation of an app's own user with somebody, whose contact the app becomes if the two never had to do with each
/// other. Who removed or blocks the app is left in peace.
async fn reach(state: &HttpState, app: &Person<'_>, to: &str) -> Result<ConversationId, Failure> {
    let (target, side) = state
        .chat
        .run(async |conn| {
            let target = users::resolve(conn, app.project, &[to]).await?.into_iter().next().flatten();
            let target = target.ok_or(Failure::NotFound("user"))?.id;
            Ok((target, invitations::side_of(conn, target, app.id()).await?))
        })
        .await?;
    if target == app.id() {
        return Err(Failure::invalid("to", "must be somebody else"));
    }
    let refused = Failure::Forbidden("this user does not want to hear of the app");
    let steps: &[(UserId, UserId, Action)] = match side.relation {
        _ if side.blocked => return Err(refused),
        Relation::Removed => return Err(refused),
        Relation::Accepted => &[],
        Relation::None => &[(app.id(), target, Action::Invite), (target, app.id(), Action::Accept)],
        Relation::Pending => &[(target, app.id(), Action::Accept)],
        Relation::Invited => &[(app.id(), target, Action::Invite)],
    };
    let registry = app.namespace()?.registry();
    for (actor, target, action) in steps.iter().copied() {
        let relate = Relate { session: SessionId::random(), actor, target, action };
        match ask(&registry, relate).await? {
            Ok(_) => {}
            // They blocked or removed it in this moment.
            Err(Failure::Conflict(_)) => return Err(refused),
            Err(other) => return Err(other),
        }
    }
    let private = state.chat.run(async |conn| Ok(contacts::accepted_conversation(conn, app.id(), target).await?));
    private.await?.ok_or(refused)
}
