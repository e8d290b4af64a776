//! Questions whose asker waits for the whole answer: the assistant's front end, and other back ends.
//!
//! Such a question is one thing with its answer. Nothing of it is stored before the answer is there; then both are, next to each other,
//! with what they took, in one transaction, or nothing is. Who lives in the conversation hears both from its room as they would hear
//! anything that was stored beside it.
//!
//! - [`lines`]: who waits in this process.
//! - [`model`]: what the model is told, and what it says.
//! - [`telling`]: how sessions hear of what was stored.

mod lines;
mod model;
mod telling;

pub use lines::Lines;

use super::Chat;
use crate::assistant::quota::Reservation;
use crate::model::quota::Used;
use crate::model::{ChatbotId, ConversationId, Failure, MessageId, Usage, UserId};
use crate::store::exchanges::pairs::{self, Pair, Stored};
use crate::store::exchanges::turns::{self, Begun, Party, Seat, Taken};
use futures_util::future::{Either, select};
use serde_json::{Value, json};
use std::pin::pin;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout_at};
use uuid::Uuid;

/// How long a question waits for those before it, each of which may take minutes. Who asked may go away sooner.
const PATIENCE: Duration = Duration::from_secs(15 * 60);
/// How often is looked whether it is its turn, where another process, or a bot, is at an answer.
const LOOK: Duration = Duration::from_millis(100);
/// How long a bot may leave something unanswered that was said before: it begins within a second, if it lives.
const HEED: Duration = Duration::from_secs(5);
/// How long the turn lasts without being renewed.
const LEASE: Duration = Duration::from_secs(10);
/// How often it is renewed.
const RENEWAL: Duration = Duration::from_secs(3);
/// How often storing is tried while the database is away.
const TRIES: u32 = 5;
/// Between two of those tries.
const AGAIN: Duration = Duration::from_millis(500);

/// A question.
#[derive(Debug, Clone)]
pub struct Question {
    pub seat: Seat,
    /// What instructions call the asker.
    pub asker: String,
    pub text: String,
    pub files: Vec<File>,
}

/// A text that comes with a question: for the model only, nothing but name and size of it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    pub name: String,
    pub text: String,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub text: String,
    pub usage: Usage,
    /// Tokens that the asker has left this month, of what is booked; `None` where there is no limit.
    pub remaining: Option<u64>,
}

/// Asks, and waits for the answer. Who stops waiting finds question and answer in the conversation later.
///
/// # Errors
/// Nothing is stored then. Nothing is booked either, but for a model that answered in vain, since somebody else is to answer by now.
/// - [`Failure::Forbidden`], [`Failure::NotFound`] for a conversation that is not the asker's.
/// - [`Failure::QuotaExceeded`], [`Failure::ModelFailed`].
/// - [`Failure::Conflict`] if somebody else is to answer by now.
/// - [`Failure::Unavailable`] if too many wait, or for too long, or the database is away.
pub async fn ask(chat: &Chat, question: Question) -> Result<Answer, Failure> {
    // A task of its own, so that nothing cuts it off in the middle.
    actix::spawn(run(chat.clone(), question)).await.unwrap_or(Err(Failure::Internal))
}

async fn run(chat: Chat, question: Question) -> Result<Answer, Failure> {
    let lines = chat.llm().ok_or(Failure::Unavailable)?.lines.clone();
    let Seat { project, conversation, party } = question.seat;
    let asker = match party {
        Party::Person(UserId(id)) | Party::Instance(ChatbotId(id)) => id,
    };
    chat.run(async |conn| turns::check(conn, question.seat).await).await?;
    let asked_at = chat.now();
    let deadline = Instant::now() + PATIENCE;
    let holder = Uuid::new_v4();
    let answered = async {
        let place =
            timeout_at(deadline, lines.enter(conversation, asker)).await.map_err(|_| Failure::Unavailable)??;
        let begun = take(&chat, question.seat, holder, deadline).await?;
        let said = while_held(&chat, conversation, holder, model::answer(&chat, &question, &begun)).await?;
        Ok((place, begun, said))
    };
    let stored = match answered.await {
        Ok((place, begun, said)) => {
            let (body, usage, reservation) = said;
            let pair = Pair {
                seat: question.seat,
                holder,
                begun,
                question: MessageId::random(),
                text: question.text,
                files: metadata(&question.files),
                asked_at,
                answer: MessageId::random(),
                body,
                usage,
                reservation: reservation.id(),
                user_tokens: reservation.user_tokens(),
            };
            let stored = while_held(&chat, conversation, holder, store(&chat, &pair, reservation)).await;
            // The next may go before all is told.
            drop(place);
            stored.map(|stored| (pair, stored))
        }
        Err(failure) => Err(failure),
    };
    if stored.is_err() {
        // What can't be given up now ends by itself.
        let _ = chat.run(async |conn| Ok(turns::leave(conn, conversation, holder).await?)).await;
    }
    if let Some(llm) = chat.llm() {
        // What was said meanwhile waits for the bot.
        llm.heed(project, conversation);
    }
    let (pair, stored) = stored?;
    let answer = Answer {
        text: pair.body.clone(),
        usage: pair.usage,
        remaining: stored.quota.map(|quota| quota.saturating_sub(stored.used)),
    };
    actix::spawn(async move { telling::tell(&chat, &pair, &stored).await });
    Ok(answer)
}

/// Waits until it is this question's turn, and has it from then on.
async fn take(chat: &Chat, seat: Seat, holder: Uuid, deadline: Instant) -> Result<Begun, Failure> {
    let memory = i64::from(chat.llm().ok_or(Failure::Unavailable)?.models.memory());
    let heed_until = Instant::now() + HEED;
    loop {
        let (now, heed) = (chat.now(), Instant::now() < heed_until);
        let taken = chat.run(async |conn| turns::take(conn, seat, holder, LEASE, heed, memory, now).await).await?;
        match taken {
            Taken::Ready(begun) => return Ok(*begun),
            Taken::Busy if Instant::now() >= deadline => return Err(Failure::Unavailable),
            Taken::Busy => sleep(LOOK).await,
        }
    }
}

/// Keeps the turn while something is done in it.
async fn while_held<T>(
    chat: &Chat,
    conversation: ConversationId,
    holder: Uuid,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let renew = async {
        let mut ticks = interval(RENEWAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.reset();
        loop {
            ticks.tick().await;
            // If the turn is lost, storing says so.
            let _ = chat.run(async |conn| Ok(turns::keep(conn, conversation, holder, LEASE).await?)).await;
        }
    };
    // Both go on beside each other: to renew may wait for the row that the work has locked.
    let (work, renew) = (pin!(work), pin!(renew));
    match select(work, renew).await {
        Either::Left((done, _)) => done,
        Either::Right((never, _)) => never,
    }
}

/// Stores the pair and books it; again and again while the database is away, for the answer is there.
async fn store(chat: &Chat, pair: &Pair, reservation: Reservation) -> Result<Stored, Failure> {
    if let (Party::Person(_), Some(_)) = (pair.seat.party, pair.begun.turn) {
        telling::attend(chat, pair.seat).await;
    }
    let mut tries = 0;
    loop {
        tries += 1;
        match chat.run(async |conn| pairs::store(conn, pair, chat.now()).await).await {
            Ok(mut stored) => {
                reservation.settled(std::mem::take(&mut stored.warnings));
                return Ok(stored);
            }
            Err(Failure::Unavailable) if tries < TRIES => sleep(AGAIN).await,
            Err(failure) => {
                // The answer is lost, its price is not.
                let Usage { input_tokens: input, output_tokens: output } = pair.usage;
                let _ = reservation.settle(Used { input, output }).await;
                return Err(failure);
            }
        }
    }
}

fn metadata(files: &[File]) -> Value {
    files.iter().map(|file| json!({ "name": file.name, "size": file.text.len() })).collect()
}
