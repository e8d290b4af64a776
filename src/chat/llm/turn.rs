//! One answer: what was said becomes a prompt, the model's deltas become pieces that everybody hears, and at last a message.

use super::speaker::Speaker;
use super::{Desk, End};
use crate::assistant::context::{self, Places, Said};
use crate::assistant::provider::{Delta, ModelError, Passage, Prompt};
use crate::assistant::quota::{self, Reservation};
use crate::chat::room::answer::{Conclude, Utter};
use crate::model::limits::{BODY_BYTES, BODY_CHARS};
use crate::model::quota::{Used, estimate};
use crate::model::{ConversationId, Failure, MessageId, ProjectId, Usage};
use crate::store::answers::{self, Begun, Ending, Kept};
use crate::store::chatbots;
use crate::wire::shapes::{ConversationKind, Ended};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};

/// Between two pieces of an answer: more often nobody sees a difference.
const PIECE: Duration = Duration::from_millis(40);
/// How often what was said is kept, and the right to say it renewed.
const KEEP: Duration = Duration::from_secs(1);
/// Messages that a model is told at most, however many came at once.
const MOST_MESSAGES: i64 = 100;
/// Passages of attachments that a model is told.
const PASSAGES: i64 = 4;
/// How often an answer is tried to be begun while the database is away; the next look finds it.
const TRIES: u32 = 8;
/// How often it is tried to be ended while the database, or the room, is away: until then all of it is kept here, after that what
/// the database has of it is all there is.
const ENDING_TRIES: u32 = 120;
/// Between two of those tries.
const AGAIN: Duration = Duration::from_secs(1);

/// Answers in a conversation until nothing is left to answer.
pub async fn answer_all(
    desk: &Desk,
    project: ProjectId,
    conversation: ConversationId,
    mut end: watch::Receiver<Option<End>>,
) {
    let mut tries = 0;
    loop {
        // Without its actor nobody could end it any more: the next actor finds it.
        if end.has_changed().is_err() || *end.borrow_and_update() == Some(End::Shutdown) {
            return;
        }
        let id = MessageId::random();
        let now = desk.chat.now();
        let begun = desk
            .chat
            .run(async |connection| answers::begin(connection, project, conversation, id, desk.holder, now).await)
            .await;
        match begun {
            Ok(None) => return,
            Ok(Some(begun)) => {
                tries = 0;
                answer(desk, project, conversation, begun, &mut end).await;
            }
            Err(_) if tries < TRIES => {
                tries += 1;
                sleep(AGAIN).await;
            }
            // The next look finds it.
            Err(_) => return,
        }
    }
}

/// How an answer went.
struct Outcome {
    body: String,
    usage: Usage,
    ended: Option<Ended>,
    failure: Option<Failure>,
    /// What is kept of the quotas for it.
    reservation: Option<Reservation>,
}

impl Outcome {
    fn failed(failure: Failure) -> Self {
        Self { body: String::new(), usage: Usage::default(), ended: None, failure: Some(failure), reservation: None }
    }
}

async fn answer(
    desk: &Desk,
    project: ProjectId,
    conversation: ConversationId,
    begun: Begun,
    end: &mut watch::Receiver<Option<End>>,
) {
    let mut speaker = Speaker::new(&desk.chat, project, conversation);
    let outcome = match prompt(desk, project, conversation, &begun).await {
        Ok(prompt) => {
            let answering = Answering::new(desk, (project, conversation), &begun, &prompt);
            answering.run(prompt, &mut speaker, end).await
        }
        Err(failure) => Some(Outcome::failed(failure)),
    };
    let Some(Outcome { body, usage, ended, failure, reservation }) = outcome else {
        // Whoever holds it now ends it.
        desk.chat.bus.answers.end(conversation, begun.id);
        return;
    };
    conclude(&mut speaker, &Ending { id: begun.id, body, ended, usage }, failure, ENDING_TRIES).await;
    if let Some(reservation) = reservation {
        // While the database is away it is booked as soon as it is back.
        let _ = reservation.settle(Used { input: usage.input_tokens, output: usage.output_tokens }).await;
    }
}

/// Ends an answer through its room, so many times while that is away; at last it is left to be found.
pub async fn conclude(speaker: &mut Speaker<'_>, ending: &Ending, failure: Option<Failure>, tries: u32) {
    for attempt in 0..tries {
        if attempt > 0 {
            sleep(AGAIN).await;
        }
        match speaker.ask(Conclude { ending: ending.clone(), failure: failure.clone() }).await {
            Err(Failure::Unavailable) => {}
            _ => return,
        }
    }
}

/// What the model is told.
async fn prompt(
    desk: &Desk,
    project: ProjectId,
    conversation: ConversationId,
    begun: &Begun,
) -> Result<Prompt, Failure> {
    let limit = (i64::from(desk.models.memory()) + begun.new).clamp(1, MOST_MESSAGES);
    let (lines, passages) = desk
        .chat
        .run(async |connection| {
            let answered = begun.up_to - begun.new;
            let lines = answers::memory(connection, project, conversation, begun.up_to, answered, limit).await?;
            let question: String = lines.last().map(|(_, _, text)| text.clone()).unwrap_or_default();
            let passages = chatbots::find_passages(connection, begun.chatbot, &question, PASSAGES).await?;
            Ok((lines, passages))
        })
        .await?;
    let said: Vec<Said> = lines.into_iter().map(|(role, by, text)| Said { role, by, text }).collect();
    let is_group = begun.kind == ConversationKind::Group;
    let places = Places { now: desk.chat.now(), user: &begun.asker_name, project: &begun.project_name };
    let mut system = context::fill(&begun.prompt, places);
    if is_group {
        if !system.is_empty() {
            system.push_str("\n\n");
        }
        system.push_str(context::IN_A_GROUP);
    }
    Ok(Prompt {
        model: desk.models.in_place_of(&begun.llm),
        system,
        passages: passages.into_iter().map(|(source, text)| Passage { source, text }).collect(),
        turns: context::turns(&said, desk.models.context_tokens(), is_group),
        settings: desk.models.answers(),
    })
}

/// An answer that comes in.
struct Answering<'a> {
    desk: &'a Desk,
    place: (ProjectId, ConversationId),
    begun: &'a Begun,
    id: MessageId,
    turn: i64,
    reservation: Option<Reservation>,
    /// Characters that the model is told.
    told: u64,
    /// It was told them.
    asked: bool,
    body: String,
    characters: usize,
    /// How much of the body everybody has heard.
    heard: usize,
    spoke_at: Instant,
}

/// Why the coming in is over.
enum Over {
    Complete(Option<Usage>),
    Ended(End),
    Failed(Failure),
    /// The right to it is gone.
    Lost,
}

impl<'a> Answering<'a> {
    fn new(desk: &'a Desk, place: (ProjectId, ConversationId), begun: &'a Begun, prompt: &Prompt) -> Self {
        let (id, turn, told) = (begun.id, begun.turn, prompt.characters());
        Self {
            desk,
            place,
            begun,
            id,
            turn,
            reservation: None,
            told,
            asked: false,
            body: String::new(),
            characters: 0,
            heard: 0,
            spoke_at: Instant::now() - PIECE,
        }
    }

    /// Asks the model and tells what it says. `None` if the answer is somebody else's by now.
    async fn run(
        mut self,
        mut prompt: Prompt,
        speaker: &mut Speaker<'_>,
        end: &mut watch::Receiver<Option<End>>,
    ) -> Option<Outcome> {
        let mut keep = interval(KEEP);
        keep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Waits for its place beside what others have reserved, and then for its turn among all answers of the server.
        let (quota, models, call) = (&self.desk.chat.quota, &self.desk.models, self.call(&prompt));
        let mut reserved = Box::pin(quota.reserve(call));
        let reservation = loop {
            tokio::select! {
                biased;
                came = end.changed() => if let Some(over) = self.called(came.is_ok(), end).await { break Err(over) },
                _ = keep.tick() => if let Some(over) = self.keep().await { break Err(over) },
                reservation = &mut reserved => break reservation.map_err(Over::Failed),
            }
        };
        drop(reserved);
        let reservation = match reservation {
            Ok(reservation) => reservation,
            Err(over) => return self.finish(over, speaker).await,
        };
        prompt.settings.output_tokens = u32::try_from(reservation.output_tokens()).unwrap_or(u32::MAX);
        self.reservation = Some(reservation);
        let mut asked = Box::pin(models.ask(self.place.0, prompt));
        let call = loop {
            tokio::select! {
                biased;
                came = end.changed() => if let Some(over) = self.called(came.is_ok(), end).await { break Err(over) },
                _ = keep.tick() => if let Some(over) = self.keep().await { break Err(over) },
                call = &mut asked => break call.map_err(|error| Over::Failed(error.into())),
            }
        };
        drop(asked);
        let over = match call {
            Err(over) => over,
            Ok(mut call) => {
                // From here on it takes tokens: that is kept first of all.
                self.asked = true;
                keep.reset_immediately();
                loop {
                    let is_silent = self.heard == self.body.len();
                    tokio::select! {
                        biased;
                        came = end.changed() => if let Some(over) = self.called(came.is_ok(), end).await { break over },
                        () = sleep_until(self.spoke_at + PIECE), if !is_silent => {
                            if let Some(over) = self.speak(speaker).await { break over }
                        }
                        _ = keep.tick() => if let Some(over) = self.keep().await { break over },
                        delta = call.next() => match delta {
                            Some(Ok(Delta::Text(text))) => if !self.take(&text) {
                                break Over::Failed(ModelError::TooLarge.into());
                            },
                            Some(Ok(Delta::ToolCall(_))) => {}
                            Some(Ok(Delta::End { usage })) => break Over::Complete(usage),
                            Some(Err(error)) => {
                                log::info!(target: "palabre::bots", "a model did not answer: {error}");
                                break Over::Failed(error.into());
                            }
                            None => break Over::Failed(ModelError::BrokenOff.into()),
                        },
                    }
                }
            }
        };
        self.finish(over, speaker).await
    }

    /// The call as the quotas count it.
    fn call(&self, prompt: &Prompt) -> quota::Call {
        let price = self.desk.models.price(&prompt.model);
        quota::Call {
            project: self.place.0,
            user: self.begun.asker,
            conversation: Some(self.place.1),
            chatbot: Some(self.begun.chatbot),
            model: prompt.model.clone(),
            wish: quota::wish(self.told, u64::from(prompt.settings.output_tokens), price),
        }
    }

    /// Takes more of the text; false when that is more than a message holds.
    fn take(&mut self, text: &str) -> bool {
        for c in text.chars().filter(|c| *c != '\0') {
            if self.characters >= BODY_CHARS || self.body.len() + c.len_utf8() > BODY_BYTES {
                return false;
            }
            self.body.push(c);
            self.characters += 1;
        }
        true
    }

    /// Tells what was not told yet.
    async fn speak(&mut self, speaker: &mut Speaker<'_>) -> Option<Over> {
        let text = self.body.get(self.heard..).unwrap_or_default().to_owned();
        (self.heard, self.spoke_at) = (self.body.len(), Instant::now());
        match speaker.ask(Utter { answer: self.id, turn: self.turn, text }).await {
            Err(Failure::Conflict(_)) => Some(Over::Ended(End::TurnIsOver)),
            Err(Failure::NotFound(_)) => Some(Over::Lost),
            // Nobody hears this piece; the message at the end has it.
            Ok(()) | Err(_) => None,
        }
    }

    /// What a call to end it comes to: the one of a switch may have been of a turn before this.
    async fn called(&mut self, is_known: bool, end: &mut watch::Receiver<Option<End>>) -> Option<Over> {
        match over(is_known, end) {
            Over::Ended(End::TurnIsOver) => self.keep().await,
            over => Some(over),
        }
    }

    /// Renews the right to the answer, with what is there. While the database is away the answer goes on: it holds until then.
    async fn keep(&mut self) -> Option<Over> {
        let (id, holder) = (self.id, self.desk.holder);
        let told = if self.asked { i64::try_from(self.told).unwrap_or(i64::MAX) } else { 0 };
        if let (true, Some(reservation)) = (self.asked, &self.reservation) {
            let said = u64::try_from(self.characters).unwrap_or(u64::MAX);
            // Booked if nothing more is heard of this; while the database is away the next time is soon enough.
            let _ = reservation.note_used(Used { input: estimate(self.told), output: estimate(said) }).await;
        }
        let kept = self
            .desk
            .chat
            .run(async |connection| Ok(answers::keep(connection, id, holder, &self.body, told).await?))
            .await;
        match kept {
            Ok(Kept::GoOn) | Err(_) => None,
            Ok(Kept::Stop) => Some(Over::Ended(End::Stop)),
            // Of an answer that is over because of the turn, or its bot, the tokens are still to be booked.
            Ok(Kept::TurnIsOver | Kept::Gone) => Some(Over::Ended(End::TurnIsOver)),
            Ok(Kept::Lost) => Some(Over::Lost),
        }
    }

    async fn finish(mut self, over: Over, speaker: &mut Speaker<'_>) -> Option<Outcome> {
        let said = u64::try_from(self.characters).unwrap_or(u64::MAX);
        let estimate = if self.asked { Usage::estimate(self.told, said) } else { Usage::default() };
        let is_silent = self.body.trim().is_empty();
        let outcome = |usage, ended, failure| Some((usage, ended, failure));
        let (usage, ended, failure) = match over {
            Over::Lost => return None,
            Over::Complete(usage) => outcome(usage.unwrap_or(estimate), None, None),
            Over::Ended(End::Stop) => outcome(estimate, Some(Ended::Stopped), None),
            Over::Ended(End::Shutdown) => outcome(estimate, Some(Ended::BrokenOff), None),
            // Nothing of it is stored, nor told any more.
            Over::Ended(End::TurnIsOver) => {
                self.heard = self.body.len();
                outcome(estimate, None, None)
            }
            // A provider that refused at once took nothing.
            Over::Failed(failure) if is_silent => outcome(Usage::default(), None, Some(failure)),
            Over::Failed(failure) => outcome(estimate, Some(Ended::BrokenOff), Some(failure)),
        }?;
        if self.heard < self.body.len() {
            // The pieces make up the message.
            let _ = self.speak(speaker).await;
        }
        Some(Outcome { body: self.body, usage, ended, failure, reservation: self.reservation })
    }
}

fn over(is_known: bool, end: &mut watch::Receiver<Option<End>>) -> Over {
    let why = *end.borrow_and_update();
    // An actor that is gone can't say any more why: as if the server stopped.
    Over::Ended(why.filter(|_| is_known).unwrap_or(End::Shutdown))
}
