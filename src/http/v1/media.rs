//! `/api/v1/media`: files. A user's own, those that messages show in conversations of theirs, and avatars; for apps those of the
//! project. What one may not read does not exist.

use crate::chat::registry::profile::ProfileChanged;
use crate::http::HttpState;
use crate::http::caller::Caller;
use crate::http::media::{download, thumbnail, upload};
use crate::http::problem::Problem;
use crate::http::read::InPath;
use crate::model::{Failure, MediaId};
use crate::store::media::{self, MediaRow, Reader};
use crate::wire::time::Timestamp;
use actix_web::http::header;
use actix_web::web::{Data, Json, Payload};
use actix_web::{HttpRequest, HttpResponse, delete, get, post};
use serde::Serialize;
use utoipa::ToSchema;

/// A file.
#[derive(Debug, Serialize, ToSchema)]
pub struct Media {
    pub id: MediaId,
    /// Its name, as it may be shown: without folders and what can't be seen.
    #[schema(example = "holiday.jpg", min_length = 1, max_length = 120)]
    pub name: String,
    /// Its type, by what is in it.
    #[schema(example = "image/jpeg")]
    pub mime: String,
    /// Its bytes.
    #[schema(example = 204_800, minimum = 1)]
    pub size: i64,
    /// Pixels of a picture, as it is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub width: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub height: Option<i32>,
    pub created_at: Timestamp,
    /// Where its contents are, on this server; reading them needs a token or key too.
    #[schema(example = "/api/v1/media/6f1f0f0e-7d5b-4c33-9d0a-6a0d4a8f4c11/content")]
    pub url: String,
}

impl From<MediaRow> for Media {
    fn from(row: MediaRow) -> Self {
        let url = format!("/api/v1/media/{}/content", row.id);
        let MediaRow { id, name, mime, size, width, height, created_at, .. } = row;
        Self { id, name, mime, size, width, height, created_at: created_at.into(), url }
    }
}

/// What an upload brings.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only described: the body is read as it streams")]
pub struct Upload {
    /// The file; its name is taken from the part, its type from what is in it.
    #[schema(format = Binary, content_media_type = "application/octet-stream")]
    file: String,
}

/// Bring a file
///
/// One part named `file`. It is looked at while it comes: what is too large or of a type that is not allowed here leaves nothing. A
/// file that no message and no avatar refers to is deleted after a day, or what the operator set.
#[utoipa::path(
    tag = "media",
    operation_id = "create_media",
    security(("access_key" = []), ("user_token" = [])),
    request_body(content = Upload, content_type = "multipart/form-data"),
    responses(
        (status = 201, description = "Stored", body = Media, headers(("Location", description = "Where it is"))),
        (status = 400, description = "`bad_envelope`: the body is no form or broke off; `invalid`: `file` is missing, empty, not alone, or of a type that is not allowed"),
        (status = 413, description = "`too_large`: the file, or all files of the user or the project together, would be larger than allowed"),
        (status = 415, description = "`bad_envelope`: the body's type is another than `multipart/form-data`"),
        (status = 429, description = "`rate_limited`: too many requests, or more than four uploads of this caller at once"),
    )
)]
#[post("/media")]
pub async fn create(
    state: Data<HttpState>,
    caller: Caller,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let stored = upload::receive(&state, &caller, &request, payload).await?;
    let location = format!("/api/v1/media/{}", stored.id);
    Ok(HttpResponse::Created().insert_header((header::LOCATION, location)).json(Media::from(stored)))
}

/// A file
///
/// What is known of it.
#[utoipa::path(
    tag = "media",
    operation_id = "show_media",
    security(("access_key" = []), ("user_token" = [])),
    params(("media" = MediaId, Path, description = "The file's id")),
    responses((status = 200, description = "The file", body = Media))
)]
#[get("/media/{media}")]
pub async fn show(state: Data<HttpState>, caller: Caller, media: InPath<MediaId>) -> Result<Json<Media>, Problem> {
    Ok(Json(find(&state, &caller, media.0).await?.into()))
}

/// A file's contents
///
/// All of them, or with `Range` a part. Only pictures, sound, film and plain text are shown in place by a browser; all else it
/// offers to save.
#[utoipa::path(
    tag = "media",
    operation_id = "download_media",
    security(("access_key" = []), ("user_token" = [])),
    params(
        ("media" = MediaId, Path, description = "The file's id"),
        ("Range" = Option<String>, Header, description = "One range of bytes; anything else is as if it were not there"),
        ("If-Range" = Option<String>, Header, description = "With another `ETag` than the file's, `Range` does not count"),
        ("If-None-Match" = Option<String>, Header, description = "With the file's `ETag` nothing is sent"),
    ),
    responses(
        (status = 200, description = "All of it", content_type = "*/*", body = [u8]),
        (status = 206, description = "The part that was asked for", content_type = "*/*", body = [u8]),
        (status = 304, description = "It is the one that the caller has"),
        (status = 416, description = "`invalid`: it has no such part; `Content-Range` says how long it is"),
    )
)]
#[get("/media/{media}/content")]
pub async fn show_content(
    state: Data<HttpState>,
    caller: Caller,
    request: HttpRequest,
    media: InPath<MediaId>,
) -> Result<HttpResponse, Problem> {
    let file = find(&state, &caller, media.0).await?;
    download::send(&state, &request, &file).await
}

/// A small picture of a picture
///
/// At most 320 pixels wide and high, upright. Made when it is first asked for. 404 also where the file is no picture (PNG, JPEG,
/// GIF, WebP), or too large to decode.
#[utoipa::path(
    tag = "media",
    operation_id = "show_thumbnail",
    security(("access_key" = []), ("user_token" = [])),
    params(
        ("media" = MediaId, Path, description = "The file's id"),
        ("If-None-Match" = Option<String>, Header, description = "With its `ETag` nothing is sent"),
    ),
    responses(
        (status = 200, description = "The small picture", content((Vec<u8> = "image/jpeg"), (Vec<u8> = "image/png"))),
        (status = 304, description = "It is the one that the caller has"),
    )
)]
#[get("/media/{media}/thumbnail")]
pub async fn show_thumbnail(
    state: Data<HttpState>,
    caller: Caller,
    request: HttpRequest,
    media: InPath<MediaId>,
) -> Result<HttpResponse, Problem> {
    let file = find(&state, &caller, media.0).await?;
    let small = thumbnail::of(&state, &file).await?;
    Ok(download::send_small(&request, &format!("{}-thumbnail", file.id), thumbnail::mime_of(&small), small))
}

/// Delete a file
///
/// By who brought it, administrators and apps. Messages show it no more, and it is nobody's avatar.
#[utoipa::path(
    tag = "media",
    operation_id = "delete_media",
    security(("access_key" = []), ("user_token" = [])),
    params(("media" = MediaId, Path, description = "The file's id")),
    responses((status = 204, description = "Deleted"))
)]
#[delete("/media/{media}")]
pub async fn delete(state: Data<HttpState>, caller: Caller, media: InPath<MediaId>) -> Result<HttpResponse, Problem> {
    let (project, id) = (caller.project(), media.0);
    let owner = match &caller {
        Caller::User(caller) => Some(caller.user.id),
        Caller::App(_) => None,
    };
    let owner = owner.filter(|_| !caller.is_admin());
    let deleted = state.chat.run(async |conn| media::delete(conn, project, id, owner).await).await;
    let worn_by = match deleted {
        // Who may read it learns that it is there and not theirs; for others it is not.
        Err(Failure::NotFound(_)) => {
            find(&state, &caller, media.0).await?;
            return Err(Failure::Forbidden("only who brought it, administrators and apps may delete it").into());
        }
        other => other?,
    };
    for user in worn_by {
        ProfileChanged::tell(&state.chat, project, user);
    }
    // The row is gone, and with it every way to the contents; what can't be deleted now the sweep finds.
    if state.media.objects.delete(project, id).await.is_err() {
        log::info!(target: "palabre::http", "the contents of a deleted file are left to the sweep");
    }
    Ok(HttpResponse::NoContent().finish())
}

/// A file that the caller may read.
async fn find(state: &HttpState, caller: &Caller, id: MediaId) -> Result<MediaRow, Problem> {
    let reader = match caller {
        Caller::User(user) => Reader::User { id: user.user.id, admin: caller.is_admin() },
        Caller::App(_) => Reader::App,
    };
    let found = state.chat.run(async |conn| Ok(media::read(conn, caller.project(), reader, id).await?));
    Ok(found.await?.ok_or(Failure::NotFound("media"))?)
}
