//! A file comes in: looked at while it streams, and stored piece by piece. What is refused or breaks off leaves nothing.
//!
//! The order of things: the first bytes tell the type; then bytes are set aside under a row; then the contents are written; then the
//! row says that the file is there. Should the process end in between, the sweep finds the row, and what is there of the contents.

use super::super::HttpState;
use super::super::caller::Caller;
use super::super::problem::Problem;
use super::super::rate::CallerKey;
use crate::model::file_type::{self, SNIFFED_BYTES, TextCheck};
use crate::model::{Failure, MediaId, ProjectId, UserId, file_name, picture};
use crate::store::media::{self, Arrival, Claim, MediaRow};
use crate::store::objects::Part;
use crate::wire::error::ErrorCode;
use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::http::{StatusCode, header};
use actix_web::web::Payload;
use actix_web::{HttpMessage, HttpRequest, web};
use bytes::BytesMut;
use futures_util::StreamExt;
use futures_util::stream::Fuse;
use tokio::time::{Instant, timeout_at};

/// The part that has the file.
const PART: &str = "file";
/// Bytes of a picture's beginning that are looked at for its size: Exif and colour profiles come before it.
const LOOKED_AT: usize = 512 * 1024;

/// Takes a file in, to its end or its failure, whether or not the caller is still there.
///
/// # Errors
/// The answer that says why not.
pub async fn receive(
    state: &web::Data<HttpState>,
    caller: &Caller,
    request: &HttpRequest,
    payload: Payload,
) -> Result<MediaRow, Problem> {
    let (owner, key) = match caller {
        Caller::User(caller) => (Some(caller.user.id), CallerKey::User(caller.user.id)),
        Caller::App(caller) => (None, CallerKey::App(caller.app.id)),
    };
    let place = state.media.place(key)?;
    if !request.content_type().eq_ignore_ascii_case("multipart/form-data") {
        let detail = "the Content-Type must be multipart/form-data";
        return Err(Problem::with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE, ErrorCode::BadEnvelope, detail));
    }
    let declared = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let upload = Upload {
        state: state.clone(),
        project: caller.project(),
        owner,
        declared,
        body: Multipart::new(request.headers(), payload),
        began: Instant::now(),
        received: 0,
    };
    // A task of its own: a caller who goes away ends the request, and what was begun has still to be taken back.
    let task = actix::spawn(async move {
        let _place = place;
        upload.run().await
    });
    task.await.map_err(|error| {
        log::error!(target: "palabre::http", "an upload died: {error}");
        Problem::from(Failure::Internal)
    })?
}

struct Upload {
    state: web::Data<HttpState>,
    project: ProjectId,
    owner: Option<UserId>,
    /// Bytes of the whole body, where the caller said so.
    declared: Option<u64>,
    body: Multipart,
    began: Instant,
    /// Bytes of the file so far.
    received: u64,
}

impl Upload {
    async fn run(mut self) -> Result<MediaRow, Problem> {
        let file = self.begin().await?;
        let name = file.content_disposition().and_then(|disposition| {
            let extended = disposition.get_filename_ext().and_then(|name| String::from_utf8(name.value.clone()).ok());
            extended.or_else(|| disposition.get_filename().map(str::to_owned))
        });
        let name = file_name::clean(&name.unwrap_or_default());
        // A field must not be asked again after its end.
        let mut file = file.fuse();
        let mut head = BytesMut::new();
        while head.len() < SNIFFED_BYTES {
            let Some(chunk) = self.next(&mut file).await? else { break };
            head.extend_from_slice(&chunk);
        }
        if head.is_empty() {
            return Err(Failure::invalid(PART, "must not be empty").into());
        }
        let mime = self.allowed(file_type::of(&head))?;
        let id = MediaId::random();
        let claimed = self.claim(id).await?;
        match self.store(file, id, claimed, head, name, mime).await {
            Ok(arrival) => self.arrive(id, arrival).await,
            Err(problem) => {
                let given_up = self.state.chat.run(async |conn| Ok(media::give_up(conn, id).await?)).await;
                if given_up.is_err() {
                    log::debug!(target: "palabre::http", "what was set aside for an upload is given back by the sweep");
                }
                Err(problem)
            }
        }
    }

    /// The part that has the file.
    async fn begin(&mut self) -> Result<Field, Problem> {
        match self.next_part().await? {
            Some(part) if part.name() == Some(PART) => Ok(part),
            Some(_) => Err(not_one_file()),
            None => Err(Failure::invalid(PART, "is required").into()),
        }
    }

    async fn next_part(&mut self) -> Result<Option<Field>, Problem> {
        let deadline = self.deadline();
        timeout_at(deadline, self.body.next()).await.map_err(|_| too_slow())?.transpose().map_err(|e| broken(&e))
    }

    /// The next bytes of the file; `None` at its end.
    async fn next(&mut self, file: &mut Fuse<Field>) -> Result<Option<bytes::Bytes>, Problem> {
        let deadline = self.deadline();
        let chunk = timeout_at(deadline, file.next()).await.map_err(|_| too_slow())?;
        let chunk = chunk.transpose().map_err(|error| broken(&error))?;
        if let Some(chunk) = &chunk {
            self.received = self.received.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
            let most = self.state.media.settings.file_bytes;
            if self.received > most {
                return Err(Failure::TooLarge(format!("a file takes at most {most} bytes")).into());
            }
        }
        Ok(chunk)
    }

    /// Until when the next bytes must be there: neither may an upload stand still, nor drip for ever.
    fn deadline(&self) -> Instant {
        let settings = &self.state.media.settings;
        (Instant::now() + settings.patience).min(self.began + settings.time_for(self.received) + settings.patience)
    }

    fn allowed(&self, mime: &'static str) -> Result<&'static str, Problem> {
        if file_type::is_among(mime, &self.state.media.settings.types) {
            return Ok(mime);
        }
        Err(Failure::invalid(PART, format!("files of the type {mime} are not allowed here")).into())
    }

    fn terms(&self, id: MediaId) -> Claim {
        let settings = &self.state.media.settings;
        let bytes = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        // The file is shorter than the body that it comes in.
        let wanted = bytes(self.declared.unwrap_or(u64::MAX).min(settings.file_bytes));
        Claim {
            id,
            project: self.project,
            owner: self.owner,
            user_bytes: bytes(settings.user_bytes),
            project_bytes: bytes(settings.project_bytes),
            wanted,
        }
    }

    /// Sets bytes aside; how many.
    async fn claim(&self, id: MediaId) -> Result<u64, Problem> {
        let (terms, now) = (self.terms(id), self.state.chat.now());
        let given = self.state.chat.run(async |conn| media::claim(conn, terms, now).await).await?;
        Ok(u64::try_from(given).unwrap_or(0))
    }

    /// Writes the contents as they come. When this fails nothing of them is there.
    async fn store(
        &mut self,
        mut file: Fuse<Field>,
        id: MediaId,
        claimed: u64,
        head: BytesMut,
        name: String,
        mime: &'static str,
    ) -> Result<Arrival, Problem> {
        let objects = std::sync::Arc::clone(&self.state.media.objects);
        let piece = objects.piece();
        let mut writing = objects.write(self.project, id, Part::Original).await?;
        let mut kind = Kind { mime, text: file_type::is_text(mime).then(TextCheck::default), size: None };
        let written = async {
            kind.look(&head);
            let mut waiting = head;
            let mut is_first = true;
            loop {
                if self.received > claimed {
                    return Err(self.no_room(id, claimed));
                }
                let Some(chunk) = self.next(&mut file).await? else { break };
                kind.look(&chunk);
                waiting.extend_from_slice(&chunk);
                while waiting.len() > piece {
                    let full = waiting.split_to(piece).freeze();
                    if std::mem::take(&mut is_first) {
                        kind.measure(&full);
                    }
                    self.allowed(kind.mime)?;
                    writing.piece(full).await?;
                }
            }
            // The file must end as it should, and nothing else may come.
            drop(file);
            if self.next_part().await?.is_some() {
                return Err(not_one_file());
            }
            kind.end();
            self.allowed(kind.mime)?;
            if is_first {
                kind.measure(&waiting);
            }
            Ok(waiting.freeze())
        };
        let last = match written.await {
            Ok(last) => last,
            Err(problem) => {
                writing.give_up().await;
                return Err(problem);
            }
        };
        writing.finish(last).await?;
        let (width, height) = kind.size.unzip();
        let column = |pixels: Option<u32>| pixels.and_then(|pixels| i32::try_from(pixels).ok());
        let size = i64::try_from(self.received).unwrap_or(i64::MAX);
        Ok(Arrival { name, mime: kind.mime.to_owned(), size, width: column(width), height: column(height) })
    }

    fn no_room(&self, id: MediaId, claimed: u64) -> Problem {
        let terms = self.terms(id);
        let claimed = i64::try_from(claimed).unwrap_or(i64::MAX);
        // Which of the two was too little nobody knows any more; the smaller one is the likelier.
        media::no_room(self.owner.is_some() && claimed < terms.user_bytes, terms).into()
    }

    /// The file is there. Where nobody can tell whether that was noted, the sweep decides: nobody has learnt of it.
    async fn arrive(&self, id: MediaId, arrival: Arrival) -> Result<MediaRow, Problem> {
        let arrived = self.state.chat.run(async |conn| Ok(media::arrive(conn, id, &arrival).await?)).await?;
        if let Some(row) = arrived {
            return Ok(row);
        }
        // The project was deleted meanwhile, or it took so long that the sweep came by.
        let deleted = self.state.media.objects.delete(self.project, id).await;
        if deleted.is_err() {
            log::debug!(target: "palabre::http", "contents without a row are left to the sweep");
        }
        Err(Failure::Unavailable.into())
    }
}

/// What is found out of a file while it passes.
struct Kind {
    mime: &'static str,
    text: Option<TextCheck>,
    size: Option<(u32, u32)>,
}

impl Kind {
    fn look(&mut self, chunk: &[u8]) {
        if self.text.as_mut().is_some_and(|text| !text.takes(chunk)) {
            self.no_text();
        }
    }

    fn end(&mut self) {
        if self.text.as_ref().is_some_and(|text| !text.is_whole()) {
            self.no_text();
        }
    }

    /// It only began like a text.
    fn no_text(&mut self) {
        (self.text, self.mime) = (None, file_type::BYTES);
    }

    fn measure(&mut self, first: &[u8]) {
        self.size = picture::size(self.mime, first.get(..LOOKED_AT).unwrap_or(first));
    }
}

fn not_one_file() -> Problem {
    Failure::invalid(PART, "must be the only part").into()
}

fn too_slow() -> Problem {
    Problem::with_status(StatusCode::REQUEST_TIMEOUT, ErrorCode::BadEnvelope, "the body came too slowly")
}

/// What is no form as it should be, or breaks off.
fn broken(error: &MultipartError) -> Problem {
    log::debug!(target: "palabre::http", "an upload broke off: {error}");
    Problem::new(ErrorCode::BadEnvelope, "the body is no multipart/form-data, or broke off")
}

const _: () = assert!(LOOKED_AT > SNIFFED_BYTES);
